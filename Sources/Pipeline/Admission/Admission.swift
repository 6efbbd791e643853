package import Contract
internal import Policy

/// The stage before anything is spent: who owns the request, what its user and the fleet still allow.
///
/// The record and the user's reservation come first, in the request's own partition, then the
/// fleet's, then the call; what the second refuses, the first takes back (`Settlement`).
package struct Admission: Sendable {
    private let streams: any Streams
    private let fleet: any Fleet
    private let parking: any Parking
    private let clock: any StoreClock
    private let watch: any Watch
    private let partition: Int

    package init(
        streams: any Streams,
        fleet: any Fleet,
        parking: any Parking,
        clock: any StoreClock,
        watch: any Watch,
        partition: Int
    ) {
        self.streams = streams
        self.fleet = fleet
        self.parking = parking
        self.clock = clock
        self.watch = watch
        self.partition = partition
    }

    package enum Verdict: Sendable {
        case admitted(Admitted)
        /// It was taken back before anybody had read it.
        case cancelled(Cancellation)
        /// Nothing was kept in the books.
        case refused(Rejection)
        /// It was in the books, and is not within the user's tier.
        case turnedAway(Registered, Rejection)
        /// It is in the books, and the fleet has no turn for it in time: it is answered without a call.
        case withoutTurn(Registered, Degradation)
        /// The entry adds nothing, or is not ours any more.
        case dropped(Receipt)
        case conflict
    }

    /// - Parameter call: What is going to be asked, and may cost.
    package func admit(
        _ accepted: Accepted,
        for call: PreparedCall
    ) async throws(CancellationError) -> Verdict {
        guard let most = call.quote.most(within: accepted.request.maxCost) else {
            return .refused(
                Rejection(
                    .maxCostTooLow,
                    "an answer may cost up to \(call.quote.least) USD; max_cost_usd is "
                        + "\(accepted.request.maxCost)",
                    field: "/max_cost_usd"
                )
            )
        }
        switch try await register(accepted, least: call.quote.least, most: most) {
        case .granted(let grant):
            let registered = Registered(accepted, grant, partition: partition)
            watch.reached(.admitted)
            if let inherited = grant.inherited { try await settle(inherited) }
            if let rejection = Self.tierRefusal(of: registered) {
                return .turnedAway(registered, rejection)
            }
            return try await reserve(registered, call)
        case .refused(let rejection): return .refused(rejection)
        case .dropped(let receipt): return .dropped(receipt)
        case .conflict: return .conflict
        case .cancelled(let cancellation): return .cancelled(cancellation)
        case .wait: return .refused(Self.timeIsUp(for: accepted))
        }
    }
}

// MARK: - The user's hour

extension Admission {
    private func register(
        _ accepted: Accepted,
        least: NanoUSD,
        most: NanoUSD
    ) async throws(CancellationError) -> Admittance {
        var isParked = false
        let answer: Result<Admittance, CancellationError>
        do throws(CancellationError) {
            answer = .success(try await register(accepted, least, most, &isParked))
        } catch {
            answer = .failure(error)
        }
        if isParked { await parking.leavePlace(of: accepted.request.userID) }
        return try answer.get()
    }

    private func register(
        _ accepted: Accepted,
        _ least: NanoUSD,
        _ most: NanoUSD,
        _ isParked: inout Bool
    ) async throws(CancellationError) -> Admittance {
        let user = accepted.request.userID
        var tries = 0
        while true {
            // Paused before it began: it holds no slot, and its deadline runs on.
            if await parking.isPaused(partition) {
                let left = accepted.times.lastCallMs - clock.nowMs()
                guard left > 0 else { return .wait(ms: 0) }
                let priority = accepted.entry.history.priority
                try await parking.waitWhilePaused(partition, priority, ms: left)
                continue
            }
            let hasRoom: Bool
            if isParked { hasRoom = true } else { hasRoom = await parking.hasRoom(for: user) }
            let now = clock.nowMs()
            let bid = Bid(
                least: least,
                most: most,
                // Parked until the deadline is near, it is told then what kept it out.
                mayWait: hasRoom && now < accepted.times.lastCallMs
            )
            do throws(StreamFailure) {
                let answer = try await streams.admit(accepted, bid)
                guard case .wait(let ms) = answer else { return answer }
                tries = 0
                // Many may have asked while there was a place for one: who gets none asks again, and is
                // told what keeps it out.
                if !isParked { isParked = await parking.takePlace(of: user) }
                guard isParked else { continue }
                try await wait(user, accepted, min(ms, max(accepted.times.lastCallMs - now, 1)))
            } catch {
                tries += 1
                if clock.nowMs() >= accepted.times.lastCallMs { return .wait(ms: 0) }
                try await pause(after: error, tries)
            }
        }
    }

    private func wait(
        _ user: String,
        _ accepted: Accepted,
        _ ms: Int64
    )
        async throws(StreamFailure)
    {
        do throws(CancellationError) {
            try await parking.waitForUser(user, accepted.entry.history.priority, ms: ms)
        } catch {
            throw .cancelled
        }
    }

    private func pause(
        after failure: StreamFailure,
        _ tries: Int
    )
        async throws(CancellationError)
    {
        if case .cancelled = failure { throw CancellationError() }
        try await streams.untilWorthAnotherTry(after: failure, tries: tries)
    }

    /// What a tier has not booked is refused before it costs anybody a turn.
    private static func tierRefusal(of registered: Registered) -> Rejection? {
        guard registered.accepted.request.mode == .custom else { return nil }
        let name = registered.grant.limits.tier
        guard Tier(rawValue: name)?.hasCustomMode != true else { return nil }
        return Rejection(
            .tierFeature,
            "custom strategies belong to tier enterprise, and the user's is \(name)",
            field: "/mode"
        )
    }

