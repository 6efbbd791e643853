package import Contract
package import Policy

/// One call of an attempt, as the books and the reply tell of it.
package struct CallRecord: Sendable {
    let route: Route
    let kind: Ladder.Kind
    let hold: Hold
    /// The model that answered, as it names itself; nil when none did.
    let modelName: String?
    let promptVersion: String
    let spend: Spend
    let askedMs: Int64
    let answeredMs: Int64

    var cost: NanoUSD { spend.cost(reserved: hold.amount) }
}

/// What is set aside for one call.
struct Hold: Sendable {
    let number: Int
    /// In the fleet's books.
    let name: String
    let amount: NanoUSD
}

/// What an attempt's calls come to.
package struct CallSums: Sendable {
    let cost: NanoUSD
    /// Nil when no call told.
    let usage: TokenUsage?
    let isEstimated: Bool
    let modelMs: Int64

    init(_ calls: [CallRecord]) {
        cost = calls.reduce(.zero) { $0 + $1.cost }
        isEstimated = calls.contains { $0.spend.isEstimated }
        let told = calls.compactMap { call -> TokenUsage? in
            if case .metered(let usage, _) = call.spend { usage } else { nil }
        }
        usage =
            told.isEmpty
            ? nil
            : TokenUsage(
                promptTokens: told.reduce(0) { $0 + $1.promptTokens },
                cachedTokens: told.reduce(0) { $0 + $1.cachedTokens },
                cacheWriteTokens: told.reduce(0) { $0 + $1.cacheWriteTokens },
                completionTokens: told.reduce(0) { $0 + $1.completionTokens }
            )
        let begun = calls.map(\.askedMs).min() ?? 0
        modelMs = max((calls.map(\.answeredMs).max() ?? 0) - begun, 0)
    }
}

/// How a call may be made: where, within its reservation and its time.
package final class CallTerms: Sendable {
    package let route: Route
    package let outputTokensMax: Int
    package let timeLeftMs: Int64
    package let address: Address
    /// Whose request it is; no model reads it.
    package let user: String
    /// Told while the answer comes how much of it has; nil where nobody wants to know.
    package let onProgress: ProgressListener?

    init(
        route: Route,
        outputTokensMax: Int,
        timeLeftMs: Int64,
        address: Address,
        user: String,
        onProgress: ProgressListener?
    ) {
        self.route = route
        self.outputTokensMax = outputTokensMax
        self.timeLeftMs = timeLeftMs
        self.address = address
        self.user = user
        self.onProgress = onProgress
    }
}

/// Called with the tokens that a model has written so far, about.
package typealias ProgressListener = @Sendable (_ tokens: Int) async -> Void

/// How a model call ended.
package enum Completion: Sendable {
    /// It answered; whether that is a strategy, `Validation` says.
    indirect case answer(Answer)
    /// It answered, and there is nothing in it to look at.
    indirect case unusable(Unusable, modelName: String, Spend)
    case failure(CallFault, Spend)

    package struct Answer: Sendable {
        /// JSON of the schema of its form, or what the model made of it.
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

    package enum Unusable: Sendable {
        /// It would not: asked again it would not either.
        case refused
        /// Its provider would not let it.
        case filtered
        /// Cut off by the limit on its length.
        case cutShort
        case empty
        /// Our own instructions are in it: no word of it is used.
        case leaked
    }

    package var spend: Spend {
        switch self {
        case .answer(let answer): answer.spend
        case .unusable(_, _, let spend), .failure(_, let spend): spend
        }
    }

    var modelName: String? {
        switch self {
        case .answer(let answer): answer.modelName
        case .unusable(_, let name, _): name
        case .failure: nil
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

extension Spend {
    func cost(reserved: NanoUSD) -> NanoUSD {
        switch self {
        case .nothing: .zero
        case .metered(_, let cost): cost
        case .unknown: reserved
        }
    }

    var isEstimated: Bool {
        if case .unknown = self { return true }
        return false
    }
}
