/// Why a call brought no answer, by what follows from it. Waits are milliseconds, as the other side
/// asks for them; nil when it does not.
package enum CallFault: Error, Equatable, Sendable {
    /// 429: too many requests or tokens a minute.
    case rateLimited(waitMs: Int64?)
    /// 429 `slow_down`: traffic grows too fast.
    case slowDown(waitMs: Int64?)
    /// 503.
    case overloaded(waitMs: Int64?)
    /// Any other 5xx, 408, 409.
    case serverError(waitMs: Int64?)
    /// No wait can help: more tokens than a minute has, or than the model's context.
    case tooLarge
    /// 429 `insufficient_quota` and its like: the account has no money left.
    case outOfQuota
    /// 401.
    case keyRefused
    /// 403.
    case forbidden
    /// 404 `model_not_found`: permanent.
    case modelGone
    /// Any other 4xx: the request itself.
    case refusedRequest
    /// The request goes against the provider's policy, there and everywhere.
    case refusedContent
    /// No name, no connection, no safe one: nothing was sent.
    case unreachable
    /// Lost, or silent for too long, after it may have been sent.
    case brokenOff
    /// A 2xx that is not what the API promises.
    case unintelligible
    /// The request's own time was over.
    case deadline
    /// This process is stopping.
    case cancelled

    /// Whether the same call may go well a little later.
    package var mayPass: Bool {
        switch self {
        case .rateLimited, .slowDown, .overloaded, .serverError, .unreachable, .brokenOff,
            .unintelligible:
            true
        case .tooLarge, .outOfQuota, .keyRefused, .forbidden, .modelGone, .refusedRequest,
            .refusedContent, .deadline, .cancelled:
            false
        }
    }

    package var waitMs: Int64? {
        switch self {
        case .rateLimited(let ms), .slowDown(let ms), .overloaded(let ms), .serverError(let ms): ms
        default: nil
        }
    }

    /// Whether every model at that endpoint fails alike.
    package var isEndpointWide: Bool {
        switch self {
        case .outOfQuota, .keyRefused, .forbidden, .unreachable: true
        default: false
        }
    }

    /// Whether another model or endpoint may still answer.
    package var isElsewhereWorthwhile: Bool {
        switch self {
        case .refusedContent, .deadline, .cancelled: false
        default: true
        }
    }

    /// What the provider will not take back before somebody has done something.
    package var alert: Alert? {
        switch self {
        case .outOfQuota: .outOfQuota
        case .keyRefused: .keyRefused
        case .forbidden: .forbidden
        case .modelGone: .modelGone
        default: nil
        }
    }

    package enum Alert: String, CaseIterable, Sendable {
        case outOfQuota = "out_of_quota"
        case keyRefused = "key_refused"
        case forbidden
        case modelGone = "model_gone"
    }
}

extension CallFault {
    /// What an answer's status and code say: both, since one code has several meanings.
    ///
    /// - Parameters:
    ///   - code: The error's `code`, or its `type` where it has no code.
    ///   - isTooLarge: The sentence beside them says that no wait can help.
    ///   - shouldRetry: `x-should-retry`, where it is sent.
    package init(
        status: Int,
        code: String?,
        isTooLarge: Bool,
        waitMs: Int64?,
        shouldRetry: Bool?
    ) {
        switch (status, code) {
        case (_, "insufficient_quota"), (_, "credit_balance_exhausted"),
            (_, "billing_hard_limit_reached"), (_, "spend_limit_reached"),
            (_, "billing_not_active"):
            self = .outOfQuota
        case (401, _): self = .keyRefused
        case (403, _): self = .forbidden
        case (404, "model_not_found"), (404, "DeploymentNotFound"): self = .modelGone
        case (_, "context_length_exceeded"): self = .tooLarge
        case (_, "content_policy_violation"), (_, "content_filter"): self = .refusedContent
        case (429, _) where isTooLarge: self = .tooLarge
        case (429, "slow_down"): self = .slowDown(waitMs: waitMs)
        case (429, _): self = .rateLimited(waitMs: waitMs)
        case (408, _), (409, _):
            self = shouldRetry == false ? .refusedRequest : .serverError(waitMs: waitMs)
        case (503, _): self = .overloaded(waitMs: waitMs)
        case (500..., _): self = .serverError(waitMs: waitMs)
        case (400..., _): self = .refusedRequest
        default: self = .unintelligible
        }
    }
}
