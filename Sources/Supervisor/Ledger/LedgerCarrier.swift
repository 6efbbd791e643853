internal import Contract
package import EventLoop
package import Gateways
package import Logging
package import Postgres
package import Program
package import Redis
internal import ServiceLifecycle
package import Telemetry

/// Carries one partition's outbox over to PostgreSQL, while this process leads the partition.
///
/// ```
/// read a batch ─▶ add it and its audit records, one transaction ─▶ settle ─▶ delete from the outbox
/// ```
/// Killed anywhere, the next begins with the same rows: those that PostgreSQL has are known by their
/// IDs, and not added again.
package actor LedgerCarrier {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    nonisolated let loop: EventLoop
    private nonisolated let supervisor: PartitionSupervisor
    nonisolated let outbox: Outbox
    nonisolated let store: LedgerStore
    nonisolated let partitions: Int
    private nonisolated let overview: Overview
    nonisolated let metrics: SupervisorMetrics
    private nonisolated let faults: Faults<RoundStep>?
    private nonisolated let log: Logger
    private var watch: OutboxWatch
    private var lookedAt: EventLoop.Instant?
    private var monthsMadeAt: EventLoop.Instant?
    private var uncarried = Uncarried()
    var profilesAt: EventLoop.Instant?
    var profilesMark = ProfileStore.Mark.beginning
    private let outage = Outage()

    package enum Limits {
        /// Rows of one transaction: a fsync and three ways there and back for all of them.
        package static let rowsMax = 1_000
        /// Bytes of the rows of one transaction, to which one more page may come.
        package static let bytesMax = 8 << 20
        /// Before an empty outbox is looked at again.
        package static let pause = Duration.milliseconds(200)
        /// Between two looks at its size.
        package static let lookPause = Duration.seconds(1)
        /// Months that are made ahead, and how often.
        package static let monthsAhead = 3
        package static let monthsPause = Duration.seconds(6 * 3_600)
        /// What limits are counted over.
        package static let hourMs: Int64 = 3_600_000
        /// How old a copy of a profile may be that was changed behind our back.
        package static let profilesPause = Duration.seconds(5)
        /// Before a refusal, or a server that is away, is asked again at the latest.
        package static let restMax = Duration.seconds(5)
    }

    /// What is wrong with a step.
    package enum Failure: Error, CustomStringConvertible {
        case redis(RedisError)
        case postgres(PostgresError)

        package var description: String {
            switch self {
            case .redis(let error): "\(error)"
            case .postgres(let error): "\(error)"
            }
        }
    }

    package init(
        on loop: EventLoop,
        for supervisor: PartitionSupervisor,
        from outbox: Outbox,
        to store: LedgerStore,
        partitions: Int,
        outboxBytesMax: Int,
        overview: Overview,
        metrics: SupervisorMetrics,
        faults: Faults<RoundStep>? = nil,
        log: Logger
    ) {
        self.loop = loop
        self.supervisor = supervisor
        self.outbox = outbox
        self.store = store
        self.partitions = partitions
        self.overview = overview
        self.metrics = metrics
        self.faults = faults
        self.log = log
        watch = OutboxWatch(bytesMax: outboxBytesMax)
    }
}

// MARK: - Life

extension LedgerCarrier: Service {
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.carryOn() }
    }

    private func carryOn() async {
        overview.ledger(store.partition) { $0.isOpen = false }
        while !Task.isCancelled {
            var rest = Limits.pause
            if let token = await supervisor.leadership.token {
                do throws(Failure) {
                    try await look(token)
                    try await refreshProfiles()
                    if try await carryOnce(token) { rest = .zero }
                    recovered()
                } catch {
                    rest = await failed(error, token)
                }
            }
            guard rest > .zero else { continue }
            do { try await loop.sleep(for: rest) } catch { return }
        }
    }

    private func recovered() {
        let attempts = outage.end()
        overview.ledger(store.partition) { $0.isReached = true }
        guard attempts > 0 else { return }
        log.notice("the ledger is carried on", metadata: ["failed_attempts": "\(attempts)"])
    }

    /// - Returns: How long to rest.
    private func failed(_ failure: Failure, _ token: Supervision.Token) async -> Duration {
        guard case .postgres(let error) = failure, error != .cancelled else {
            return .seconds(1)
        }
        overview.ledger(store.partition) { $0.isReached = false }
        if let count = outage.failedAgain() {
            log.warning(
                "the ledger cannot be carried; rows stay in the outbox",
                metadata: [
                    "partition": "\(store.partition)", "reason": "\(error)",
                    "failed_attempts": "\(count)",
                ]
            )
        }
        await countUncarried()
        let rest = await store.pool.restLeft ?? (error.isOutage ? .milliseconds(100) : .seconds(1))
        return min(rest, Limits.restMax)
    }
}