    private static func timeIsUp(for accepted: Accepted) -> Rejection {
        Rejection(.deadlinePassed, "the deadline came before the request could be admitted")
    }

    private func settle(_ charge: Charge) async throws(CancellationError) {
        // Best effort: a sweep of the supervisor settles what is left.
        do throws(StreamFailure) {
            try await fleet.settle(charge.name, cost: charge.cost)
        } catch {
            if case .cancelled = error { throw CancellationError() }
        }
    }
}

// MARK: - The fleet's minute and hour

extension Admission {
    private func reserve(
        _ registered: Registered,
        _ call: PreparedCall
    ) async throws(CancellationError) -> Verdict {
        let reservation = Reservation(
            name: registered.reservationName,
            priority: registered.accepted.entry.history.priority,
            least: call.quote.least,
            most: registered.grant.reserved,
            deadlineMs: registered.deadlineMs
        )
        var queue = FleetQueue(parking, registered.accepted.entry.history.priority)
        var tries = 0
        // Who finds others waiting stands behind them, without asking.
        if await queue.isBusy() {
            guard try await mark(.parked, registered) else { return .dropped(.superseded) }
            try await queue.wait(ms: 0, atMostMs: registered.lastCallMs - clock.nowMs())
        }
        while true {
            if await parking.isPaused(partition) {
                guard clock.nowMs() < registered.lastCallMs else {
                    let rejection = Self.timeIsUp(for: registered.accepted)
                    return .turnedAway(registered, rejection)
                }
                guard try await waitWhilePaused(&queue, registered) else {
                    return .dropped(.superseded)
                }
                continue
            }
            do throws(StreamFailure) {
                let turn = try await fleet.reserve(reservation)
                tries = 0
                if case .granted(let amount) = turn {
                    await queue.answered(.granted)
                    watch.reached(.reserved)
                    return try await marked(registered, call, amount)
                }
                let (reason, waitMs) = refusal(turn, registered)
                await queue.answered(waitMs.map { .nextIn(ms: $0) } ?? .unused)
                guard let waitMs else { return .withoutTurn(registered, reason) }
                if !queue.hasWaited,
                    try await !streams.mark(
                        .parked,
                        of: registered.accepted,
                        attempt: registered.attempt
                    )
                {
                    return .dropped(.superseded)
                }
                try await park(&queue, waitMs, registered)
            } catch {
                tries += 1
                await queue.answered(.unused)
                if clock.nowMs() >= registered.lastCallMs {
                    return .withoutTurn(registered, .deadline)
                }
                try await pause(after: error, tries)
            }
        }
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

    private func marked(
        _ registered: Registered,
        _ call: PreparedCall,
        _ amount: NanoUSD
    ) async throws(StreamFailure) -> Verdict {
        let standing = Standing.calling(number: Registered.callNumber, reserved: amount)
        let isOurs = try await streams.mark(
            standing,
            of: registered.accepted,
            attempt: registered.attempt
        )
        guard isOurs else {
            try await fleet.settle(registered.reservationName, cost: .zero)
            return .dropped(.superseded)
        }
        watch.reached(.marked)
        return .admitted(Admitted(registered, call, reserved: amount))
    }

    private func mark(
        _ standing: Standing,
        _ registered: Registered
    ) async throws(CancellationError) -> Bool {
        do throws(StreamFailure) {
            return try await streams.mark(
                standing,
                of: registered.accepted,
                attempt: registered.attempt
            )
        } catch {
            if case .cancelled = error { throw CancellationError() }
            // Only a sign for whoever looks: the request goes on.
            return true
        }
    }
}

/// One request's place among those that wait for the fleet: whoever is given the turn says what came
/// of it, once.
private struct FleetQueue {
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

/// A request that is in the books. Only `Admission`, in this file, can make one.
package final class Registered: Sendable {
    package let accepted: Accepted
    package let grant: Grant
    package let reservationName: String
    package let address: Address

    /// The one call of an attempt.
    static let callNumber = 1

    fileprivate init(_ accepted: Accepted, _ grant: Grant, partition: Int) {
        self.accepted = accepted
        self.grant = grant
        reservationName = GlobalKeys.reservation(
            partition: partition,
            accepted.entry.requestID,
            attempt: grant.attempt,
            call: Self.callNumber
        )
        address = Address(
            requestID: accepted.entry.requestID,
            attempt: grant.attempt,
            trace: accepted.entry.trace,
            member: accepted.entry.member
        )
    }

    package var attempt: Int { grant.attempt }
    package var deadlineMs: Int64 { grant.deadlineMs }
    /// When a call would come too late to be answered in time, Unix milliseconds.
    package var lastCallMs: Int64 { grant.deadlineMs - accepted.times.settlementMarginMs }
}

/// A request that may call the model: what it costs is reserved, by its user and by the fleet. Only
/// `Admission`, in this file, can make one.
package final class Admitted: Sendable {
    package let registered: Registered
    package let call: PreparedCall
    /// The most that the call may cost.
    package let reserved: NanoUSD

    package var accepted: Accepted { registered.accepted }
    package var address: Address { registered.address }

    fileprivate init(_ registered: Registered, _ call: PreparedCall, reserved: NanoUSD) {
        self.registered = registered
        self.call = call
        self.reserved = reserved
    }
}

extension Failure {
    /// No strategy by the deadline.
    static let late = Failure(.deadline, "no strategy was ready by the deadline")
}
