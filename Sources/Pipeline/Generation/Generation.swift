package import Contract
package import Policy

/// The stage that costs money: the model is asked once, within the deadline.
package struct Generation: Sendable {
    private let model: any Model
    private let clock: any StoreClock
    private let rules: Rules

    package init(model: any Model, clock: any StoreClock, rules: Rules) {
        self.model = model
        self.clock = clock
        self.rules = rules
    }

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `MAX_TOKENS`: the most an answer may have.
        package let outputTokensMax: Int

        package init(outputTokensMax: Int) { self.outputTokensMax = outputTokensMax }
    }

    package func ask(_ accepted: Accepted) async -> Draft {
        let now = clock.nowMs()
        let left = accepted.times.deadlineMs - now - Self.settlementMarginMs(of: accepted.times)
        guard left > 0 else { return Draft(.failure(.deadline), askedMs: now, answeredMs: now) }
        let question = Question(
            facts: Facts(of: accepted.request, nowMs: now),
            intent: accepted.request.intent,
            outputTokensMax: rules.outputTokensMax,
            timeLeftMs: left,
            address: accepted.address
        )
        let completion = await model.complete(question)
        return Draft(completion, askedMs: now, answeredMs: clock.nowMs())
    }

    /// Milliseconds kept back for judging and for the answer's way to the reply stream: what a loop
    /// with a thousand requests in flight needs at the 99th percentile, many times over.
    private static func settlementMarginMs(of times: Accepted.Times) -> Int64 {
        min(100, (times.deadlineMs - times.nowMs) / 10)
    }
}

/// What is put to a model. The gateway makes words of it.
package struct Question: Sendable {
    /// The only numbers that an answer may use.
    package let facts: Facts
    /// What the user typed: data, never instructions.
    package let intent: String
    package let outputTokensMax: Int
    package let timeLeftMs: Int64
    package let address: Address
}

/// How a model call ended.
package enum Completion: Sendable {
    /// It answered; whether that is a strategy, `Validation` says.
    case answer(Answer)
    case failure(ModelFailure)

    package struct Answer: Sendable {
        /// JSON of the proposal schema, or what the model made of it.
        package let proposal: [UInt8]
        /// The model that answered, as it names itself.
        package let modelName: String
        /// Nil when the provider did not say.
        package let usage: TokenUsage?
        /// What `usage` costs by the price file, or the most that the call can have cost.
        package let cost: NanoUSD

        package init(proposal: [UInt8], modelName: String, usage: TokenUsage?, cost: NanoUSD) {
            self.proposal = proposal
            self.modelName = modelName
            self.usage = usage
            self.cost = cost
        }
    }
}

/// Why there is no answer. The details are in the log; none of them is for the caller.
package enum ModelFailure: Error, Equatable, Sendable {
    /// It did not come in time.
    case deadline
    /// Not reached, refused, overloaded, or broken off.
    case upstream
    /// It came, and is no proposal: a refusal, cut short, filtered, or not what was asked for.
    case unusable
    /// This process is stopping.
    case cancelled
}

/// What came of asking. Only `Generation`, in this file, can make one.
package struct Draft: Sendable {
    package let completion: Completion
    package let askedMs: Int64
    package let answeredMs: Int64

    fileprivate init(_ completion: Completion, askedMs: Int64, answeredMs: Int64) {
        self.completion = completion
        self.askedMs = askedMs
        self.answeredMs = answeredMs
    }
}
