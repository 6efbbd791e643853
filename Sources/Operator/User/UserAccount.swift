import Contract
import JSON
import Policy
import Redis

/// What one user may ask for in an hour, what he has, and where each figure comes from: as `admit` sees it.
struct UserAccount: Sendable {
    let user: String
    let partition: Int
    let nowMs: Int64
    let tier: Tier
    let tierOrigin: String
    let requests: Limit<Int>
    let cost: Limit<NanoUSD>
    let reserved: NanoUSD
    /// The most that he may have of the fleet's hour, where that is less than his own limit.
    let shareOfFleet: NanoUSD?
    /// False when there is neither a profile nor anything in the books.
    let isKnown: Bool

    struct Limit<Amount: Sendable>: Sendable {
        let max: Amount
        /// `profile`, or the tier.
        let origin: String
        let used: Amount
        let left: Amount
        /// When the first of what is used leaves the hour, Unix milliseconds; nil when nothing is.
        let freesAtMs: Int64?
    }

    private enum Limits {
        static let hourMs: Int64 = 3_600_000
        /// Costs that have left the hour and are not counted off yet: `admit` prunes 100 a call.
        static let dueMax = 10_000
    }

    static func read(
        _ user: String,
        in service: ServiceView
    ) async throws(RedisError) -> UserAccount {
        let keys = service.surroundings.keys(ofUser: user)
        let now = try await service.nowMs()
        let horizon = now - Limits.hourMs
        let (requests, log) = (keys.userRequests(user), keys.userCostLog(user))
        let answers = try await service.redis.pipeline([
            RedisCommand("HGETALL", .text(keys.userProfile(user))),
            RedisCommand("HGETALL", .text(keys.userCost(user))),
            RedisCommand("ZCOUNT", .text(requests), .text("(\(horizon)"), "+inf"),
            Self.first(of: requests, after: horizon),
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
            Self.first(of: log, after: horizon),
            RedisCommand("HGET", .text(service.globalKeys.cost), "limit_nanousd"),
        ])
        return UserAccount(user, keys.partition, now, answers, service.surroundings)
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
        _ partition: Int,
        _ nowMs: Int64,
        _ answers: [RedisValue],
        _ surroundings: Surroundings
    ) {
        let (profile, books) = (Fields(answers[0]), Fields(answers[1]))
        self.user = user
        self.partition = partition
        self.nowMs = nowMs
        let own = profile["tier"].flatMap(Tier.init(rawValue:))
        tier = own ?? surroundings.defaultTier
        tierOrigin = own == nil ? "DEFAULT_TIER" : "profile"

        let requestsMax = profile.int("requests_per_hour").map(Int.init) ?? tier.requestsPerHour
        let count = answers[2].int ?? 0
        requests = Limit(
            max: requestsMax,
            origin: profile.int("requests_per_hour") == nil ? "tier" : "profile",
            used: count,
            left: Swift.max(requestsMax - count, 0),
            freesAtMs: Self.leaves(answers[3])
        )

        let due = (answers[4].array ?? []).compactMap(\.text)
        let settled = books.int("settled_nanousd") ?? 0
        // When nothing else is in the log, all that was settled has left the hour.
        let gone =
            due.count == answers[5].int ?? 0
            ? settled : due.reduce(0) { $0 + (Int64($1.prefix { $0 != ":" }) ?? 0) }
        let spent = NanoUSD(settled - gone)
        reserved = NanoUSD(books.int("reserved_nanousd") ?? 0)
        let byTier = profile.int("cost_per_hour_nanousd").map { NanoUSD($0) } ?? tier.costPerHour
        // Of the fleet's, not of what his last admission counted with: his tier may be another now.
        let share = answers[7].int.map { NanoUSD(Int64(Double($0) * surroundings.userCostShare)) }
        shareOfFleet = share.flatMap { $0 < byTier ? $0 : nil }
        let costMax = shareOfFleet ?? byTier
        cost = Limit(
            max: costMax,
            origin: profile.int("cost_per_hour_nanousd") == nil ? "tier" : "profile",
            used: spent,
            left: Swift.max(costMax - spent - reserved, .zero),
            freesAtMs: Self.leaves(answers[6])
        )
        isKnown = !profile.isEmpty || !books.isEmpty || count > 0
    }

    /// When the first member of a log leaves the hour.
    private static func leaves(_ first: RedisValue) -> Int64? {
        first.array?.last?.int.map { Int64($0) + Limits.hourMs }
    }
}

extension UserAccount {
    func print(_ json: Bool) {
        if json { return printJSON(write) }
        Swift.print(page)
    }

    private var page: String {
        var lines = [
            Ink.bold(user) + ", tier \(tier.rawValue) (\(tierOrigin)), partition \(partition)"
        ]
        if !isKnown {
            lines.append(
                "  nothing is known of this user: no profile, and no request in the last hour;"
                    + " the next one will be admitted as below"
            )
        }
        lines.append("")
        lines +=
            Table(
                [
                    ["an hour", "limit", "from", "used", "reserved", "left", "first leaves"],
                    [
                        "requests", "\(requests.max)", requests.origin, "\(requests.used)", "",
                        "\(requests.left)", leaving(requests.freesAtMs),
                    ],
                    [
                        "USD", "\(cost.max)", shareOfFleet == nil ? cost.origin : "fleet's share",
                        "\(cost.used)", "\(reserved)", "\(cost.left)", leaving(cost.freesAtMs),
                    ],
                ],
                toTheRight: [1, 3, 4, 5]
            ).lines
        if shareOfFleet != nil {
            lines += [
                "",
                "  USER_COST_SHARE of COST_PER_HOUR_LIMIT is less than his own limit, and binds.",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private func leaving(_ ms: Int64?) -> String {
        ms.map { "in \(Figures.span(Swift.max($0 - nowMs, 0)))" } ?? ""
    }

    private func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("user_id", user)
            writer.field("partition", partition)
            writer.field("known", isKnown)
            writer.field("tier", tier.rawValue)
            writer.field("tier_from", tierOrigin)
            writer.key("requests")
            writer.object { writer in
                writer.field("limit", requests.max)
                writer.field("from", requests.origin)
                writer.field("used", requests.used)
                writer.field("left", requests.left)
                writer.field("frees_at", orNull: requests.freesAtMs)
            }
            writer.key("cost")
            writer.object { writer in
                writer.field("limit_usd", usd: cost.max)
                writer.field("from", shareOfFleet == nil ? cost.origin : "fleet_share")
                writer.field("settled_usd", usd: cost.used)
                writer.field("reserved_usd", usd: reserved)
                writer.field("left_usd", usd: cost.left)
                writer.field("frees_at", orNull: cost.freesAtMs)
            }
        }
    }
}
