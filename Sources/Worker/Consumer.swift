import Contract
import DequeModule
import EventLoop
import Gateways
import Logging
import Pipeline
import Policy
import Program
import Redis
import ServiceLifecycle
import Telemetry

/// Takes entries as room allows, runs each in a child task of its own, and ends when those have.
///
/// Room is counted in requests and in bytes, so that memory is bounded by configuration and never
/// by the backlog. A graceful shutdown stops the reading alone; the hard one cancels what runs.
///
/// Which streams it may read now, and when it holds back, stands in `Consumer+HoldingBack`.
actor Consumer: Service {
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    nonisolated let loop: EventLoop
    let lanes: [Lane]
    let control: RedisConnection
    let slots: Slots
    let bounds: Bounds
    let status: Status
    let telemetry: Telemetry
    let log: Logger

    /// What was read and has not ended, by entry: so that an adoption knows what needs none, and what
    /// was taken from us can be stopped.
    private(set) var held: [Place: RunningTask?] = [:]
    private(set) var heldBytes = 0
    private var roomWaiters: [CheckedContinuation<Void, Never>] = []
    var lanesState: [LaneState]
    private(set) var isStopping = false
    /// Redis is too full for new work.
    var memoryIsShort = false
    /// Waits until a read that blocks may be out of date.
    var staleReadWaiter: CheckedContinuation<Void, Never>?
    /// Why this process may not go on.
    private var failure: StartFailure?
    private var drainTimer: EventLoop.Timer?

    /// One partition: its streams, read over a connection of their own, and the way they go.
    struct Lane: Sendable {
        let partition: Int
        let connection: RedisConnection
        let reader: StreamReader
        let presence: Presence
        let agreement: Agreement
        let pipeline: Pipeline
    }

    /// What an operator may set.
    struct Bounds: Sendable {
        /// `MAX_CONCURRENT_REQUESTS`.
        let requestsMax: Int
        /// `MAX_IN_FLIGHT_BYTES`: payloads held; one read may go beyond by what it brings.
        let bytesMax: Int
        /// `DRAIN_TIMEOUT`: what has not ended by then is handed back.
        let drainTimeout: Duration
        /// `PRIORITY_WEIGHTS`.
        let weights: PriorityWeights
    }

    struct Place: Hashable {
        let partition: Int
        let queue: Queue
        let id: EntryID
    }

    struct LaneState {
        var reading = Reading()
        var turns: Turns
        /// An operator has paused the partition.
        var pause: Pause?
        var outboxIsFull = false
        /// The streams whose next entry is waited for in Redis.
        var blockedOn: [Queue]?
        /// The number by which Redis knows the reading connection.
        var client: Int?
        /// Reading has ended for good; what runs may still run.
        var hasStopped = false
        /// The consumer's name is this process' here.
        var hasName = false
    }

    /// - Parameter control: The connection that does all but reading.
    init(
        on loop: EventLoop,
        lanes: [Lane],
        control: RedisConnection,
        slots: Slots,
        bounds: Bounds,
        status: Status,
        telemetry: Telemetry,
        log: Logger
    ) {
        self.loop = loop
        self.lanes = lanes
        self.control = control
        self.slots = slots
        self.bounds = bounds
        self.status = status
        self.telemetry = telemetry
        self.log = log
        let state = LaneState(turns: Turns(bounds.weights))
        lanesState = Array(repeating: state, count: lanes.count)
    }

    func run() async throws {
        await slots.onRoom { [self] in assumeIsolated { $0.readableMayHaveChanged() } }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.stopReadingWhenAsked() }
            group.addTask { await self.endStaleReads() }
            await withDiscardingTaskGroup { serving in
                for lane in lanes.indices { serving.addTask { await self.serve(lane) } }
            }
            // Who had to stop by itself waits for nobody's word to do so.
            group.cancelAll()
        }
        if let failure { throw failure }
        log.info("all requests have ended")
    }

    /// Reads one lane until asked to stop, then waits for the requests that it brought.
    private func serve(_ lane: Int) async {
        await withDiscardingTaskGroup { group in
            var pause = Backoff(upTo: Self.pauseMax)
            while !isStopping, !Task.isCancelled {
                await untilReadable(lane)
                guard !isStopping, !Task.isCancelled else { break }
                do throws(RedisError) {
                    for entry in try await next(lane) { begin(entry, lane, in: &group) }
                    pause = Backoff(upTo: Self.pauseMax)
                } catch {
                    await recover(lane, from: error, &pause)
                }
            }
            lanesState[lane].hasStopped = true
            log.info("reading has stopped", metadata: ["running": "\(held.count)"])
        }
    }

    /// The longest pause after a read that failed.
    private static let pauseMax = Duration.milliseconds(2_500)
    /// How long a connection is waited for at a time.
    private static let connectionWaitMax = Duration.seconds(1)
}

// MARK: - Reading

