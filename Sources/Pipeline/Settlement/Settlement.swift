package import Contract

/// The last stage, and the only door: whatever became of an entry leaves through it, once.
package struct Settlement: Sendable {
    private let streams: any Streams
    private let clock: any StoreClock
    private let replyTTLMs: Int64
    private let worker: String
    private let executor: (any TaskExecutor)?

    /// - Parameters:
    ///   - replyTTLMs: `REPLY_TTL`, how long an answer can be read.
    ///   - worker: This process' consumer name, for `accepted`.
    ///   - executor: Where what must not be cancelled runs: the loop that everything else runs on.
    package init(
        streams: any Streams,
        clock: any StoreClock,
        replyTTLMs: Int64,
        worker: String,
        executor: (any TaskExecutor)? = nil
    ) {
        self.streams = streams
        self.clock = clock
        self.replyTTLMs = replyTTLMs
        self.worker = worker
        self.executor = executor
    }

    /// Ends a request. Asks the store again and again until it has said what became of it: an answer
    /// that was paid for is kept for as long as this process lives.
    package func settle(
        _ ending: Ending,
        to address: Address,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        guard let event = ending.event(requestID: address.requestID) else {
            throw CancellationError()
        }
        let entry = lease.entry
        let terminal = TerminalEvent(
            queue: entry.queue,
            entryID: entry.id,
            address: address,
            kind: event.kind,
            payload: event.payload,
            replyTTLMs: replyTTLMs
        )
        let streams = streams
        let receipt = try await insist { () async throws(StreamFailure) in
            try await streams.commit(terminal)
        }
        guard receipt == .replyUnwritable else { return receipt }
        return try await bury(lease, reason: "the reply key holds something that is no stream")
    }

    /// Moves an entry that names no request to the dead letters.
    package func bury(
        _ lease: consuming Lease,
        reason: String
    ) async throws(CancellationError) -> Receipt {
        let letter = DeadLetter(lease.entry, reason: reason)
        let streams = streams
        return try await insist { () async throws(StreamFailure) in try await streams.bury(letter) }
    }

    /// Tells a caller who asked for all events how far his request is.
    package func announce(_ progress: Progress, of accepted: Accepted) async {
        guard accepted.entry.wantsAllEvents else { return }
        let event = InterimEvent(
            queue: accepted.entry.queue,
            entryID: accepted.entry.id,
            address: accepted.address,
            kind: progress.kind,
            payload: progress.payload(worker: worker),
            expiresAtMs: accepted.times.deadlineMs.addingSaturated(replyTTLMs)
        )
        await streams.announce(event)
    }

    /// Where a request is on its way.
    package enum Progress: Sendable {
        case accepted
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
