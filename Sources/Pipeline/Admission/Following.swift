internal import Contract
internal import Policy

// MARK: - Who asks the same

extension Admission {
    enum Steering {
        /// It asks: for all who ask the same, or for itself.
        case ask
        /// Something may have changed.
        case lookAgain
        case over(Verdict)
    }

    /// Whether it asks now, waits for what another is answered, or has an answer.
    ///
    /// - Parameter registered: Anew, when it waited with nothing set aside and may have to ask now.
    func steer(
        _ flight: Flight,
        _ registered: inout Registered,
        _ queue: inout FleetQueue,
        _ quote: Quote
    ) async throws(CancellationError) -> Steering {
        // Who finds others waiting for the fleet stands behind them, and leads nobody meanwhile.
        let isBehind: Bool
        if queue.hasWaited { isBehind = false } else { isBehind = await queue.isBusy() }
        switch await flight.join(mayLead: !flight.isFreed && !isBehind) {
        case .answered(let answer):
            await queue.answered(.unused)
            return .over(.shared(registered, answer))
        case .leads: return .ask
        case .follows:
            await queue.answered(.unused)
            return try await follow(flight, registered)
        case .free, .unknown:
            if flight.isFreed {
                await queue.answered(.unused)
                let verdict = try await registerAgain(registered, quote)
                guard case .registered(let again) = verdict else { return .over(verdict) }
                flight.isFreed = false
                registered = again
                return .lookAgain
            }
            guard isBehind else { return .ask }
            flight.leave()
            guard try await mark(.parked, registered) else { return .over(.dropped(.superseded)) }
            try await queue.wait(ms: 0, atMostMs: registered.lastCallMs - clock.nowMs())
            return .lookAgain
        }
    }

    /// Waits without a slot and with nothing set aside, until there may be an answer, or nobody asks.
    private func follow(
        _ flight: Flight,
        _ registered: Registered
    ) async throws(CancellationError) -> Steering {
        let user = registered.accepted.request.userID
        let leftMs = registered.lastCallMs - clock.nowMs()
        guard leftMs > 0 else { return .over(.withoutTurn(registered, .deadline)) }
        if !flight.isFreed {
            // Nothing is told of what has no slot: it is before it is parked.
            await flight.follows(registered)
            guard try await mark(.following, registered) else {
                return .over(.dropped(.superseded))
            }
            flight.isFreed = true
            await parking.settled(user)
        }
        try await flight.wait(registered.accepted.entry.history.priority, ms: leftMs)
        return .lookAgain
    }
}