extension Consumer {
    /// New entries; after the connection was made anew, first what was handed to us and is unknown.
    private func next(_ lane: Int) async throws(RedisError) -> [RawEntry] {
        let reader = lanes[lane].reader
        // With a limit: without a connection too it must be seen when reading is to stop.
        let generation = try await lanes[lane].connection.whenReady(within: Self.connectionWaitMax)
        let readable = readable
        let room = readable.room / lanes.count
        switch lanesState[lane].reading.step(generation: generation, room: room) {
        case .greet:
            lanesState[lane].client = try await reader.clientID()
            if let conflict = try await lanes[lane].agreement.conflict(
                by: lanes[lane].connection
            ) {
                stop(because: .setting(Variable.partitions, conflict))
                return []
            }
            if let lack = try await lanes[lane].agreement.lack(by: lanes[lane].connection) {
                stop(because: .setting(Variable.auditMode, lack))
                return []
            }
            guard try await claimName(lane) else { return [] }
            try await reader.ensureGroups()
            note(try await lanes[lane].presence.pause(by: lanes[lane].connection), lane)
            lanesState[lane].reading.greeted()
            return []
        case .weigh:
            // One after the other, and to their end: an adoption would read them again.
            for entry in try await reader.oversized(by: control) { await handle(entry, lane, nil) }
            lanesState[lane].reading.weighed()
            return []
        case .adopt(let queue, let after, let count):
            let ids = try await reader.ownPending(in: queue, after: after, count: count)
            let partition = lanes[lane].partition
            let unknown = ids.filter {
                held[Place(partition: partition, queue: queue, id: $0)] == nil
            }
            let entries = try await reader.fetch(unknown, from: queue)
            lanesState[lane].reading.adopted(upTo: ids.last?.description)
            noteAdopted(entries)
            return brought(entries, lane)
        case .read(let count):
            return brought(try await read(upTo: count, from: readable.queues, lane), lane)
        }
    }

    private func read(
        upTo count: Int,
        from queues: [Queue],
        _ lane: Int
    ) async throws(RedisError) -> [RawEntry] {
        var turns = lanesState[lane].turns
        lanesState[lane].blockedOn = queues
        defer {
            lanesState[lane].turns = turns
            lanesState[lane].blockedOn = nil
        }
        return try await lanes[lane].reader.read(upTo: count, from: queues, &turns)
    }

    private func brought(_ entries: [RawEntry], _ lane: Int) -> [RawEntry] {
        let bytes = entries.reduce(0) { $0 + $1.byteCount }
        lanesState[lane].reading.brought(entries.count, bytes: bytes)
        showReading()
        return entries
    }

    func showReading() {
        let all = lanesState.allSatisfy(\.reading.isReading)
        status.update { $0.isReading = all }
    }

