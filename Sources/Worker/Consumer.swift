import Contract
import DequeModule
import EventLoop
import Gateways
import Logging
import Pipeline
import Redis
import ServiceLifecycle
import Telemetry

/// Takes entries as room allows, runs each in a child task of its own, and ends when those have.
///
/// Room is counted in requests and in bytes, so that memory is bounded by configuration and never
/// by the backlog. A graceful shutdown stops the reading alone; the hard one cancels what runs.
actor Consumer: Service {
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private nonisolated let loop: EventLoop
    private let lanes: [Lane]
    private let control: RedisConnection
    private let bounds: Bounds
    private let status: Status
    private let telemetry: Telemetry
    private let log: Logger

    /// What was read and has not ended, by entry: so that an adoption knows what needs none.
    private var held: Set<Place> = []
    private var heldBytes = 0
    private var runningCount = 0
    /// Entries read beyond `requestsMax`, in their order: a few, where several reads ended at once.
    private var slotWaiters: Deque<CheckedContinuation<Void, Never>> = []
    private var roomWaiters: [CheckedContinuation<Void, Never>] = []
    private var lanesState: [LaneState]
    private var isStopping = false

    /// One partition: its streams, read over a connection of their own, and the way they go.
    struct Lane: Sendable {
        let partition: Int
        let connection: RedisConnection
        let reader: StreamReader
        let pipeline: Pipeline
    }

    /// What an operator may set.
    struct Bounds: Sendable {
        /// `MAX_CONCURRENT_REQUESTS`.
        let requestsMax: Int
        /// `MAX_IN_FLIGHT_BYTES`: payloads held; one read may go beyond by what it brings.
        let bytesMax: Int
    }

    private struct Place: Hashable {
        let partition: Int
        let queue: Queue
        let id: EntryID
    }

    private struct LaneState {
        var reading = Reading()
        /// The number by which Redis knows the reading connection.
        var client: Int?
        /// Reading has ended for good; what runs may still run.
        var hasStopped = false
    }

    /// - Parameter control: The connection that does all but reading.
    init(
        on loop: EventLoop,
        lanes: [Lane],
        control: RedisConnection,
        bounds: Bounds,
        status: Status,
        telemetry: Telemetry,
        log: Logger
    ) {
        self.loop = loop
        self.lanes = lanes
        self.control = control
        self.bounds = bounds
        self.status = status
        self.telemetry = telemetry
        self.log = log
        lanesState = Array(repeating: LaneState(), count: lanes.count)
    }

    func run() async throws {
        telemetry.metrics.requests.slots.set(to: bounds.requestsMax)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.stopReadingWhenAsked() }
            for lane in lanes.indices { group.addTask { await self.serve(lane) } }
        }
        log.info("all requests have ended")
    }

    /// Reads one lane until asked to stop, then waits for the requests that it brought.
    private func serve(_ lane: Int) async {
        await withDiscardingTaskGroup { group in
            var pause = Backoff(upTo: Self.pauseMax)
            while !isStopping, !Task.isCancelled {
                await untilRoom()
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
        let room = (bounds.requestsMax - held.count) / lanes.count
        switch lanesState[lane].reading.step(generation: generation, room: room) {
        case .greet:
            lanesState[lane].client = try await reader.clientID()
            try await reader.ensureGroups()
            lanesState[lane].reading.greeted()
            return []
        case .weigh:
            // One after the other, and to their end: an adoption would read them again.
            for entry in try await reader.oversized(by: control) { await handle(entry, lane) }
            lanesState[lane].reading.weighed()
            return []
        case .adopt(let queue, let after, let count):
            let page = try await reader.ownPending(in: queue, after: after, count: count)
            lanesState[lane].reading.adopted(upTo: page.last)
            let unknown = page.entries.filter { !held.contains(place(of: $0, lane)) }
            noteAdopted(unknown)
            return brought(unknown, lane)
        case .read(let count):
            return brought(try await reader.read(upTo: count), lane)
        }
    }

    private func brought(_ entries: [RawEntry], _ lane: Int) -> [RawEntry] {
        let bytes = entries.reduce(0) { $0 + $1.byteCount }
        lanesState[lane].reading.brought(entries.count, bytes: bytes)
        showReading()
        return entries
    }

    private func noteAdopted(_ entries: [RawEntry]) {
        guard !entries.isEmpty else { return }
        telemetry.metrics.streams.adoptedEntries.increment(by: entries.count)
        log.notice(
            "entries whose delivery was lost on the wire were adopted",
            metadata: ["count": "\(entries.count)"]
        )
    }

    /// A missing group is made again; everything else waits for the connection to come back, with a
    /// pause that grows, so that no error can make a busy loop.
    private func recover(_ lane: Int, from error: RedisError, _ pause: inout Backoff) async {
        if case .server(let answer) = error {
            if answer.prefix == "NOGROUP" || answer.prefix == "UNBLOCKED" {
                telemetry.metrics.streams.groupRecreated.increment()
                log.warning("the consumer group was missing, and is made again")
            } else {
                log.error(
                    "Redis refuses to be read",
                    metadata: ["reason": "\(answer.prefix)"]
                )
            }
        }
        lanesState[lane].reading.failed(error)
        showReading()
        // It has been waited for already, and is read from as soon as it is back.
        if case .notConnected(let loss) = error, loss != .stopped { return }
        let duration = pause.next { .random(in: 0..<$0) }
        // Cancelled, the caller sees it.
        do { try await loop.sleep(for: duration) } catch {}
    }

    private func showReading() {
        let all = lanesState.allSatisfy(\.reading.isReading)
        status.update { $0.isReading = all }
    }

    private func untilRoom() async {
        while !hasRoom, !isStopping, !Task.isCancelled {
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

    private var hasRoom: Bool {
        held.count < bounds.requestsMax && heldBytes < bounds.bytesMax
    }

    private func wakeReaders() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for the graceful shutdown, then ends the reads that wait in Redis. Cancelled instead,
    /// such a read could take entries along which Redis has handed out already.
    private func stopReadingWhenAsked() async {
        do { try await gracefulShutdown() } catch { return }
        isStopping = true
        status.update { $0.isDraining = true }
        telemetry.metrics.requests.draining.set(to: 1)
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
}

// MARK: - Running

extension Consumer {
    private func place(of entry: RawEntry, _ lane: Int) -> Place {
        Place(partition: lanes[lane].partition, queue: entry.queue, id: entry.id)
    }

    private func begin(_ entry: RawEntry, _ lane: Int, in group: inout DiscardingTaskGroup) {
        let place = place(of: entry, lane)
        guard held.insert(place).inserted else { return }
        let bytes = entry.byteCount
        heldBytes += bytes
        showLoad()
        telemetry.metrics.streams.entriesRead.increment(Metrics.Priority(entry.queue))
        group.addTask {
            await self.takeSlot()
            await self.handle(entry, lane)
            await self.ended(place, bytes)
        }
    }

    private func takeSlot() async {
        if runningCount < bounds.requestsMax {
            runningCount += 1
            showLoad()
        } else {
            // Whoever ends hands its slot on, so the count stays.
            await withCheckedContinuation { slotWaiters.append($0) }
        }
    }

    private func handle(_ entry: RawEntry, _ lane: Int) async {
        do throws(CancellationError) {
            let receipt = try await lanes[lane].pipeline.run(Lease(on: entry))
            if receipt == .already {
                telemetry.metrics.requests.duplicateFinishSuppressed.increment()
            }
            if receipt == .buried { telemetry.metrics.streams.deadLetters.increment(.malformed) }
        } catch {
            // The process is ending; the entry stays pending for whoever takes it over.
            log.debug("a request was given up", metadata: ["entry": "\(entry.id)"])
        }
    }

    private func ended(_ place: Place, _ bytes: Int) {
        if let next = slotWaiters.popFirst() { next.resume() } else { runningCount -= 1 }
        held.remove(place)
        heldBytes -= bytes
        showLoad()
        if hasRoom, !roomWaiters.isEmpty { wakeReaders() }
    }

    private func showLoad() {
        telemetry.metrics.requests.slotsUsed.set(to: runningCount)
        telemetry.metrics.requests.inFlightBytes.set(to: heldBytes)
    }
}

extension Metrics.Priority {
    init(_ queue: Queue) {
        switch queue {
        case .retry: self = .retry
        case .high: self = .high
        case .normal: self = .normal
        case .low: self = .low
        }
    }
}
