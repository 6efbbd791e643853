package import Contract
package import Policy
package import Redis

/// What one user may ask for in an hour, what he has, and where each figure comes from: as `admit` sees
/// it.
package struct UserHour: Sendable {
    package let user: String
    package let partition: Int
    package let nowMs: Int64
    package let tier: Tier
    package let tierOrigin: TierOrigin
    package let requests: Limit<Int>
    package let cost: Limit<NanoUSD>
    package let reserved: NanoUSD
    /// The most that he may have of the fleet's hour, where that is less than his own limit.
    package let shareOfFleet: NanoUSD?
    /// What his profile approves him for, 1–4; nil where it says nothing.
    package let approvalLevel: Int?
    /// False when there is neither a profile nor anything in the books.
    package let isKnown: Bool
    private let terms: Terms

    package enum TierOrigin: Sendable {
        case claim
        case profile
        /// `DEFAULT_TIER`.
        case standard
    }

    package struct Limit<Amount: Sendable>: Sendable {
        package let max: Amount
        /// The user's own, from his profile; else his tier's.
        package let isOwn: Bool
        package let used: Amount
        package let left: Amount
        /// When the first of what is used leaves the hour, Unix milliseconds; nil when nothing is.
        package let freesAtMs: Int64?
    }

    /// What workers go by, beside what is in Redis.
    package struct Terms: Sendable {
        /// `DEFAULT_TIER`.
        package let defaultTier: Tier
        /// `USER_COST_SHARE`.
        package let userCostShare: Double
        /// `ENABLE_RATE_LIMITING`, and `ENABLE_COST_TRACKING`.
        package let limitsRequests: Bool
        package let limitsCost: Bool

        package init(
            defaultTier: Tier,
            userCostShare: Double,
            limitsRequests: Bool = true,
            limitsCost: Bool = true
        ) {
            self.defaultTier = defaultTier
            self.userCostShare = userCostShare
            self.limitsRequests = limitsRequests
            self.limitsCost = limitsCost
        }
    }

    private enum Limits {
        static let hourMs: Int64 = 3_600_000
        /// Costs that have left the hour and are not counted off yet: `admit` prunes 100 a call.
        static let dueMax = 10_000
    }

    /// - Parameter claimed: The tier that a token claims, which stands above his profile's.
    package static func read(
        _ user: String,
        as claimed: String? = nil,
        keys: Keys,
        global: GlobalKeys,
        terms: Terms,
        over redis: RedisConnection
    ) async throws(RedisError) -> UserHour {
        let time = try await redis.send(RedisCommand("TIME")).array ?? []
        guard time.count == 2, let seconds = time[0].int, let micros = time[1].int else {
            throw .connectionLost(.protocolViolation("TIME answered no time"))
        }
        let now = Int64(seconds) * 1_000 + Int64(micros) / 1_000
        let horizon = now - Limits.hourMs
        let (requests, log) = (keys.userRequests(user), keys.userCostLog(user))
        let answers = try await redis.pipeline([
            RedisCommand("HGETALL", .text(keys.userProfile(user))),
            RedisCommand("HGETALL", .text(keys.userCost(user))),
            RedisCommand("ZCOUNT", .text(requests), .text("(\(horizon)"), "+inf"),
            first(of: requests, after: horizon),
            RedisCommand(
                "ZRANGEBYSCORE",
                .text(log),
                "-inf",
                .text("\(horizon)"),
                "LIMIT",
                0,
                .number(Limits.dueMax)
            ),
            RedisCommand("ZCARD", .text(log)),
            first(of: log, after: horizon),
            RedisCommand("HGET", .text(global.cost), "limit_nanousd"),
        ])
        return UserHour(user, claimed, keys.partition, now, answers, terms)
    }

    private static func first(of key: String, after ms: Int64) -> RedisCommand {
        RedisCommand(
            "ZRANGEBYSCORE",
            .text(key),
            .text("(\(ms)"),
            "+inf",
            "WITHSCORES",
            "LIMIT",
            0,
            1
        )
    }

    private init(
        _ user: String,
        _ claimed: String?,
        _ partition: Int,
        _ nowMs: Int64,
        _ answers: [RedisValue],
        _ terms: Terms
    ) {
        let (profile, books) = (Self.hash(answers[0]), Self.hash(answers[1]))
        self.user = user
        self.partition = partition
        self.nowMs = nowMs
        self.terms = terms
        let own = profile["tier"].flatMap(Tier.init(rawValue:))
        let claim = claimed.flatMap(Tier.init(rawValue:))
        tier = claim ?? own ?? terms.defaultTier
        tierOrigin = claim != nil ? .claim : own != nil ? .profile : .standard
        // As `admit` has it: of a profile of another tier than the claimed one nothing counts.
        let counts = claim == nil || claim == (own ?? terms.defaultTier)
        func limit(_ name: String) -> Int64? {
            counts ? profile[name].flatMap { Int64($0) } : nil
        }

        let ownRequests = limit("requests_per_hour").map(Int.init)
        let requestsMax = ownRequests ?? tier.requestsPerHour
        let count = answers[2].int ?? 0
        requests = Limit(
            max: requestsMax,
            isOwn: ownRequests != nil,
            used: count,
            left: Swift.max(requestsMax - count, 0),
            freesAtMs: Self.leaves(answers[3])
        )

        let due = (answers[4].array ?? []).compactMap(\.text)
        let settled = books["settled_nanousd"].flatMap { Int64($0) } ?? 0
        // When nothing else is in the log, all that was settled has left the hour.
        let gone =
            due.count == answers[5].int ?? 0
            ? settled : due.reduce(0) { $0 + (Int64($1.prefix { $0 != ":" }) ?? 0) }
        let spent = NanoUSD(settled - gone)
        reserved = NanoUSD(books["reserved_nanousd"].flatMap { Int64($0) } ?? 0)
        let ownCost = limit("cost_per_hour_nanousd").map { NanoUSD($0) }
        let byTier = ownCost ?? tier.costPerHour
        // Of the fleet's, not of what his last admission counted with: his tier may be another now.
        let share = answers[7].int.map { NanoUSD(Int64(Double($0) * terms.userCostShare)) }
        shareOfFleet = share.flatMap { $0 < byTier ? $0 : nil }
        let costMax = shareOfFleet ?? byTier
        cost = Limit(
            max: costMax,
            isOwn: ownCost != nil,
            used: spent,
            left: Swift.max(costMax - spent - reserved, .zero),
            freesAtMs: Self.leaves(answers[6])
        )
        approvalLevel = profile["approval_level"].flatMap { Int($0) }
        isKnown = !profile.isEmpty || !books.isEmpty || count > 0
    }

    /// What he has left, as answers tell it.
    package var left: LimitsPayload {
        LimitsPayload(
            tier: tier.rawValue,
            requestsLeft: terms.limitsRequests ? requests.left : nil,
            costLeft: terms.limitsCost ? cost.left : nil,
            resetsAtMs: requests.freesAtMs
        )
    }

    private static func hash(_ value: RedisValue) -> [String: String] {
        (value.pairs ?? []).reduce(into: [:]) { all, pair in
            all[String(decoding: pair.key, as: UTF8.self)] = pair.value.text
        }
    }

    /// When the first member of a log leaves the hour.
    private static func leaves(_ first: RedisValue) -> Int64? {
        first.array?.last?.int.map { Int64($0) + Limits.hourMs }
    }
}
