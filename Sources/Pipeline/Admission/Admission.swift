package import Contract
package import Policy

/// The stage before anything is spent: who owns the request, what its user and the fleet still allow.
///
/// The record and the user's reservation come first, in the request's own partition, then the
/// fleet's, then the call; what the second refuses, the first takes back (`Settlement`).
package final class Admission: Sendable {
    let streams: any Streams
    let fleet: any Fleet
    let parking: any Parking
    let clock: any StoreClock
    let watch: any Watch
    let partition: Int

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
        indirect case refused(Rejection)
        /// It was in the books, and is not within the user's tier.
        indirect case turnedAway(Registered, Rejection)
        /// It is in the books, and the fleet has no turn for it in time: it is answered without a call.
        /// Or no call could lead to anything, and then there is no reason beside the rule.
        case withoutTurn(Registered, Degradation?)
        /// The entry adds nothing, or is not ours any more.
        case dropped(Receipt)
        case conflict
        /// It is in the books, and has its place in its user's hour; the fleet has not been asked.
        case registered(Registered)
        /// Who asked the same has been answered.
        case shared(Registered, SharedAnswer)
    }

    /// The record, and the user's hour.
    ///
    /// - Parameters:
    ///   - quote: What is going to be asked may cost.
    ///   - isBarred: A rule bars whatever would be answered: nothing is spent on it.
    package func register(
        _ accepted: Accepted,
        for quote: Quote,
        isBarred: Bool
    ) async throws(CancellationError) -> Verdict {
        guard let most = quote.most(within: accepted.request.maxCost) else {
            return .refused(
                Rejection(
                    .maxCostTooLow,
                    "an answer may cost up to \(quote.least) USD; max_cost_usd is "
                        + "\(accepted.request.maxCost)",
                    field: "/max_cost_usd"
                )
            )
        }
        switch try await register(accepted, least: quote.least, most: most) {
        case .granted(let grant):
            let registered = Registered(accepted, grant, partition: partition)
            watch.reached(.admitted)
            if let inherited = grant.inherited { try await settle(inherited) }
            if let rejection = Self.tierRefusal(of: registered) {
                return .turnedAway(registered, rejection)
            }
            if isBarred { return .withoutTurn(registered, nil) }
            return .registered(registered)
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

    func pause(
        after failure: StreamFailure,
        _ tries: Int
    )
        async throws(CancellationError)
    {
        if case .cancelled = failure { throw CancellationError() }
        try await streams.untilWorthAnotherTry(after: failure, tries: tries)
    }

    /// What a tier has not booked is refused before it costs anybody a turn.
    static func tierRefusal(of registered: Registered) -> Rejection? {
        guard registered.accepted.request.mode == .custom else { return nil }
        let name = registered.grant.limits.tier
        guard Tier(rawValue: name)?.hasCustomMode != true else { return nil }
        return Rejection(
            .tierFeature,
            "custom strategies belong to tier enterprise, and the user's is \(name)",
            field: "/mode"
        )
    }

    static func timeIsUp(for accepted: Accepted) -> Rejection {
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

extension Admission {
    /// A request as the books once had it, for who decides it again: nothing is asked, and it is no
    /// right to call anybody.
    static func recalled(_ accepted: Accepted, _ grant: Grant) -> Registered {
        Registered(accepted, grant, partition: 0)
    }
}

// MARK: - What only this file can make

extension Admission {
    /// Once more, after nothing was set aside for a while: what it may cost is asked for anew, and
    /// waited for as at first.
    func registerAgain(
        _ registered: Registered,
        _ quote: Quote
    ) async throws(CancellationError) -> Verdict {
        try await register(registered.accepted, for: quote, isBarred: false)
    }

    func marked(
        _ registered: Registered,
        _ amount: NanoUSD
    ) async throws(StreamFailure) -> Verdict {
        let standing = Standing.calling(
            number: registered.callNumber,
            reserved: amount,
            spent: .zero
        )
        let marking = try await streams.mark(
            standing,
            of: registered.accepted,
            attempt: registered.attempt
        )
        guard marking == .marked else {
            try await fleet.settle(registered.reservationName, cost: .zero)
            return .dropped(.superseded)
        }
        watch.reached(.marked)
        return .admitted(Admitted(registered, reserved: amount))
    }
}

/// A request that is in the books. Only `Admission`, in this file, can make one.
package final class Registered: Sendable {
    package let accepted: Accepted
    package let grant: Grant
    package let address: Address
    let partition: Int

    /// The number of its next call within its attempt, from 1; a part of its reservation's name.
    package let callNumber: Int

    fileprivate init(_ accepted: Accepted, _ grant: Grant, partition: Int) {
        self.accepted = accepted
        self.grant = grant
        callNumber = grant.callsMade + 1
        self.partition = partition
        address = Address(
            requestID: accepted.entry.requestID,
            attempt: grant.attempt,
            trace: accepted.entry.trace,
            member: accepted.entry.member,
            replayOf: accepted.entry.replayOf
        )
    }

    /// Of its first call.
    package var reservationName: String { reservationName(ofCall: callNumber) }

    /// A call's name in the fleet's books.
    func reservationName(ofCall number: Int) -> String {
        GlobalKeys.reservation(
            partition: partition,
            accepted.entry.requestID,
            attempt: grant.attempt,
            call: number
        )
    }

    /// The approval level in force: the lower of profile and request; nil where neither says one.
    package var approvalLevel: Int? {
        let asked = accepted.request.account.approvalLevel
        guard let approved = grant.approvalLevel else { return asked }
        return min(approved, asked ?? approved)
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
    /// The most that the call may cost.
    package let reserved: NanoUSD

    package var accepted: Accepted { registered.accepted }
    package var address: Address { registered.address }

    fileprivate init(_ registered: Registered, reserved: NanoUSD) {
        self.registered = registered
        self.reserved = reserved
    }
}

extension Failure {
    /// No strategy by the deadline.
    static let late = Failure(.deadline, "no strategy was ready by the deadline")
}