    private func untilReadable(_ lane: Int) async {
        while !mayRead(lane), !isStopping, !Task.isCancelled {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    guard !Task.isCancelled else { return continuation.resume() }
                    roomWaiters.append(continuation)
                }
            } onCancel: {
                loop.execute { self.assumeIsolated { $0.wakeReaders() } }
            }
        }
    }

    func wakeReaders() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for the graceful shutdown, then ends the reads that wait in Redis. Cancelled instead,
    /// such a read could take entries along which Redis has handed out already.
    private func stopReadingWhenAsked() async {
        do { try await gracefulShutdown() } catch { return }
        await stopReading()
    }

    private func stopReading() async {
        guard !isStopping else { return }
        isStopping = true
        endReadsIfStale()
        status.update { $0.isDraining = true }
        telemetry.metrics.requests.draining.set(to: 1)
        drainTimer = loop.schedule(at: loop.now + bounds.drainTimeout) { [self] in
            assumeIsolated { $0.handBack() }
        }
        if held.isEmpty { cancelDrainTimer() }
        await slots.stopParking()
        wakeReaders()
        while let state = lanesState.first(where: { !$0.hasStopped && $0.client != nil }),
            let client = state.client
        {
            do {
                try await StreamReader.unblock(client: client, by: control)
                // A read that begins just after it was unblocked must be unblocked again.
                try await loop.sleep(for: .milliseconds(20))
            } catch {
                return log.debug("the read ends by itself", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// The time to finish in is over: what still runs goes back to the stream.
    private func handBack() {
        drainTimer = nil
        log.warning(
            "DRAIN_TIMEOUT is over: requests are handed back",
            metadata: ["count": "\(held.count)"]
        )
        for task in held.values { task?.cancel() }
    }

    private func cancelDrainTimer() {
        if let drainTimer { loop.cancel(drainTimer) }
        drainTimer = nil
    }

    /// Another process has our name: two of them would take each other's entries for their own.
    func stop(because failure: StartFailure) {
        self.failure = self.failure ?? failure
        isStopping = true
        wakeReaders()
        endReadsIfStale()
        for task in held.values { task?.cancel() }
    }
}

// MARK: - Running

extension Consumer {
    private func place(of entry: RawEntry, _ lane: Int) -> Place {
        Place(partition: lanes[lane].partition, queue: entry.queue, id: entry.id)
    }

    private func begin(_ entry: RawEntry, _ lane: Int, in group: inout DiscardingTaskGroup) {
        let place = place(of: entry, lane)
        guard held[place] == nil else { return }
        held.updateValue(nil, forKey: place)
        let bytes = entry.byteCount
        heldBytes += bytes
        showLoad()
        telemetry.metrics.streams.entriesRead.increment(Metrics.Priority(entry.queue))
        group.addTask {
            await self.run(entry, lane, place)
            await self.ended(place, bytes)
        }
    }

    private func run(_ entry: RawEntry, _ lane: Int, _ place: Place) async {
        guard !entry.isTakenBack else {
            await slots.takeBeside()
            await handle(entry, lane, place)
            return await slots.leaveBeside()
        }
        guard Self.deaths(of: entry) >= Self.deathsBeforeAlone else {
            // It asks PostgreSQL, and no model: neither keeps the other waiting.
            if entry.asksForUsage, await slots.mayTakeBeside() {
                await handle(entry, lane, place)
                return await slots.leaveBeside()
            }
            await slots.take(entry.queue)
            await handle(entry, lane, place)
            return await slots.leave()
        }
        await slots.takeAlone()
        await markAlone(entry.id, lane)
        await handle(entry, lane, place)
        await markAlone(nil, lane)
        await slots.leaveAlone()
    }

    /// An entry that so many workers held when they died runs alone: if it is the cause, it takes no
    /// neighbours along.
    private static let deathsBeforeAlone = 2

    private static func deaths(of entry: RawEntry) -> Int {
        guard entry.queue == .retry, let digits = entry.first("deaths") else { return 0 }
        return Int(String(decoding: digits, as: UTF8.self)) ?? 0
    }

    private func markAlone(_ id: EntryID?, _ lane: Int) async {
        do throws(RedisError) {
            try await lanes[lane].presence.mark(alone: id, by: control)
        } catch {
            // Without the mark its death counts as an attempt, and not as its own fault.
            log.debug("an entry could not be marked", metadata: ["reason": "\(error)"])
        }
    }

    /// Runs one entry; whoever takes it from us, or the end of the drain, cancels just this task.
    private func handle(_ entry: RawEntry, _ lane: Int, _ place: Place?) async {
        do throws(CancellationError) {
            if let place { holdsNow(place) }
            note(try await pipeline(lane).run(Lease(on: entry)))
        } catch {
            gaveUp(entry)
        }
    }

    // What needs no waiting stays out of the functions that wait: it would take room in the frame of
    // every request.
    private func holdsNow(_ place: Place) {
        held.updateValue(RunningTask.current, forKey: place)
    }

    private func pipeline(_ lane: Int) -> Pipeline { lanes[lane].pipeline }

    /// The process is ending; the entry stays pending for whoever takes it over.
    private func gaveUp(_ entry: RawEntry) {
        log.debug("a request was given up", metadata: ["entry": "\(entry.id)"])
    }

    private func note(_ receipt: Receipt) {
        let metrics = telemetry.metrics
        switch receipt {
        case .already, .superseded: metrics.requests.duplicateFinishSuppressed.increment()
        case .buried: metrics.streams.deadLetters.increment(.malformed)
        default: break
        }
    }

    private func ended(_ place: Place, _ bytes: Int) {
        held.removeValue(forKey: place)
        heldBytes -= bytes
        showLoad()
        if isStopping, held.isEmpty { cancelDrainTimer() }
        readableMayHaveChanged()
    }

    func readableMayHaveChanged() {
        if !roomWaiters.isEmpty, hasRoom { wakeReaders() }
        endReadsIfStale()
    }

    /// Entries that a supervisor took, because they were overdue or this process seemed dead, or that
    /// their callers took back: their transfers end now, and nothing of theirs is written.
    func revoke(_ taken: [Presence.Taken], partition: Int) {
        var count = 0
        for one in taken {
            guard
                let task = held[Place(partition: partition, queue: one.queue, id: one.id)]
            else { continue }
            if !one.isCancelled { count += 1 }
            task?.cancel()
        }
        guard count > 0 else { return }
        telemetry.metrics.requests.leaseLost.increment(by: count)
        log.warning(
            "requests were taken from this worker, and are stopped",
            metadata: ["count": "\(count)"]
        )
    }

    func hasName(in partition: Int) -> Bool {
        zip(lanes, lanesState).contains { $0.partition == partition && $1.hasName }
    }

    /// The sign of life had gone, and meanwhile another process took the name.
    func lostName() { stop(because: .namesake) }

    private func showLoad() {
        telemetry.metrics.requests.inFlightBytes.set(to: heldBytes)
    }
}
