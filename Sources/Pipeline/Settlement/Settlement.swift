package import Contract

/// The last stage, and the only door: whatever became of an entry leaves through it, once.
package final class Settlement: Sendable {
    private let streams: any Streams
    private let fleet: any Fleet
    private let parking: any Parking
    private let watch: any Watch
    private let replyTTLMs: Int64
    private let worker: String
    private let evidence: Evidence
    private let executor: (any TaskExecutor)?

    /// - Parameters:
    ///   - replyTTLMs: `REPLY_TTL`, how long an answer can be read.
    ///   - worker: This process' consumer name, for `accepted`.
    ///   - evidence: What the audit trail keeps of each ending.
    ///   - executor: Where what must not be cancelled runs: the loop that everything else runs on.
    package init(
        streams: any Streams,
        fleet: any Fleet,
        parking: any Parking,
        watch: any Watch,
        replyTTLMs: Int64,
        worker: String,
        evidence: Evidence = Evidence(versions: Array("{}".utf8), bytesMax: 524_288),
        executor: (any TaskExecutor)? = nil
    ) {
        self.streams = streams
        self.fleet = fleet
        self.parking = parking
        self.watch = watch
        self.replyTTLMs = replyTTLMs
        self.worker = worker
        self.evidence = evidence
        self.executor = executor
    }

    /// Ends a request. Asks the store again and again until it has said what became of it: an answer
    /// that was paid for is kept for as long as this process lives.
    package func settle(
        _ ending: Ending,
        to address: Address,
        _ identity: Identity,
        _ books: Books,
        _ grounds: Grounds,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        guard
            let terminal = terminal(ending, address, identity, books, grounds, lease.entry)
        else { return try await release(lease, of: identity) }
        let streams = streams
        let receipt = try await insist { () async throws(StreamFailure) in
            try await streams.commit(terminal)
        }
        watch.reached(.committed)
        for charge in books.charges { await settle(charge) }
        if let user = books.user { await parking.settled(user) }
        switch receipt {
        case .replyUnwritable:
            return try await bury(
                lease,
                reason: "the reply key holds something that is no stream",
                at: address
            )
        case .conflict: return try await bury(lease, asConflictAt: address)
        case .expired(let code, let cost):
            return try await remind(lease, address, endedAs: code, cost)
        default: return receipt
        }
    }

    /// What is to be written down; nil when there is nothing to say.
    ///
    /// Out of line: what it takes in between would stand in the frame of who waits for the store.
    @inline(never)
    private func terminal(
        _ ending: Ending,
        _ address: Address,
        _ identity: Identity,
        _ books: Books,
        _ grounds: Grounds,
        _ entry: RawEntry
    ) -> TerminalEvent? {
        guard let event = ending.event(requestID: address.requestID) else { return nil }
        return TerminalEvent(
            queue: entry.queue,
            entryID: entry.id,
            address: address,
            identity: identity,
            kind: event.kind,
            code: event.code,
            payload: event.payload,
            replyTTLMs: replyTTLMs,
            account: books.account,
            evidence: evidence.record(books, grounds, entry, identity)
        )
    }

    /// Moves an entry to the dead letters whose id is another request's, and says so on the stream of
    /// that id.
    package func bury(
        _ lease: consuming Lease,
        asConflictAt address: Address
    ) async throws(CancellationError) -> Receipt {
        try await bury(
            DeadLetter(
                lease.entry,
                reason: "the request_id is another request's",
                telling: address.requestID,
                member: address.asMember
            )
        )
    }

    /// Moves an entry that names no request to the dead letters.
    package func bury(
        _ lease: consuming Lease,
        reason: String,
        at address: Address? = nil
    ) async throws(CancellationError) -> Receipt {
        try await bury(
            DeadLetter(lease.entry, reason: reason, member: address?.asMember)
        )
    }

    private func bury(_ letter: DeadLetter) async throws(CancellationError) -> Receipt {
        let streams = streams
        return try await insist { () async throws(StreamFailure) in try await streams.bury(letter) }
    }

    /// Hands an entry back that this process cannot end.
    package func release(
        _ lease: consuming Lease,
        of identity: Identity
    ) async throws(CancellationError) -> Receipt {
        let streams = streams
        let fleet = fleet
        let watch = watch
        let entry = lease.entry
        return try await insist { () async throws(StreamFailure) in
            guard let charge = try await streams.release(entry, of: identity) else {
                return .released
            }
            watch.reached(.released)
            try await fleet.settle(charge.name, cost: charge.cost)
            return .released
        }
    }

    /// Tells who asks again that the request has ended and its answer is gone.
    package func remind(
        _ lease: consuming Lease,
        _ address: Address,
        endedAs code: String,
        _ cost: NanoUSD
    ) async throws(CancellationError) -> Receipt {
        let rejection = Rejection(
            .answerExpired,
            "the request ended as \(code) and cost \(cost) USD; its answer is gone"
        )
        let reminder = Reminder(
            queue: lease.entry.queue,
            entryID: lease.entry.id,
            address: address,
            payload: rejection.payload
        )
        let streams = streams
        let receipt = try await insist { () async throws(StreamFailure) in
            try await streams.remind(reminder)
        }
        guard receipt == .replyUnwritable else { return receipt }
        return try await bury(
            lease,
            reason: "the reply key holds something that is no stream",
            at: address
        )
    }

    /// Tells a caller who asked for all events how far his request is.
    package func announce(_ progress: Progress, of registered: Registered) async {
        guard registered.accepted.entry.wantsAllEvents else { return }
        let event = InterimEvent(
            address: registered.address,
            kind: progress.kind,
            payload: progress.payload(
                worker: worker,
                limits: registered.grant.limits,
                of: registered.address.requestID
            ),
            expiresAtMs: registered.deadlineMs.addingSaturated(replyTTLMs)
        )
        await streams.announce(event)
    }

    /// Best effort: what is not settled here, a sweep of the supervisor settles.
    private func settle(_ charge: Charge) async {
        do throws(StreamFailure) {
            try await fleet.settle(charge.name, cost: charge.cost)
        } catch {}
    }

    /// Where a request is on its way.
    package enum Progress: Sendable {
        case accepted
        /// The service's own choice, sound and usable while a model works.
        indirect case provisional(ResultPayload)
        /// A model is writing.
        case asking(tokens: Int)
    }

    /// Once there is something to say it is said, unless the store itself is let go.
    ///
    /// The first try runs as part of the caller, since nearly all succeed. What fails, a cancelled
    /// try whose command may have reached the store included, is tried again behind a shield.
    private func insist(
        _ act: @escaping @Sendable () async throws(StreamFailure) -> Receipt
    ) async throws(CancellationError) -> Receipt {
        do throws(StreamFailure) {
            return try await act()
        } catch {
            let streams = streams
            return try await shielded(on: executor) { () async throws(CancellationError) in
                try await Self.insist(on: streams, after: error, act)
            }
        }
    }

    private static func insist(
        on streams: any Streams,
        after first: StreamFailure,
        _ act: @Sendable () async throws(StreamFailure) -> Receipt
    ) async throws(CancellationError) -> Receipt {
        var (failure, tries) = (first, 1)
        // A cancelled caller is not a store that was let go: the second try tells them apart.
        var mayBeCaller = true
        while true {
            if case .cancelled = failure {
                guard mayBeCaller else { throw CancellationError() }
            } else {
                try await streams.untilWorthAnotherTry(after: failure, tries: tries)
            }
            mayBeCaller = false
            do throws(StreamFailure) {
                return try await act()
            } catch {
                (failure, tries) = (error, tries + 1)
            }
        }
    }
}

extension Address {
    /// The request and its place in a batch, where it has one.
    var asMember: (request: RequestID, place: BatchMember)? {
        member.map { (requestID, $0) }
    }
}
