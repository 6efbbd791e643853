internal import Contract
internal import Policy

// What the pipeline does where answers are shared, between the user's hour and the fleet's turn.
extension Pipeline {
    /// A request's part in asking once; nil where answers are not shared, or not with this one: words
    /// that may be an attack are answered to nobody else, and by nobody else's answer.
    func flight(of registered: Registered, _ screened: Screened) -> Flight? {
        guard let sharing, !screened.isSuspect else { return nil }
        let proposed = propose(registered, screened)
        guard proposed.hasChoice else { return nil }
        return Flight(
            sharing,
            generation.key(of: proposed),
            proposed,
            announce: { registered, proposed in
                await self.settlement.announce(.accepted, of: registered)
                if let proposed { await self.announceFirst(of: registered, proposed) }
            }
        )
    }

    /// The answer that was found, held against all rules for this request and its market.
    ///
    /// - Returns: Nil when it may not be passed on.
    func serve(
        _ shared: SharedAnswer,
        to registered: Registered,
        _ screened: Screened,
        _ flight: Flight
    ) async -> Exit? {
        if !flight.hasAnnounced { await settlement.announce(.accepted, of: registered) }
        let proposed = flight.proposed ?? propose(registered, screened)
        let verdict = watch.timed(.judge) { validation.judge(shared, [], nil, in: proposed) }
        guard case .passed(let answer) = verdict else { return nil }
        flight.served()
        return Exit(
            .finished(
                .result(answer),
                registered.address,
                registered.accepted.identity,
                .answeredByShared(registered, shared),
                Grounds(screened, proposed)
            )
        )
    }
}
