import Contract
import DequeModule
import EventLoop
import Pipeline
import Telemetry

/// The right to run, which only so many requests have at once, and where those wait that cannot use
/// it yet: for their user's other requests to be settled, or for the fleet's next turn.
///
/// ```
///   read ─▶ take ─▶ runs ─▶ leave            parked: holds no slot, keeps its place in the books
///                   │   ▲                    alone: an entry whose owners died runs beside none,
///                   ▼   │ take                      so that only its own crash counts against it
///                  parked
/// ```
actor Slots {
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private nonisolated let loop: EventLoop
    private let bounds: Bounds
    private let metrics: RequestMetrics

    private var running = 0
    private var waiting: [Queue: Deque<CheckedContinuation<Void, Never>>] = [:]
    private var aloneWaiting: Deque<CheckedContinuation<Void, Never>> = []
    private var isAlone = false
    private var isStopping = false

    private var parked: [Queue: Int] = [:]
    private var parkedByUser: [String: Int] = [:]
    private var tickets: [Int: Ticket] = [:]
    private var ticketsGiven = 0
    private var userTickets: [String: Deque<Int>] = [:]
    private var fleetTickets: [Queue: Deque<Int>] = [:]
    /// Somebody has been given the fleet's turn, and has not said yet what came of it.
    private var isTurnOut = false
    private var gate: EventLoop.Timer?

    /// What an operator may set.
    struct Bounds: Sendable {
        /// `MAX_CONCURRENT_REQUESTS`.
        let runningMax: Int
        /// `MAX_PARKED`, of one priority.
        let parkedMax: Int
        /// `MAX_PARKED_PER_USER`.
        let parkedPerUserMax: Int
    }

    /// One parked request: resumed with whether it is its turn, or with nil when it is to go.
    private struct Ticket {
        let continuation: CheckedContinuation<Bool?, Never>
        let timer: EventLoop.Timer
    }

    init(on loop: EventLoop, bounds: Bounds, metrics: RequestMetrics) {
        self.loop = loop
        self.bounds = bounds
        self.metrics = metrics
        metrics.slots.set(to: bounds.runningMax)
    }

    // MARK: Running

    /// Waits for the right to run; the most urgent go first.
    func take(_ priority: Queue) async {
        if running < bounds.runningMax, aloneWaiting.isEmpty, !isAlone {
            running += 1
            metrics.slotsUsed.set(to: running)
        } else {
            await withCheckedContinuation { waiting[priority, default: []].append($0) }
        }
    }

    func leave() {
        running -= 1
        metrics.slotsUsed.set(to: running)
        handOn()
    }

    /// Waits until nothing else runs, and keeps all others from it until `leaveAlone`.
    func takeAlone() async {
        if running > 0 || isAlone {
            await withCheckedContinuation { aloneWaiting.append($0) }
        } else {
            isAlone = true
            running += 1
        }
    }

    func leaveAlone() {
        isAlone = false
        leave()
    }

    var wantsAlone: Bool { isAlone || !aloneWaiting.isEmpty }
    var parkedCount: Int { parked.values.reduce(0, +) }

    /// The streams that may be read: of a priority whose parking is full nothing more is taken.
    var openQueues: [Queue] {
        Queue.allCases.filter { parked[$0, default: 0] < bounds.parkedMax }
    }

    private func handOn() {
        if !aloneWaiting.isEmpty {
            guard running == 0, !isAlone, let next = aloneWaiting.popFirst() else { return }
            isAlone = true
            running += 1
            next.resume()
            return
        }
        guard !isAlone else { return }
        for priority in Queue.allCases {
            while running < bounds.runningMax, let next = waiting[priority]?.popFirst() {
                running += 1
                next.resume()
            }
        }
        metrics.slotsUsed.set(to: running)
    }

    // MARK: Stopping

    /// Whoever is parked goes at once, and nobody is parked from now on.
    func stopParking() {
        isStopping = true
        if let gate { loop.cancel(gate) }
        gate = nil
        for id in tickets.keys { end(id, nil) }
    }
}

// MARK: - Parking