// MARK: - One batch

extension LedgerCarrier {
    /// Carries the first rows of the outbox.
    ///
    /// - Returns: Whether there were any: then there may be more.
    package func carryOnce(_ token: Supervision.Token) async throws(Failure) -> Bool {
        let start = ContinuousClock.now
        let epoch = try await epoch(token)
        guard let epoch else { return false }
        let (rows, unreadable) = try await gather()
        overview.ledger(store.partition) { $0.unreadable = unreadable }
        guard !rows.isEmpty else {
            uncarried = Uncarried()
            overview.ledger(store.partition) { $0.uncarried = 0 }
            return false
        }
        reached(.gathered)
        let carried = try await inPostgres { (store) throws(PostgresError) in
            try await store.carry(rows, epoch: epoch, token: token.number)
        }
        switch carried {
        case .fenced:
            try await refused(token)
            return true
        case .carried(let new, let endedTwice):
            reached(.carried)
            metrics.ledger.carried.increment(by: new)
            for id in endedTwice { tellEndedTwice(id) }
        }
        let (outbox, ids) = (outbox, rows.map(\.id))
        let settled = try await inRedis { () throws(RedisError) in try await outbox.settle(rows) }
        metrics.ledger.claimsSettled.increment(by: settled)
        guard try await inRedis({ () throws(RedisError) in try await outbox.remove(ids, token) })
        else {
            await supervisor.fenced(token)
            return true
        }
        reached(.emptied)
        uncarried.carried(rows)
        let left = uncarried.nanoUSD
        overview.ledger(store.partition) { $0.uncarried = left }
        metrics.ledger.batchDuration.record(ContinuousClock.now - start)
        return true
    }

    /// Rows from the beginning of the outbox, in its order.
    private func gather() async throws(Failure) -> (rows: [LedgerRow], unreadable: Int) {
        var (rows, unreadable): ([LedgerRow], Int) = ([], 0)
        var (bytes, last): (Int, EntryID?) = (0, nil)
        while rows.count < Limits.rowsMax, bytes < Limits.bytesMax {
            let (outbox, after) = (outbox, last)
            let page = try await inRedis { () throws(RedisError) in
                try await outbox.page(after: after)
            }
            rows += page.rows
            bytes += page.bytes
            unreadable += page.unreadable.count
            guard let end = page.last else { break }
            last = end
            if page.rows.count + page.unreadable.count < Outbox.Limits.pageMax { break }
        }
        return (rows, unreadable)
    }

    /// Which of Redis' lives this is; where it has lost its books, the next one begins.
    private func epoch(_ token: Supervision.Token) async throws(Failure) -> Int? {
        let outbox = outbox
        let life = try await inRedis { () throws(RedisError) in try await outbox.life() }
        overview.ledger(store.partition) { $0.isOpen = life.isOpen }
        if life.isOpen { return life.epoch }
        // What it may have lost of the profiles is copied again, too.
        (profilesAt, profilesMark) = (nil, .beginning)
        // Redis has lost its books, or runs anew and may have lost their end.
        guard try await rebuild(life, token) else { return nil }
        let known = life.epoch
        let begun: Int? = if let known { known } else { try await beginEpoch(token) }
        guard let epoch = begun else { return nil }
        let spent = try await inPostgres { (store) throws(PostgresError) in
            try await store.fleetSpent(sinceMs: life.nowMs - Limits.hourMs)
        }
        let missing = try await inRedis { () throws(RedisError) in
            try await outbox.open(life, epoch: epoch, fleetSpent: spent)
        }
        overview.ledger(store.partition) { $0.isOpen = true }
        log.notice(
            "the books are open",
            metadata: [
                "partition": "\(store.partition)", "epoch": "\(epoch)",
                "fleet_missing_nanousd": "\(missing.amount)",
            ]
        )
        return epoch
    }

