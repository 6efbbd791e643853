internal import Contract
package import Policy

// MARK: - The fleet's minute and hour

extension Admission {
    /// A turn in the fleet's pace, and a share of its hour; before that, where answers are shared, a look
    /// whether somebody who asks the same has one.
    ///
    /// - Parameter flight: Nil where answers are not shared.
    package func reserve(
        _ first: Registered,
        _ quote: Quote,
        _ flight: Flight?
    ) async throws(CancellationError) -> Verdict {
        var registered = first
        var queue = FleetQueue(parking, registered.accepted.entry.history.priority)
        var tries = 0
        // Who finds others waiting stands behind them, without asking.
        if flight == nil, await queue.isBusy() {
            guard try await mark(.parked, registered) else { return .dropped(.superseded) }
            try await queue.wait(ms: 0, atMostMs: registered.lastCallMs - clock.nowMs())
        }
        while true {
            if await parking.isPaused(partition) {
                flight?.leave()
                guard clock.nowMs() < registered.lastCallMs else {
                    let rejection = Self.timeIsUp(for: registered.accepted)
                    return .turnedAway(registered, rejection)
                }
                guard try await waitWhilePaused(&queue, registered) else {
                    return .dropped(.superseded)
                }
                continue
            }
            if let flight {
                switch try await steer(flight, &registered, &queue, quote) {
                case .ask: break
                case .lookAgain: continue
                case .over(let verdict): return verdict
                }
            }
            do throws(StreamFailure) {
                let turn = try await fleet.reserve(reservation(registered, quote))
                tries = 0
                if case .granted(let amount) = turn {
                    await queue.answered(.granted)
                    watch.reached(.reserved)
                    return try await marked(registered, amount)
                }
                let (reason, waitMs) = refusal(turn, registered)
                await queue.answered(waitMs.map { .nextIn(ms: $0) } ?? .unused)
                flight?.leave()
                guard let waitMs else { return .withoutTurn(registered, reason) }
                if !queue.hasWaited,
                    try await streams.mark(
                        .parked,
                        of: registered.accepted,
                        attempt: registered.attempt
                    ) != .marked
                {
                    return .dropped(.superseded)
                }
                try await park(&queue, waitMs, registered)
            } catch {
                tries += 1
                flight?.leave()
                await queue.answered(.unused)
                if clock.nowMs() >= registered.lastCallMs {
                    return .withoutTurn(registered, .deadline)
                }
                try await pause(after: error, tries)
            }
        }
    }

    private func reservation(_ registered: Registered, _ quote: Quote) -> Reservation {
        Reservation(
            name: registered.reservationName,
            priority: registered.accepted.entry.history.priority,
            least: quote.least,
            most: registered.grant.reserved,
            deadlineMs: registered.deadlineMs
        )
    }

    /// Paused, it asks for nothing until that is over, or until a call would come too late.
    ///
    /// - Returns: False when the request is no longer this attempt's.
    private func waitWhilePaused(
        _ queue: inout FleetQueue,
        _ registered: Registered
    ) async throws(CancellationError) -> Bool {
        await queue.answered(.unused)
        guard try await mark(.parked, registered) else { return false }
        try await parking.waitWhilePaused(
            partition,
            registered.accepted.entry.history.priority,
            ms: max(registered.lastCallMs - clock.nowMs(), 1)
        )
        queue.hasWaited = true
        return true
    }

    private func park(
        _ queue: inout FleetQueue,
        _ ms: Int64,
        _ registered: Registered
    ) async throws(StreamFailure) {
        do throws(CancellationError) {
            try await queue.wait(ms: ms, atMostMs: registered.lastCallMs - clock.nowMs())
        } catch {
            throw .cancelled
        }
    }

    /// Why there is no turn now, and how long to wait for one; nil when it comes too late.
    private func refusal(_ turn: Turn, _ registered: Registered) -> (Degradation, Int64?) {
        let left = registered.lastCallMs - clock.nowMs()
        let (reason, waitMs): (Degradation, Int64?) =
            switch turn {
            case .granted: (.globalPace, nil)
            case .pace(let ms): (.globalPace, ms)
            case .wait(let ms): (.globalBudget, ms)
            case .refused: (.globalBudget, nil)
            }
        return (reason, waitMs.flatMap { $0 < left ? $0 : nil })
    }

    func mark(
        _ standing: Standing,
        _ registered: Registered
    ) async throws(CancellationError) -> Bool {
        do throws(StreamFailure) {
            return try await streams.mark(
                standing,
                of: registered.accepted,
                attempt: registered.attempt
            ) == .marked
        } catch {
            if case .cancelled = error { throw CancellationError() }
            // Only a sign for whoever looks: the request goes on.
            return true
        }
    }
}

/// One request's place among those that wait for the fleet: whoever is given the turn says what came
/// of it, once.
struct FleetQueue {
    private let parking: any Parking
    private let priority: Queue
    var hasWaited = false
    private var hasTurn = false

    init(_ parking: any Parking, _ priority: Queue) {
        self.parking = parking
        self.priority = priority
    }

    mutating func wait(ms: Int64, atMostMs: Int64) async throws(CancellationError) {
        hasWaited = true
        hasTurn = try await parking.waitForFleet(priority, ms: ms, atMostMs: max(atMostMs, 1))
    }

    func isBusy() async -> Bool { await parking.isFleetBusy(for: priority) }

    mutating func answered(_ answer: FleetAnswer) async {
        guard hasTurn else { return }
        hasTurn = false
        await parking.fleetAnswered(priority, answer)
    }
}
