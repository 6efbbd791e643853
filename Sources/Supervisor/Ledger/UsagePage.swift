package import Contract
import Gateways
package import Postgres
package import Telemetry

/// `GET /user/{id}/usage`, without the way there: who may ask is decided before.
///
/// `from` and `to` are Unix milliseconds, by default the last 24 hours; `by` is `hour` or `day`.
package struct UsagePage: Sendable {
    private let pool: PostgresPool

    package enum Limits {
        static let dayMs: Int64 = 86_400_000
        /// The longest span of one page: a year and a day, in 9,000 hours.
        static let spanMsMax: Int64 = 366 * dayMs
        /// How long PostgreSQL may take over one.
        static let time = Duration.seconds(10)
    }

    /// - Parameter pool: Of a role that may read the rows of usage.
    package init(pool: PostgresPool) { self.pool = pool }

    /// - Parameters:
    ///   - query: The names and values behind the question mark.
    ///   - left: What the user has left of his hour; nil where Redis could not be asked.
    package func answer(
        user: String,
        query: [String: String],
        nowMs: Int64,
        left: LimitsPayload? = nil
    ) async -> Page {
        guard (1...256).contains(user.utf8.count) else {
            return Self.refusal(400, "a user's id is 1 to 256 bytes")
        }
        let to = query["to"].map { Int64($0) } ?? nowMs + 1
        let from = query["from"].map { Int64($0) } ?? to.map { $0 - Limits.dayMs }
        guard let from, let to, from >= 0, from < to, to - from <= Limits.spanMsMax else {
            return Self.refusal(
                400,
                "from and to are Unix milliseconds, from before to, at most 366 days apart"
            )
        }
        guard let step = UsageReport.Step(rawValue: query["by"] ?? "hour") else {
            return Self.refusal(400, "by is hour or day")
        }
        do throws(PostgresError) {
            let report = try await UsageReport.read(
                of: user,
                from: from,
                to: to,
                by: step,
                in: pool,
                limit: Limits.time
            )
            return Page(
                status: 200,
                contentType: "application/json",
                body: report.json(limits: left)
            )
        } catch {
            return Self.refusal(503, "usage cannot be read now")
        }
    }

    /// - Parameter message: A constant without quotes.
    private static func refusal(_ status: Int, _ message: StaticString) -> Page {
        Page(
            status: status,
            contentType: "application/json",
            body: Array("{\"message\":\"\(message)\"}".utf8)
        )
    }
}