    /// Sets each user's hour to the larger of Redis and the ledger.
    ///
    /// - Returns: False when another supervisor leads.
    private func rebuild(
        _ life: Outbox.Life,
        _ token: Supervision.Token
    ) async throws(Failure) -> Bool {
        var (last, added): (EntryID?, Int) = (EntryID(milliseconds: 0, sequence: 0), 0)
        let (outbox, since) = (outbox, life.nowMs - Limits.hourMs)
        while let after = last {
            let page = try await inPostgres { (store) throws(PostgresError) in
                try await store.hour(sinceMs: since, after: after)
            }
            let count = try await inRedis { () throws(RedisError) in
                try await outbox.putBack(page.costs, nowMs: life.nowMs, token)
            }
            guard let count else {
                await supervisor.fenced(token)
                return false
            }
            added += count
            last = page.last
        }
        guard added > 0 else { return true }
        metrics.ledger.putBack.increment(by: added)
        log.warning(
            "Redis had lost costs of the last hour; they are put back",
            metadata: ["partition": "\(store.partition)", "costs": "\(added)"]
        )
        return true
    }

    private func beginEpoch(_ token: Supervision.Token) async throws(Failure) -> Int? {
        let outbox = outbox
        let epoch = try await inPostgres { (store) throws(PostgresError) in
            try await store.beginEpoch(token: token.number)
        }
        guard
            try await inRedis({ () throws(RedisError) in
                try await outbox.begin(epoch: epoch, token)
            })
        else {
            await supervisor.fenced(token)
            return nil
        }
        metrics.ledger.epochs.increment()
        log.notice(
            "a new epoch of the ledger begins: Redis had none",
            metadata: ["partition": "\(store.partition)", "epoch": "\(epoch)"]
        )
        return epoch
    }

    /// PostgreSQL knows a higher token or epoch. Where this process leads by Redis' word all the
    /// same, Redis has lost its latest books, and the next epoch begins.
    private func refused(_ token: Supervision.Token) async throws(Failure) {
        await supervisor.renew()
        guard await supervisor.leads(token) else { return }
        _ = try await beginEpoch(token)
    }

    private func tellEndedTwice(_ id: String) {
        metrics.ledger.endedTwice.increment()
        log.error(
            "a request has ended twice; both rows are kept",
            metadata: ["request_id": "\(id)", "partition": "\(store.partition)"]
        )
    }

    private func reached(_ step: RoundStep) { faults?.reached(step) }

    func inRedis<Value: Sendable>(
        _ act: () async throws(RedisError) -> Value
    ) async throws(Failure) -> Value {
        do throws(RedisError) { return try await act() } catch { throw .redis(error) }
    }

    func inPostgres<Value: Sendable>(
        _ act: (LedgerStore) async throws(PostgresError) -> Value
    ) async throws(Failure) -> Value {
        do throws(PostgresError) { return try await act(store) } catch { throw .postgres(error) }
    }
}

// MARK: - How full it is

extension LedgerCarrier {
    /// Once a second: how much waits, and for how long there is room.
    private func look(_ token: Supervision.Token) async throws(Failure) {
        let now = loop.now
        if let lookedAt, now - lookedAt < Limits.lookPause { return }
        lookedAt = now
        let outbox = outbox
        let size = try await inRedis { () throws(RedisError) in try await outbox.size() }
        watch.saw(bytes: size.bytes, at: now)
        let (isFull, left) = (watch.isFull, watch.left)
        overview.ledger(store.partition) { ledger in
            (ledger.rows, ledger.bytes, ledger.left) = (size.rows, size.bytes, left)
            ledger.isFull = isFull
        }
        await supervisor.outbox(isFull: isFull)
        if let monthsMadeAt, now - monthsMadeAt < Limits.monthsPause { return }
        try await inPostgres { (store) throws(PostgresError) in
            try await store.ensureMonths(ahead: Limits.monthsAhead)
        }
        monthsMadeAt = now
    }

    /// While PostgreSQL is away: what waits is summed up, some pages at a time.
    private func countUncarried() async {
        for _ in 0..<Uncarried.Limits.pagesMax {
            do throws(RedisError) {
                let page = try await outbox.page(after: uncarried.through)
                guard let last = page.last else { break }
                uncarried.saw(page.rows, through: last)
            } catch {
                break
            }
        }
        let sum = uncarried.nanoUSD
        overview.ledger(store.partition) { $0.uncarried = sum }
    }
}

/// What the rows cost that wait in the outbox, as far as they were looked at.
struct Uncarried: Sendable {
    enum Limits {
        /// Pages read at each failed attempt, so that Redis is not read through at once.
        static let pagesMax = 16
    }

    private(set) var through: EntryID?
    private(set) var nanoUSD: Int64 = 0

    mutating func saw(_ rows: [LedgerRow], through last: EntryID) {
        nanoUSD += rows.reduce(0) { $0 + $1.cost.amount }
        through = last
    }

    mutating func carried(_ rows: [LedgerRow]) {
        guard let through else { return }
        for row in rows where row.id <= through { nanoUSD -= row.cost.amount }
    }
}
