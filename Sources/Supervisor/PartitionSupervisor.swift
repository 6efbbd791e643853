import Contract
package import EventLoop
package import Gateways
package import Logging
import Policy
package import Program
package import Redis
import ServiceLifecycle
package import Telemetry

/// Looks after one partition while this process leads it. This file tells what it does, and in what
/// order; what each duty decides stands in `Decisions`, how it is done in `Duties`.
package actor PartitionSupervisor {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private nonisolated let loop: EventLoop
    package nonisolated let supervision: Supervision
    nonisolated let reservations: ReservationBook
    /// Nil where nobody is asked for a token.
    nonisolated let tokens: TokenCheck?
    nonisolated let metrics: SupervisorMetrics
    nonisolated let log: Logger
    private let leaseConnection: RedisConnection
    private let workConnection: RedisConnection
    private let ordersConnection: RedisConnection
    /// What was begun with before is looked at again, before what is new.
    private var ordersAreKnown = false
    nonisolated let overview: Overview
    nonisolated let terms: Terms
    private let faults: Faults<RoundStep>?

    package private(set) var leadership = Leadership()
    var unread: UnreadEntry
    var sweeps: [Queue: HeadSweep] = [:]
    /// Overdue requests at the head of their order that could not be ended yet.
    var overdueSkipped = 0
    /// Where the look through the fleet's reservations goes on.
    var reservationCursor: UInt64 = 0
    /// An operator has paused the partition.
    var pause: Pause?
    var watermark: Watermark
    /// The ledger's outbox holds as much as it may.
    private(set) var outboxIsFull = false
    var estimate: LoadEstimate
    var estimateCheck = EstimateCheck()
    var overload = Overload()
    private var grace: Grace
    private var drift = DriftWatch()
    private var generation = 0
    private let refusals = Outage()

    package struct Terms: Sendable {
        /// A name that no other process has.
        package let holder: String
        package let leaseTime: Duration
        /// After which a silent worker counts as dead.
        package let heartbeatTTL: Duration
        package let entries: UnreadEntry.Rules
        package let load: LoadTerms

        package init(
            holder: String,
            leaseTime: Duration,
            heartbeatTTL: Duration,
            entries: UnreadEntry.Rules,
            load: LoadTerms
        ) {
            self.holder = holder
            self.leaseTime = leaseTime
            self.heartbeatTTL = heartbeatTTL
            self.entries = entries
            self.load = load
        }
    }

    package enum Limits {
        /// Time between two rounds, and between two renewals of the lease.
        package static let interval = Duration.seconds(1)
        /// Before orders are looked at again of which some could not be carried out.
        package static let ordersPause = Duration.milliseconds(100)
        /// Entries taken from the dead in one round: at some 0.1 ms each, half a second of Redis.
        package static let takenBackMax = 5_000
        /// Consumers removed in one round.
        package static let reapedMax = 100
    }

    /// - Parameters:
    ///   - leaseConnection: Carries nothing large, so that a renewal is never behind it.
    ///   - workConnection: The one that `supervision` uses.
    ///   - ordersConnection: Blocked while it waits for orders.
    ///   - faults: Nil outside tests of faults.
    package init(
        on loop: EventLoop,
        _ supervision: Supervision,
        _ reservations: ReservationBook,
        leaseConnection: RedisConnection,
        workConnection: RedisConnection,
        ordersConnection: RedisConnection,
        terms: Terms,
        tokens: TokenCheck? = nil,
        overview: Overview,
        metrics: SupervisorMetrics,
        faults: Faults<RoundStep>? = nil,
        log: Logger
    ) {
        self.loop = loop
        self.supervision = supervision
        self.reservations = reservations
        self.tokens = tokens
        self.leaseConnection = leaseConnection
        self.workConnection = workConnection
        self.ordersConnection = ordersConnection
        self.terms = terms
        self.overview = overview
        self.metrics = metrics
        self.faults = faults
        self.log = log
        grace = Grace(heartbeatTTL: terms.heartbeatTTL)
        unread = UnreadEntry(terms.entries)
        watermark = Watermark(terms.load.memoryWatermark)
        estimate = LoadEstimate(terms.load.estimate)
    }
}

