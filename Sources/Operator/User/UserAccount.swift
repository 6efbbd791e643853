import Contract
import Desk
import Gateways
import JSON
import Policy
import Redis

extension UserHour {
    static func read(
        _ user: String,
        in service: ServiceView
    ) async throws(RedisError) -> UserHour {
        try await read(
            user,
            keys: service.surroundings.keys(ofUser: user),
            global: service.globalKeys,
            terms: Terms(
                defaultTier: service.surroundings.defaultTier,
                userCostShare: service.surroundings.userCostShare
            ),
            over: service.redis
        )
    }

    private var tierSource: String {
        switch tierOrigin {
        case .claim: "token"
        case .profile: "profile"
        case .standard: "DEFAULT_TIER"
        }
    }

    private func source(isOwn: Bool) -> String { isOwn ? "profile" : "tier" }
}

extension UserHour {
    func print(_ json: Bool) {
        if json { return printJSON(write) }
        Swift.print(page)
    }

    private var page: String {
        var lines = [
            Ink.bold(user) + ", tier \(tier.rawValue) (\(tierSource)), partition \(partition)"
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
                        "requests", "\(requests.max)", source(isOwn: requests.isOwn),
                        "\(requests.used)", "",
                        "\(requests.left)", leaving(requests.freesAtMs),
                    ],
                    [
                        "USD", "\(cost.max)",
                        shareOfFleet == nil ? source(isOwn: cost.isOwn) : "fleet's share",
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
        if let approvalLevel {
            lines += [
                "", "  Approved for level \(approvalLevel), whatever higher one a request says.",
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
            writer.field("tier_from", tierSource)
            writer.field("approval_level", orNull: approvalLevel.map(Int64.init))
            writer.key("requests")
            writer.object { writer in
                writer.field("limit", requests.max)
                writer.field("from", source(isOwn: requests.isOwn))
                writer.field("used", requests.used)
                writer.field("left", requests.left)
                writer.field("frees_at", orNull: requests.freesAtMs)
            }
            writer.key("cost")
            writer.object { writer in
                writer.field("limit_usd", usd: cost.max)
                writer.field(
                    "from",
                    shareOfFleet == nil ? source(isOwn: cost.isOwn) : "fleet_share"
                )
                writer.field("settled_usd", usd: cost.used)
                writer.field("reserved_usd", usd: reserved)
                writer.field("left_usd", usd: cost.left)
                writer.field("frees_at", orNull: cost.freesAtMs)
            }
        }
    }
}
