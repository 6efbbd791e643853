package import Contract
package import EventLoop
package import Logging
package import Pipeline
package import Postgres
package import Redis
internal import Synchronization

/// The `UsageBooks` port over the ledger in PostgreSQL, with what is left of the hour from Redis.
///
/// Its connections are its own, and so is the line in front of them: a PostgreSQL that takes its time
/// keeps questions for usage waiting, and nothing else.
package final class UsageLedger: UsageBooks {
    private let pool: PostgresPool
    private let redis: RedisConnection
    private let loop: EventLoop
    private let clock: any StoreClock
    private let keys: @Sendable (_ user: String) -> Keys
    private let global: GlobalKeys
    private let terms: UserHour.Terms
    private let heldMax: Int
    private let log: Logger
    private let held = Atomic(0)

    package enum Limits {
        /// Questions that wait for each connection.
        package static let waitingPerPlace = 16
        /// How long PostgreSQL may take over one.
        static let time = Duration.seconds(10)
        /// When there may be room again: a question takes some milliseconds.
        static let busyMs: Int64 = 1_000
    }

    /// - Parameters:
    ///   - pool: Of a role that may read the rows of usage; `MAX_USAGE` connections.
    ///   - keys: Of a user's partition.
    package init(
        pool: PostgresPool,
        redis: RedisConnection,
        on loop: EventLoop,
        clock: any StoreClock,
        keys: @escaping @Sendable (_ user: String) -> Keys,
        global: GlobalKeys,
        terms: UserHour.Terms,
        log: Logger
    ) {
        self.pool = pool
        self.redis = redis
        self.loop = loop
        self.clock = clock
        self.keys = keys
        self.global = global
        self.terms = terms
        heldMax = Self.heldMax(places: pool.options.connectionsMax)
        self.log = log
    }

    /// Questions that are answered or wait, of so many connections.
    package static func heldMax(places: Int) -> Int { places * (1 + Limits.waitingPerPlace) }

    package func report(
        _ asked: AcceptedUsage
    ) async throws(CancellationError) -> UsageVerdict {
        defer { held.subtract(1, ordering: .relaxed) }
        guard held.add(1, ordering: .relaxed).newValue <= heldMax else {
            return .busy(retryAfterMs: Limits.busyMs)
        }
        let leftMs = asked.times.lastCallMs - clock.nowMs()
        guard leftMs > 0 else { return .late }
        let limit = min(Limits.time, .milliseconds(leftMs))
        // Neither the line for a connection nor a server that says nothing outlasts the deadline.
        let verdict = await withTaskGroup(of: UsageVerdict?.self) { group in
            group.addTask { await self.read(asked, limit) }
            group.addTask { [loop] in
                do { try await loop.sleep(for: .milliseconds(leftMs)) } catch { return nil }
                return .late
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        guard let verdict else { throw CancellationError() }
        return verdict
    }

    /// Nil when it was cancelled.
    private func read(_ asked: AcceptedUsage, _ limit: Duration) async -> UsageVerdict? {
        let request = asked.request
        let report: UsageReport
        do throws(PostgresError) {
            report = try await UsageReport.read(
                of: request.userID,
                from: request.fromMs,
                to: request.toMs,
                by: .hour,
                in: pool,
                limit: limit
            )
        } catch {
            if error == .cancelled { return nil }
            log.debug("usage cannot be read", metadata: ["reason": "\(error)"])
            return .away
        }
        do throws(RedisError) {
            let hour = try await UserHour.read(
                request.userID,
                as: asked.identity.claimedTier,
                keys: keys(request.userID),
                global: global,
                terms: terms,
                over: redis
            )
            return .report(report.json(limits: hour.left))
        } catch {
            log.debug("what is left of an hour cannot be read", metadata: ["reason": "\(error)"])
            return .report(report.json(limits: nil))
        }
    }
}