extension Slots: Parking {
    /// Who would wait while this process stops is not refused: it is handed back when it begins to.
    func hasRoom(for user: String) -> Bool {
        parkedByUser[user, default: 0] < bounds.parkedPerUserMax
    }

    func takePlace(of user: String) -> Bool {
        guard hasRoom(for: user) else { return false }
        parkedByUser[user, default: 0] += 1
        return true
    }

    func leavePlace(of user: String) {
        let left = parkedByUser[user, default: 1] - 1
        parkedByUser[user] = left > 0 ? left : nil
    }

    func waitForUser(
        _ user: String,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) {
        let turn = try await park(priority, atMostMs: ms) { slots, ticket in
            slots.userTickets[user, default: []].append(ticket)
        }
        userTickets[user]?.removeAll { tickets[$0] == nil }
        if userTickets[user]?.isEmpty == true { userTickets[user] = nil }
        if turn == nil { throw CancellationError() }
    }

    func settled(_ user: String) {
        guard let next = userTickets[user]?.first(where: { tickets[$0] != nil }) else { return }
        end(next, true)
    }

    func waitForFleet(
        _ priority: Queue,
        ms: Int64,
        atMostMs: Int64
    ) async throws(CancellationError) -> Bool {
        if ms > 0 { closeGate(ms: ms) }
        let turn = try await park(priority, atMostMs: atMostMs) { slots, ticket in
            // Whoever has asked already stays before those who have not.
            if ms > 0 {
                slots.fleetTickets[priority, default: []].prepend(ticket)
            } else {
                slots.fleetTickets[priority, default: []].append(ticket)
            }
            slots.giveTurn()
        }
        guard let turn else { throw CancellationError() }
        if turn, Task.isCancelled {
            fleetAnswered(nextIn: nil)
            throw CancellationError()
        }
        return turn
    }

    func isFleetBusy() -> Bool {
        isTurnOut || gate != nil
            || fleetTickets.values.contains { waiting in
                waiting.contains { tickets[$0] != nil }
            }
    }

    func fleetAnswered(nextIn ms: Int64?) {
        isTurnOut = false
        if let ms { closeGate(ms: ms) } else { giveTurn() }
    }

    private func closeGate(ms: Int64) {
        guard !isStopping else { return }
        if let gate { loop.cancel(gate) }
        gate = loop.schedule(at: loop.now + .milliseconds(ms)) { [self] in
            assumeIsolated { slots in
                slots.gate = nil
                slots.giveTurn()
            }
        }
    }

    /// The first of the most urgent asks the fleet, unless somebody does already.
    private func giveTurn() {
        guard !isTurnOut, gate == nil else { return }
        for priority in Queue.allCases {
            while let next = fleetTickets[priority]?.popFirst() {
                guard tickets[next] != nil else { continue }
                isTurnOut = true
                return end(next, true)
            }
        }
    }

    /// Gives up the slot until the ticket is resumed, then waits for one again.
    private func park(
        _ priority: Queue,
        atMostMs: Int64,
        _ enqueue: (isolated Slots, Int) -> Void
    ) async throws(CancellationError) -> Bool? {
        guard !isStopping else { throw CancellationError() }
        parked[priority, default: 0] += 1
        metrics.parked.set(to: parkedCount)
        leave()
        let turn = await wait(atMostMs: atMostMs, enqueue)
        parked[priority, default: 1] -= 1
        metrics.parked.set(to: parkedCount)
        await take(priority)
        return turn
    }

    private func wait(
        atMostMs: Int64,
        _ enqueue: (isolated Slots, Int) -> Void
    ) async -> Bool? {
        ticketsGiven += 1
        let id = ticketsGiven
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(returning: nil) }
                let timer = loop.schedule(at: loop.now + .milliseconds(atMostMs)) { [self] in
                    assumeIsolated { $0.end(id, false) }
                }
                tickets[id] = Ticket(continuation: continuation, timer: timer)
                enqueue(self, id)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.end(id, nil) } }
        }
    }

    private func end(_ id: Int, _ turn: Bool?) {
        guard let ticket = tickets.removeValue(forKey: id) else { return }
        loop.cancel(ticket.timer)
        ticket.continuation.resume(returning: turn)
    }
}
