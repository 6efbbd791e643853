package import Contract
internal import Pipeline
package import Policy
internal import Redis

/// What the books go by: tiers, and how long what is kept.
package struct BookRules: Sendable {
    /// `ENABLE_RATE_LIMITING`.
    package let limitsRequests: Bool
    /// `ENABLE_COST_TRACKING`.
    package let limitsCost: Bool
    /// `DEFAULT_TIER`, of users without a profile.
    package let defaultTier: Tier
    /// The most that one user may spend in an hour of what the fleet may, whatever his tier.
    package let userCostMax: NanoUSD
    /// `REPLY_TTL`.
    package let replyTTLMs: Int64
    /// `DEDUPE_TTL`: how long an ended request is remembered.
    package let dedupeTTLMs: Int64
    /// `BATCH_TIMEOUT`: how long the members of a burst are waited for.
    package let batchTimeoutMs: Int64

    package init(
        limitsRequests: Bool,
        limitsCost: Bool,
        defaultTier: Tier,
        userCostMax: NanoUSD,
        replyTTLMs: Int64,
        dedupeTTLMs: Int64,
        batchTimeoutMs: Int64
    ) {
        self.limitsRequests = limitsRequests
        self.limitsCost = limitsCost
        self.defaultTier = defaultTier
        self.userCostMax = userCostMax
        self.replyTTLMs = replyTTLMs
        self.dedupeTTLMs = dedupeTTLMs
        self.batchTimeoutMs = batchTimeoutMs
    }

    /// The table of tiers, as scripts take it.
    let tierArguments: [RedisCommand.Argument] = Tier.allCases.flatMap {
        [
            .text($0.rawValue), .number($0.requestsPerHour), .number(Int($0.costPerHour.amount)),
        ] as [RedisCommand.Argument]
    }
}

/// What `admit` answers, read.
enum AdmitAnswer {
    case verdict(Admittance)
    /// The record names another process: ask again with that one's sign of life.
    case owner(String)

    init?(_ answer: RedisValue, partition: Int, _ id: RequestID, _ rules: BookRules) {
        guard let parts = answer.array, let word = parts.first?.text else { return nil }
        switch word {
        case "granted":
            guard let grant = Self.grant(parts, partition, id, rules) else { return nil }
            self = .verdict(.granted(grant))
        case "wait":
            guard parts.count == 2, let ms = parts[1].number else { return nil }
            self = .verdict(.wait(ms: Int64(ms)))
        case "refused":
            guard let rejection = Self.rejection(parts) else { return nil }
            self = .verdict(.refused(rejection))
        case "owner":
            guard parts.count == 2, let name = parts[1].text else { return nil }
            self = .owner(name)
        case "expired":
            guard parts.count == 3, let code = parts[1].text, let cost = parts[2].number else {
                return nil
            }
            self = .verdict(.dropped(.expired(code: code, cost: NanoUSD(Int64(cost)))))
        case "cancelled":
            guard parts.count == 2, let by = parts[1].bytes else { return nil }
            self = .verdict(.cancelled(Cancellation(remembered: by)))
        case "lost": self = .verdict(.dropped(.lost))
        case "duplicate": self = .verdict(.dropped(.duplicate))
        case "returned": self = .verdict(.dropped(.returned))
        case "conflict": self = .verdict(.conflict)
        default: return nil
        }
    }

    private static func grant(
        _ parts: [RedisValue],
        _ partition: Int,
        _ id: RequestID,
        _ rules: BookRules
    ) -> Grant? {
        guard parts.count == 13, let attempt = parts[1].number, let reserved = parts[2].number,
            let deadline = parts[3].number, let tier = parts[4].text,
            let requests = parts[5].number, let cost = parts[6].number,
            let resets = parts[7].number, let callsMade = parts[11].number
        else { return nil }
        var inherited: Charge?
        if let attempt = parts[8].number, let call = parts[9].number, let due = parts[10].number {
            inherited = Charge(
                name: GlobalKeys.reservation(
                    partition: partition,
                    id,
                    attempt: attempt,
                    call: call
                ),
                cost: NanoUSD(Int64(due))
            )
        }
        return Grant(
            attempt: attempt,
            reserved: NanoUSD(Int64(reserved)),
            deadlineMs: Int64(deadline),
            limits: LimitsPayload(
                tier: tier,
                requestsLeft: rules.limitsRequests ? requests : nil,
                costLeft: rules.limitsCost ? NanoUSD(Int64(cost)) : nil,
                resetsAtMs: resets == 0 ? nil : Int64(resets)
            ),
            inherited: inherited,
            callsMade: callsMade,
            approvalLevel: parts[12].number.flatMap { (1...4).contains($0) ? $0 : nil }
        )
    }

    private static func rejection(_ parts: [RedisValue]) -> Rejection? {
        guard parts.count == 5, let tier = parts[2].text, let left = parts[3].number,
            let wait = parts[4].number
        else { return nil }
        let retryAfterMs = wait < 0 ? nil : Int64(wait)
        guard parts[1].text == "requests" else {
            return Rejection(
                .budgetExceeded,
                "the user's budget of an hour, tier \(tier), does not cover the request",
                bound: .userCost(left: NanoUSD(Int64(left))),
                retryAfterMs: retryAfterMs
            )
        }
        return Rejection(
            .rateLimited,
            "the user has made as many requests in an hour as tier \(tier) allows",
            bound: .userRequests(left: left),
            retryAfterMs: retryAfterMs
        )
    }
}

extension RedisValue {
    /// A whole number, as Redis or as Lua writes it.
    var number: Int? {
        if let int { return int }
        if case .status(let line) = self { return Int(line) }
        return nil
    }
}
