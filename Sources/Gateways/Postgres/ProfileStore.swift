package import Contract
package import Postgres
package import Redis

/// What a user is and may do, where it differs from what his tier says.
package struct UserProfile: Equatable, Sendable {
    package var tier: String?
    package var requestsPerHour: Int64?
    package var costPerHour: NanoUSD?
    package var approvalLevel: Int64?
    package var riskProfile: String?

    package init() {}

    /// The members that are there, by their names in Redis.
    package var fields: [(name: String, value: String)] {
        let all: [(String, String?)] = [
            ("tier", tier), ("requests_per_hour", requestsPerHour.map(String.init)),
            ("cost_per_hour_nanousd", costPerHour.map { "\($0.amount)" }),
            ("approval_level", approvalLevel.map(String.init)), ("risk_profile", riskProfile),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }
}

/// Users' profiles in PostgreSQL; Redis has copies, which are made again when they change and never
/// expire by time.
package struct ProfileStore: Sendable {
    private let pool: PostgresPool

    package enum Limits {
        /// Profiles of one page.
        package static let pageMax = 1_000
    }

    package init(pool: PostgresPool) { self.pool = pool }

    /// Where to go on in the order of changes.
    package struct Mark: Equatable, Sendable {
        package let microseconds: Int64
        package let user: String

        package static let beginning = Mark(microseconds: 0, user: "")

        package init(microseconds: Int64, user: String) {
            self.microseconds = microseconds
            self.user = user
        }

        /// A change that began earlier may be seen later: some seconds are looked at again.
        package var withOverlap: Mark {
            Mark(microseconds: max(microseconds - 10_000_000, 0), user: "")
        }
    }

    package func set(
        _ user: String,
        _ profile: UserProfile,
        members: [String],
        by whom: String
    ) async throws(PostgresError) {
        func number(_ value: Int64?) -> PostgresParameter { value.map { .int($0) } ?? .null }
        func text(_ value: String?) -> PostgresParameter { value.map { .text($0) } ?? .null }
        try await pool.query(
            Queries.profileSet,
            [
                .text(user), .texts(members), text(profile.tier),
                number(profile.requestsPerHour), number(profile.costPerHour?.amount),
                number(profile.approvalLevel), text(profile.riskProfile), .text(whom),
            ]
        )
    }

    package func changes(
        after mark: Mark
    ) async throws(PostgresError) -> [(user: String, profile: UserProfile, mark: Mark)] {
        try await pool.query(
            Queries.profileChanges,
            [.int(mark.microseconds), .text(mark.user), .int(Limits.pageMax)]
        ).rows.map { row in
            let user = row.text(0) ?? ""
            var profile = UserProfile()
            profile.tier = row.text(1)
            profile.requestsPerHour = row.int(2)
            profile.costPerHour = row.int(3).map { NanoUSD($0) }
            profile.approvalLevel = row.int(4)
            profile.riskProfile = row.text(5)
            return (user, profile, Mark(microseconds: row.int(6) ?? 0, user: user))
        }
    }
}

extension UserProfile {
    /// Puts a copy in the place of the one in Redis, in one step: no request is admitted by half of it.
    package func copy(
        to key: String,
        over connection: RedisConnection
    ) async throws(RedisError) {
        var commands = [RedisCommand("MULTI"), RedisCommand("DEL", .text(key))]
        for (name, value) in fields {
            commands.append(RedisCommand("HSET", .text(key), .text(name), .text(value)))
        }
        commands.append(RedisCommand("EXEC"))
        for answer in try await connection.pipeline(commands) {
            if case .error(let error) = answer { throw .server(error) }
        }
    }
}