// MARK: - Life

extension PartitionSupervisor: Service {
    /// Until the graceful shutdown: then the round under way ends, and the lease is given back.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.everySecond { await self.renew() } }
            group.addTask { await self.everySecond { await self.round() } }
            group.addTask { await self.obey() }
        }
        await giveBack()
    }

    private func everySecond(_ act: () async -> Void) async {
        var due = loop.now
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            await act()
            due = max(due + Limits.interval, loop.now)
            // Ended early by the shutdown, which the loop's condition sees.
            await cancelWhenGracefulShutdown { [due] in
                do { try await self.loop.sleep(until: due) } catch {}
            }
        }
    }

    private func giveBack() async {
        guard leadership.token != nil else { return }
        note(leadership.asked(nil))
        do throws(RedisError) {
            try await supervision.giveBack(as: terms.holder)
        } catch {
            log.debug("the lease is left to expire", metadata: ["reason": "\(error)"])
        }
    }

    /// Takes the lease, or renews it.
    package func renew() async {
        do throws(RedisError) {
            try await leaseConnection.whenReady(within: Limits.interval)
            let answer = try await supervision.lease(
                as: terms.holder,
                for: terms.leaseTime,
                over: leaseConnection
            )
            note(leadership.asked(answer))
            if answer != nil { reached(.leased) }
        } catch {
            // Whether it still holds, each script finds out for itself.
            tell(error)
        }
    }

    private func note(_ change: Leadership.Change) {
        overview.leads(supervision.keys.partition, leadership.token != nil)
        let facts: Logger.Metadata = ["partition": "\(supervision.keys.partition)"]
        switch change {
        case .none: break
        case .taken:
            // What was known is of another time.
            sweeps = [:]
            (overdueSkipped, reservationCursor) = (0, 0)
            ordersAreKnown = false
            drift = DriftWatch()
            estimate = LoadEstimate(terms.load.estimate)
            (estimateCheck, overload) = (EstimateCheck(), Overload())
            log.info("this process leads the partition", metadata: facts)
        case .lost:
            overview.forgets(supervision.keys.partition)
            if !Task.isShuttingDownGracefully { metrics.leadershipsLost.increment() }
            log.notice("this process leads the partition no more", metadata: facts)
            if !Task.isShuttingDownGracefully { reached(.leaseLost) }
        }
    }

    /// A script was refused: another supervisor leads.
    func fenced(_ token: Supervision.Token) { note(leadership.fenced(token)) }

    /// Told by who carries the outbox.
    func outbox(isFull: Bool) { outboxIsFull = isFull }

    func leads(_ token: Supervision.Token) -> Bool { leadership.token == token }

    func reached(_ step: RoundStep) { faults?.reached(step) }
}

// MARK: - Orders

extension PartitionSupervisor {
    /// Takes back what is to be taken back, as soon as somebody says so.
    private func obey() async {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            if let token = leadership.token {
                do throws(RedisError) {
                    if try await obeyOnce(token) { continue }
                } catch {
                    ordersAreKnown = false
                    tell(error)
                }
            }
            await cancelWhenGracefulShutdown {
                do { try await self.loop.sleep(for: Limits.ordersPause) } catch {}
            }
        }
    }

    /// Reads orders and carries them out, waiting for the first.
    ///
    /// - Returns: False when some must be looked at again in a moment.
    package func obeyOnce(_ token: Supervision.Token) async throws(RedisError) -> Bool {
        try await ordersConnection.whenReady(within: Limits.interval)
        let begun = !ordersAreKnown
        if begun { try await supervision.ensureOrders(over: ordersConnection) }
        let orders = try await supervision.orders(begun: begun, over: ordersConnection)
        // Read while another began to lead: it finds them as begun with.
        guard leads(token) else { return true }
        ordersAreKnown = !begun || orders.isEmpty
        let isWhole = try await carryOut(orders, token)
        if !isWhole { ordersAreKnown = false }
        return isWhole
    }
}

