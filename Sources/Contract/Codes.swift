/// Why a request was turned away: the caller's fault, or a limit of his.
package enum RejectionCode: String, CaseIterable, Sendable {
    case invalidRequest = "invalid_request"
    case payloadTooLarge = "payload_too_large"
    case unauthorized
    case forbidden
    case promptInjection = "prompt_injection"
    case contentPolicy = "content_policy"
    case rateLimited = "rate_limited"
    case budgetExceeded = "budget_exceeded"
    case maxCostTooLow = "max_cost_too_low"
    case unsuitable
    case tierFeature = "tier_feature"
    case deadlinePassed = "deadline_passed"
    case overloaded
    case answerExpired = "answer_expired"
}

/// Why we could not answer a request that was in order.
package enum FailureCode: String, CaseIterable, Sendable {
    case attemptsExhausted = "attempts_exhausted"
    case poison
    case `internal`
    case upstreamError = "upstream_error"
    case invalidOutput = "invalid_output"
    case deadline
}

/// Why a rung of the fallback answered in the model's place.
package enum Degradation: String, CaseIterable, Sendable {
    /// The model did not answer in time, or there was no time left to ask it.
    case deadline
    case upstreamError = "upstream_error"
    /// Every way to a model is closed, after what the fleet has seen of it.
    case circuitOpen = "circuit_open"
    /// What the model wrote was no strategy, or one that a rule blocks and no repair could save.
    case invalidOutput = "invalid_output"
    /// What the model wrote was sound, and is not for this tier or on the restricted list.
    case notPermitted = "not_permitted"
    /// Nothing that suits is within the limits, so no model was asked to choose.
    case nothingToChoose = "nothing_to_choose"
    /// The service may make no further call this minute, or spend no more this hour.
    case globalPace = "global_pace"
    case globalBudget = "global_budget"
}

/// A refusal as the caller reads it.
///
/// `message` is one sentence for a person; it never holds a secret, a prompt, another user's data
/// or more than a few words of the caller's own.
package struct Rejection: Error, Equatable, Sendable {
    package let code: RejectionCode
    package let message: String
    /// A JSON Pointer into the payload (`/market_context/current_price`), or an entry field's name.
    package let field: String?
    package let bound: Bound?
    package let retryAfterMs: Int64?

    /// The limit that a refusal is for, and what of it is left.
    package enum Bound: Equatable, Sendable {
        case userRequests(left: Int)
        case userCost(left: NanoUSD)
        /// Requests of this user that wait for each other.
        case userParked
    }

    package init(
        _ code: RejectionCode,
        _ message: String,
        field: String? = nil,
        bound: Bound? = nil,
        retryAfterMs: Int64? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.bound = bound
        self.retryAfterMs = retryAfterMs
    }

    package static func invalid(_ field: String, _ message: String) -> Rejection {
        Rejection(.invalidRequest, message, field: field)
    }
}

/// A failure as the caller reads it: never an internal detail, a key, a prompt or a stack.
package struct Failure: Error, Equatable, Sendable {
    package let code: FailureCode
    package let message: String

    package init(_ code: FailureCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
