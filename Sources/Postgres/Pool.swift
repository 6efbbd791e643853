package import EventLoop

/// Connections to one server, made when they are needed and kept for the next who asks.
///
/// ```
///   withConnection ── idle one? ──▶ use it ──▶ in order? ──▶ idle again
///                        │ no                     │ no
///                        ▼                        ▼
///                  fewer than max? ─▶ make one   closed
///                        │ no            │ fails: rest, jittered; until then `.notConnected` at once
///                        ▼
///                  wait in line
/// ```
/// After a transaction that was left open, a lost server or a statement that was broken off, a
/// connection is not used again: nobody inherits what another began.
package actor PostgresPool {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private nonisolated let loop: EventLoop
    package nonisolated let address: PostgresAddress
    package nonisolated let options: PostgresOptions
    private let random: @Sendable (UInt64) -> UInt64
    private let onChange: (@Sendable (State) -> Void)?

    package enum State: Equatable, Sendable {
        /// A connection was made after there was none.
        case reached
        /// An attempt failed; the next is made no sooner than so.
        case resting(Duration, because: PostgresError)
    }

    private var idle: [PostgresConnection] = []
    private var made = 0
    private var line: [Waiting] = []
    private var places = 0
    private var backoff: Backoff
    private var mayTryAt: EventLoop.Instant?
    private var lastFailure = PostgresError.notConnected("not connected yet")
    private var isReached = false
    private var isClosed = false

    private enum Place {
        case use(PostgresConnection)
        case make
        case none(PostgresError)
    }

    private struct Waiting {
        let id: Int
        let timer: EventLoop.Timer
        let continuation: CheckedContinuation<Place, Never>
    }

    /// - Parameters:
    ///   - random: Answers a number from 0 up to, without, its argument; for the rests' jitter.
    ///   - onChange: Told on the loop; it records and leaves.
    package init(
        to address: PostgresAddress,
        on loop: EventLoop,
        options: PostgresOptions = PostgresOptions(),
        random: @escaping @Sendable (UInt64) -> UInt64,
        onChange: (@Sendable (State) -> Void)? = nil
    ) {
        self.address = address
        self.loop = loop
        self.options = options
        self.random = random
        self.onChange = onChange
        backoff = Backoff(upTo: options.restMax)
    }

    /// When another attempt makes sense, from now; nil while nothing speaks against one.
    package var restLeft: Duration? {
        mayTryAt.flatMap { $0 > loop.now ? $0 - loop.now : nil }
    }

    /// Ends the connections that nobody uses; those in use end as they are given back.
    package func close() {
        isClosed = true
        for connection in idle { connection.assumeIsolated { $0.close() } }
        made -= idle.count
        idle = []
        while !line.isEmpty { serveNext(.none(Self.closed)) }
    }

    private static let closed = PostgresError.notConnected("the pool is closed")
}

// MARK: - Using

extension PostgresPool {
    /// Lends a connection for the time of `body`.
    package func withConnection<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let connection = try await lease()
        do throws(PostgresError) {
            let value = try await body(connection)
            giveBack(connection)
            return value
        } catch {
            giveBack(connection)
            throw error
        }
    }

    /// Runs `body` in a transaction: all of it stands when this returns, or none.
    ///
    /// - Parameter mode: As after `BEGIN`, such as `ISOLATION LEVEL REPEATABLE READ READ ONLY`.
    /// - Throws: `.connectionLost` also when the word of the commit was lost: then it may stand.
    package func withTransaction<Value: Sendable>(
        _ mode: String = "",
        _ body: @Sendable (PostgresConnection) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        try await withConnection { (connection) throws(PostgresError) in
            try await connection.query("BEGIN " + mode, isPrepared: false)
            do throws(PostgresError) {
                let value = try await body(connection)
                try await connection.query("COMMIT", isPrepared: false)
                return value
            } catch {
                // Where even that fails the connection has ended, and with it the transaction.
                if case .server = error { await connection.rollBack() }
                throw error
            }
        }
    }

    @discardableResult
    package func query(
        _ sql: String,
        _ parameters: [PostgresParameter] = [],
        limit: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        try await withConnection { (connection) throws(PostgresError) in
            try await connection.query(sql, parameters, limit: limit)
        }
    }
}

// MARK: - Places

extension PostgresPool {
    private func lease() async throws(PostgresError) -> PostgresConnection {
        guard !isClosed else { throw Self.closed }
        while let connection = idle.popLast() {
            if isUsable(connection) { return connection }
            drop(connection)
        }
        if made < options.connectionsMax { return try await make() }
        switch await place() {
        case .use(let connection): return connection
        case .make: return try await make()
        case .none(let error): throw error
        }
    }

    /// Makes a connection in a place that is free; `made` counts the place from here on.
    private func make() async throws(PostgresError) -> PostgresConnection {
        made += 1
        if let mayTryAt, mayTryAt > loop.now {
            freePlace()
            throw lastFailure
        }
        let connection = PostgresConnection(on: loop, options: options)
        do throws(PostgresError) {
            try await connection.connect(to: address)
        } catch {
            freePlace()
            if error != .cancelled { failed(error) }
            throw error
        }
        if !isReached { onChange?(.reached) }
        isReached = true
        mayTryAt = nil
        backoff.connectionHeld(for: options.restMax)
        return connection
    }

    private func failed(_ error: PostgresError) {
        isReached = false
        lastFailure = error
        let rest = backoff.next(random)
        mayTryAt = loop.now + rest
        onChange?(.resting(rest, because: error))
    }

    private func giveBack(_ connection: PostgresConnection) {
        guard !isClosed, isUsable(connection) else {
            return drop(connection)
        }
        guard !line.isEmpty else { return idle.append(connection) }
        serveNext(.use(connection))
    }

    /// Connections live on this loop, too.
    private func isUsable(_ connection: PostgresConnection) -> Bool {
        connection.assumeIsolated { $0.isUsable }
    }

    private func drop(_ connection: PostgresConnection) {
        connection.assumeIsolated { $0.close() }
        freePlace()
    }

    /// Whoever is next in line makes one of its own.
    private func freePlace() {
        made -= 1
        if !line.isEmpty { serveNext(.make) }
    }

    private func place() async -> Place {
        places += 1
        let id = places
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else {
                    return continuation.resume(returning: .none(.cancelled))
                }
                // Whoever has them is bounded by the same limit.
                let timer = loop.schedule(at: loop.now + options.statementTimeLimit) { [self] in
                    leaveLine(id, .exhausted)
                }
                line.append(Waiting(id: id, timer: timer, continuation: continuation))
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.leaveLine(id, .cancelled) } }
        }
    }

    private func leaveLine(_ id: Int, _ error: PostgresError) {
        guard let index = line.firstIndex(where: { $0.id == id }) else { return }
        let waiting = line.remove(at: index)
        loop.cancel(waiting.timer)
        waiting.continuation.resume(returning: .none(error))
    }

    private func serveNext(_ place: Place) {
        let waiting = line.removeFirst()
        loop.cancel(waiting.timer)
        waiting.continuation.resume(returning: place)
    }
}