// MARK: - One round

extension PartitionSupervisor {
    /// All duties once, most urgent first.
    package func round() async {
        let start = ContinuousClock.now
        do throws(RedisError) {
            try await watchRedis()
            guard let token = leadership.token else {
                return overview.rounded(supervision.keys.partition, at: .now)
            }
            reached(.begun)
            try await obeyOperators(token)
            let mayTake = grace.isOver(at: .now)
            overview.holdsOff(supervision.keys.partition, !mayTake)
            let consumers = try await supervision.consumers()
            if mayTake { try await takeBackFromTheDead(consumers, token) }
            let books = try await supervision.measure()
            reached(.measured)
            try await makeMissingGroups(books)
            show(books)
            let workers = Set(consumers.map(\.name)).sorted()
            try await tellLoad(token, books, workers: workers)
            if mayTake { try await endOverdue(token, nowMs: books.nowMs) }
            try await answerUnread(token, books)
            try await closeBatches(token, nowMs: books.nowMs)
            if supervision.keys.partition == 0 {
                try await sweepReservations(token, nowMs: books.nowMs)
            }
            reached(.ended)
            overview.rounded(supervision.keys.partition, at: .now)
            _ = refusals.end()
            metrics.tickDuration.record(ContinuousClock.now - start)
        } catch {
            failed(error)
        }
    }

    /// Whether Redis answers, and for how long it has.
    private func watchRedis() async throws(RedisError) {
        let present = try await workConnection.whenReady(within: Limits.interval)
        if present != generation {
            grace.missed()
            for script in Supervision.scripts {
                try await workConnection.send(
                    RedisCommand("SCRIPT", "LOAD", .bytes(script.source))
                )
            }
            generation = present
        }
        let asked = ContinuousClock.now
        let uptime = try await Supervision.uptime(over: workConnection)
        metrics.work.redisRTT.record(ContinuousClock.now - asked)
        try await tokens?.clock.adjust(by: workConnection)
        grace.answered(at: .now, uptime: uptime)
    }

    private func failed(_ error: RedisError) {
        metrics.ticksFailed.increment()
        if error.isOutage {
            grace.missed()
            overview.holdsOff(supervision.keys.partition, true)
        }
        tell(error)
    }

    /// An outage is the connection's to tell. A refusal is told ever less often while it lasts.
    private func tell(_ error: RedisError) {
        guard !error.isOutage else {
            log.debug("a step was not finished", metadata: ["reason": "\(error)"])
            return
        }
        guard let count = refusals.failedAgain() else { return }
        log.error(
            "Redis refuses a supervisor's command",
            metadata: [
                "reason": "\(error)", "refusals": "\(count)",
                "partition": "\(supervision.keys.partition)",
            ]
        )
    }

    private func makeMissingGroups(_ books: Measurement) async throws(RedisError) {
        let missing = Queue.allCases.filter { books.streams[$0]?.hasGroup != true }
        guard !missing.isEmpty else { return }
        let made = try await supervision.ensureGroups(on: missing)
        guard !made.isEmpty else { return }
        metrics.work.groupsMade.increment(by: made.count)
        log.notice(
            "consumer groups were missing, and are made",
            metadata: [
                "queues": "\(made.map(\.rawValue).joined(separator: ","))",
                "partition": "\(supervision.keys.partition)",
            ]
        )
    }

    private func show(_ books: Measurement) {
        let drift = Conservation.drift(books)
        overview.measured(supervision.keys.partition, books, drift)
        for (law, amount) in self.drift.seen(drift) {
            log.error(
                "a partition's books do not add up",
                metadata: [
                    "law": "\(law.rawValue)", "drift": "\(amount)",
                    "partition": "\(supervision.keys.partition)",
                ]
            )
        }
    }
}

extension RedisError {
    /// Redis was not reached, or its answer was lost: as opposed to one that says no.
    fileprivate var isOutage: Bool {
        switch self {
        case .notConnected, .connectionLost, .timedOut, .overloaded, .cancelled: true
        case .server, .unsupportedCommand, .tlsUnavailable: false
        }
    }
}
