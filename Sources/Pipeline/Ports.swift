package import Contract

/// Where entries come from and answers go: what the pipeline asks of the stream store.
package protocol Streams: Sendable {
    /// Writes the terminal event, acknowledges the entry and deletes it, all or nothing.
    ///
    /// Harmless when repeated: the second time it answers `.already`.
    func commit(_ event: TerminalEvent) async throws(StreamFailure) -> Receipt

    /// Moves an entry that cannot be answered to the dead letters, all or nothing.
    func bury(_ letter: DeadLetter) async throws(StreamFailure) -> Receipt

    /// Adds an event that ends nothing. Best effort: who misses it still gets the terminal one.
    func announce(_ event: InterimEvent) async

    /// Returns when another try makes sense: the store is back, or has had time to recover.
    ///
    /// - Parameter tries: How often it has failed for the same purpose, at least 1; the pause grows
    ///   with it, so that nobody asks in a loop.
    func untilWorthAnotherTry(
        after failure: StreamFailure,
        tries: Int
    ) async throws(CancellationError)
}

/// Why the store did not do what it was asked. What cannot be repeated is a receipt, not a failure.
package enum StreamFailure: Error, Sendable {
    /// Not reached, or lost on the way: it may have happened. Ask again.
    case unreachable
    /// It answered, and refused: full, read-only, loading, or misused. Ask again, later.
    case refused(String)
    case cancelled
}

/// What the store said.
package enum Receipt: Equatable, Sendable {
    case committed
    /// An earlier try, or somebody else, had ended the entry. Nothing was written.
    case already
    /// The reply's key holds something that is no stream; nothing was written.
    case replyUnwritable
    case buried
}

/// A model that writes strategies: what the pipeline asks of it.
package protocol Model: Sendable {
    /// One call, ended by `deadline` at the latest. Cancelled, its transfer is closed at once.
    func complete(_ question: Question) async -> Completion
}

/// The present by the store's clock, in Unix milliseconds; deadlines are counted by it.
package protocol StoreClock: Sendable {
    func nowMs() -> Int64
}

/// Who watches requests on their way: for metrics and logs, never for decisions.
package protocol Watch: Sendable {
    func begin() -> ContinuousClock.Instant
    func end(_ stage: Stage, since start: ContinuousClock.Instant)
    /// A request is in order and begins; `Accepted.times` tell how long it waited.
    func started(_ accepted: Accepted)
    /// The store has said what became of a request.
    func ended(_ address: Address, _ ending: Ending, _ receipt: Receipt)
}

extension Watch {
    func timed<Value>(_ stage: Stage, _ body: () -> Value) -> Value {
        let start = begin()
        defer { end(stage, since: start) }
        return body()
    }
}
