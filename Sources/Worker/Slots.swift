import Contract
import DequeModule
import EventLoop
import Pipeline
import Policy
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
    /// Those of them that hold no slot.
    private var beside = 0
    private var waiting: [Queue: Deque<CheckedContinuation<Void, Never>>] = [:]
    private var aloneWaiting: Deque<CheckedContinuation<Void, Never>> = []
    private var isAlone = false
    private var isStopping = false

    private var parked: [Queue: Int] = [:]
    /// Priorities whose parking was full, and is not yet free enough.
    private var full: Set<Queue> = []
    private var parkedByUser: [String: Int] = [:]
    private var tickets: [Int: Ticket] = [:]
    private var ticketsGiven = 0
    private var userTickets: [String: Deque<Int>] = [:]
    private var fleetTickets: [Queue: Deque<Int>] = [:]
    /// Somebody of this priority has been given a turn, and has not said yet what came of it.
    private var turnOut: Queue?
    /// When the fleet lets the next of a priority ask.
    private var gates: [Queue: EventLoop.Timer] = [:]
    private var pausedPartitions: Set<Int> = []
    private var pauseTickets: [Int: [Int]] = [:]
    /// Those that wait for what another is answered, by the question's hash.
    private var answerTickets: [String: Deque<Int>] = [:]
    /// Whose turn it is among those that wait for a slot, and among those that wait for the fleet.
    private var slotTurns: Turns
    private var fleetTurns: Turns
    /// More may be read than before, or other streams, without a request having ended.
    private var whenRoomGrows: (@Sendable () -> Void)?

    /// What an operator may set.
    struct Bounds: Sendable {
        /// `MAX_CONCURRENT_REQUESTS`.
        let runningMax: Int
        /// `MAX_PARKED`, of one priority.
        let parkedMax: Int
        /// `MAX_PARKED_PER_USER`.
        let parkedPerUserMax: Int
        /// Requests that may hold no slot because they ask nothing of a model: those for usage.
        let besideMax: Int
        /// `PRIORITY_WEIGHTS`.
        let weights: PriorityWeights
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
        slotTurns = Turns(bounds.weights)
        fleetTurns = Turns(bounds.weights)
        metrics.slots.set(to: bounds.runningMax)
    }

    // MARK: Running

    /// Waits for the right to run; slots that become free are given by weight.
    func take(_ priority: Queue) async {
        if running < runningMax, aloneWaiting.isEmpty, !isAlone {
            running += 1
            showUsed()
        } else {
            await withCheckedContinuation { continuation in
                waiting[priority, default: []].append(continuation)
                // A more urgent one may be read past it.
                whenRoomGrows?()
            }
        }
    }

    func leave() {
        running -= 1
        showUsed()
        handOn()
    }

    /// The right to run without a slot, of a request that was taken back before it was read: it ends
    /// without a call.
    func takeBeside() {
        beside += 1
        running += 1
        whenRoomGrows?()
    }

    /// The same for a request that asks nothing of a model.
    ///
    /// - Returns: False where as many run beside as may, or one runs alone: then it takes a slot like
    ///   any other.
    func mayTakeBeside() -> Bool {
        guard beside < bounds.besideMax, !wantsAlone else { return false }
        takeBeside()
        return true
    }

    func leaveBeside() {
        beside -= 1
        leave()
    }

    /// Requests that may run at once.
    private var runningMax: Int { bounds.runningMax + beside }

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

    private var wantsAlone: Bool { isAlone || !aloneWaiting.isEmpty }
    private var parkedCount: Int { parked.values.reduce(0, +) }

    /// The streams that may be read: of a priority whose parking is full nothing more is taken, until an
    /// eighth of it is free again, so that not every turn is another read.
    private func openQueues() -> [Queue] {
        for queue in Queue.allCases {
            let count = parked[queue, default: 0]
            if count >= bounds.parkedMax { full.insert(queue) }
            if count <= bounds.parkedMax * 7 / 8 { full.remove(queue) }
        }
        return Queue.allCases.filter { !full.contains($0) }
    }

    /// What may be read while `held` requests have been read and have not ended.
    ///
    /// Requests that were parked want a slot again. Where only those wait that are less urgent, one
    /// entry of a more urgent stream is read all the same: it takes the next slot, ahead of them.
    func readable(held: Int) -> (room: Int, queues: [Queue]) {
        guard !wantsAlone else { return (0, []) }
        let open = openQueues()
        let room = runningMax - (held - parkedCount)
        if room > 0 { return (open.isEmpty ? 0 : room, open) }
        guard let first = Queue.allCases.first(where: { waiting[$0]?.isEmpty == false }) else {
            return (0, [])
        }
        let urgent = Queue.allCases.prefix { $0 != first }.filter(open.contains)
        return (urgent.isEmpty ? 0 : 1, urgent)
    }

    /// - Parameter act: Called on the loop when more may be read than before, or other streams, without a
    ///   request having ended.
    func onRoom(_ act: @escaping @Sendable () -> Void) { whenRoomGrows = act }

    private func handOn() {
        if !aloneWaiting.isEmpty {
            guard running == 0, !isAlone, let next = aloneWaiting.popFirst() else { return }
            isAlone = true
            running += 1
            next.resume()
            return
        }
        guard !isAlone else { return }
        while running < runningMax {
            let wanting = Queue.allCases.filter { waiting[$0]?.isEmpty == false }
            guard let priority = slotTurns.first(of: wanting),
                let next = waiting[priority]?.popFirst()
            else { break }
            slotTurns.served(priority, among: wanting)
            running += 1
            next.resume()
        }
        showUsed()
    }

    private func showUsed() { metrics.slotsUsed.set(to: running - beside) }

    // MARK: Stopping

    /// Whoever is parked goes at once, and nobody is parked from now on.
    func stopParking() {
        isStopping = true
        for gate in gates.values { loop.cancel(gate) }
        gates = [:]
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
        if ms > 0 { closeGate(for: priority, ms: ms) }
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
            fleetAnswered(priority, .unused)
            throw CancellationError()
        }
        return turn
    }

    func isFleetBusy(for priority: Queue) -> Bool {
        turnOut == priority || gates[priority] != nil || waitsForFleet(priority)
    }

    private func waitsForFleet(_ priority: Queue) -> Bool {
        fleetTickets[priority]?.contains { tickets[$0] != nil } == true
    }

    func fleetAnswered(_ priority: Queue, _ answer: FleetAnswer) {
        turnOut = nil
        switch answer {
        case .granted:
            let others = Queue.allCases.filter { $0 != priority && waitsForFleet($0) }
            fleetTurns.served(priority, among: others + [priority])
        case .unused: break
        case .nextIn(let ms): closeGate(for: priority, ms: ms)
        }
        giveTurn()
    }

    private func closeGate(for priority: Queue, ms: Int64) {
        guard !isStopping else { return }
        if let gate = gates[priority] { loop.cancel(gate) }
        gates[priority] = loop.schedule(at: loop.now + .milliseconds(ms)) { [self] in
            assumeIsolated { slots in
                slots.gates[priority] = nil
                slots.giveTurn()
            }
        }
    }

    /// One of those whose priority may ask does so, by weight, unless somebody does already.
    private func giveTurn() {
        guard turnOut == nil else { return }
        let open = Queue.allCases.filter { gates[$0] == nil && waitsForFleet($0) }
        guard let priority = fleetTurns.first(of: open) else { return }
        while let next = fleetTickets[priority]?.popFirst() {
            guard tickets[next] != nil else { continue }
            turnOut = priority
            return end(next, true)
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
        whenRoomGrows?()
        let turn = await wait(atMostMs: atMostMs, enqueue)
        parked[priority, default: 1] -= 1
        metrics.parked.set(to: parkedCount)
        whenRoomGrows?()
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

// MARK: - Pausing

extension Slots {
    func isPaused(_ partition: Int) -> Bool { pausedPartitions.contains(partition) }

    func waitWhilePaused(
        _ partition: Int,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) {
        guard isPaused(partition) else { return }
        let turn = try await park(priority, atMostMs: ms) { slots, ticket in
            slots.pauseTickets[partition, default: []].append(ticket)
        }
        if turn == nil { throw CancellationError() }
    }

    /// Nothing of this partition starts from now on.
    func pause(_ partition: Int) { pausedPartitions.insert(partition) }

    func resume(_ partition: Int) {
        pausedPartitions.remove(partition)
        for ticket in pauseTickets.removeValue(forKey: partition) ?? [] { end(ticket, true) }
    }
}

// MARK: - Waiting for what another is answered

extension Slots {
    func waitForAnswer(
        _ question: String,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) {
        let turn = try await park(priority, atMostMs: ms) { slots, ticket in
            slots.answerTickets[question, default: []].append(ticket)
        }
        answerTickets[question]?.removeAll { tickets[$0] == nil }
        if answerTickets[question]?.isEmpty == true { answerTickets[question] = nil }
        if turn == nil { throw CancellationError() }
    }

    /// The questions whose answers are waited for here.
    var followed: [String] { Array(answerTickets.keys) }

    func answerCame(_ question: String) {
        for ticket in answerTickets.removeValue(forKey: question) ?? [] { end(ticket, true) }
    }

    /// Whoever has waited longest may ask.
    func nobodyAsks(_ question: String) {
        while let next = answerTickets[question]?.popFirst() {
            guard tickets[next] != nil else { continue }
            return end(next, true)
        }
        answerTickets[question] = nil
    }
}
