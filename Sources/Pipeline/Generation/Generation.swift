package import Contract
internal import Options
package import Policy
internal import Synchronization

/// The stage that costs money: the model is asked once, within the deadline.
package struct Generation: Sendable {
    private let model: any Model
    private let clock: any StoreClock
    private let rules: Rules
    private let expiries = ExpiriesOfToday()

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

    /// What is going to be asked, and may cost; nothing is sent yet.
    package func prepare(_ accepted: Accepted) -> PreparedCall {
        model.prepare(
            Question(
                facts: Facts(
                    of: accepted.request,
                    nowMs: accepted.times.nowMs,
                    expiries: expiries.from(Facts.today(at: accepted.times.nowMs))
                ),
                intent: accepted.request.intent,
                outputTokensMax: rules.outputTokensMax
            )
        )
    }

    package func ask(_ admitted: Admitted) async -> Draft {
        let now = clock.nowMs()
        let left = admitted.registered.lastCallMs - now
        guard left > 0 else {
            return Draft(.failure(.deadline, .nothing), askedMs: now, answeredMs: now)
        }
        let terms = CallTerms(
            outputTokensMax: admitted.call.quote.outputTokens(within: admitted.reserved),
            timeLeftMs: left,
            address: admitted.address
        )
        let completion = await model.complete(admitted.call, terms)
        return Draft(completion, askedMs: now, answeredMs: clock.nowMs())
    }
}

/// The expiries that may be used, worked out once a day.
private final class ExpiriesOfToday: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let known = Mutex<(today: CivilDate, expiries: [CivilDate])?>(nil)

    func from(_ today: CivilDate) -> [CivilDate] {
        known.withLock { known in
            if let known, known.today == today { return known.expiries }
            let expiries = Facts.expiries(from: today)
            known = (today, expiries)
            return expiries
        }
    }
}

/// What is put to a model. The gateway makes words of it.
package struct Question: Sendable {
    /// The only numbers that an answer may use.
    package let facts: Facts
    /// What the user typed: data, never instructions.
    package let intent: String
    package let outputTokensMax: Int
}

/// A question as the gateway wrote it down, and what asking it may cost.
package struct PreparedCall: Sendable {
    /// The gateway's own; nobody else reads it.
    package let prompt: [UInt8]
    package let quote: Quote

    package init(prompt: [UInt8], quote: Quote) {
        self.prompt = prompt
        self.quote = quote
    }
}

/// How a call may be made: within its reservation and its time.
package struct CallTerms: Sendable {
    package let outputTokensMax: Int
    package let timeLeftMs: Int64
    package let address: Address
}

/// How a model call ended.
package enum Completion: Sendable {
    /// It answered; whether that is a strategy, `Validation` says.
    case answer(Answer)
    case failure(ModelFailure, Spend)

    package struct Answer: Sendable {
        /// JSON of the proposal schema, or what the model made of it.
        package let proposal: [UInt8]
        /// The model that answered, as it names itself.
        package let modelName: String
        package let spend: Spend

        package init(proposal: [UInt8], modelName: String, spend: Spend) {
            self.proposal = proposal
            self.modelName = modelName
            self.spend = spend
        }
    }
}

/// What a call cost.
package enum Spend: Sendable {
    /// It was not made, or was turned away before it was billed.
    case nothing
    /// By what the provider says that it used, and the price file.
    case metered(TokenUsage, NanoUSD)
    /// Nobody knows: it is charged at its reservation.
    case unknown
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
package final class Draft: Sendable {
    package let completion: Completion
    package let askedMs: Int64
    package let answeredMs: Int64

    fileprivate init(_ completion: Completion, askedMs: Int64, answeredMs: Int64) {
        self.completion = completion
        self.askedMs = askedMs
        self.answeredMs = answeredMs
    }
}
