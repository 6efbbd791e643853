package import EventLoop

/// How a connection behaves. Every duration is a limit, not a pace.
package struct RedisOptions: Sendable {
    /// Shown by `CLIENT LIST`. No spaces.
    package var clientName: String?
    /// For each address of the server: connecting, TLS and greeting together. For a name: resolving.
    package var connectTimeLimit = Duration.seconds(3)
    /// A command's answer, unless the command says otherwise. For a blocking read: its own time
    /// plus a margin, given with the command.
    package var commandTimeLimit = Duration.seconds(5)
    /// The most that is rested between attempts. Where workers show life by a key, half its lifetime.
    package var restMax = Duration.milliseconds(2_500)
    /// Silence after which TCP asks whether the peer is there; asked thrice, a third of it apart.
    package var keepAliveInterval = Duration.seconds(15)
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    package var unacknowledgedTimeLimit = Duration.seconds(10)
    /// PEM file of the authorities to trust for `rediss://`; nil: the system's.
    package var tlsAuthorities: String?

    package init() {}
}

/// One connection to one Redis server, living on one loop, connected again whenever it is lost.
///
/// ```
///           run()                                     answer, time limit
///   idle ──────────▶ connecting ──────────▶ ready(generation) ───┐
///                     ▲   │ refused, late                        │ lost: all in flight fail
///                     │   ▼                                      │
///                    resting(jittered) ◀─────────────────────────┘
///   any ── run()'s task is cancelled ──▶ stopped
/// ```
/// Commands of many tasks share it and are pipelined: what is sent in one turn of the loop leaves in
/// one write. A command that blocks in the server holds up those behind it, so a reader that blocks
/// has a connection of its own. After a time-out the connection is given up, never used again: a
/// late reply would land on the next command.
package actor RedisConnection {
    package enum State: Equatable, Sendable {
        case idle
        case connecting(attempt: Int)
        /// The generation counts connections made: when it changes, replies may have been lost.
        case ready(generation: Int)
        case resting(Duration, after: RedisLoss)
        case stopped
    }

    package nonisolated let endpoint: RedisEndpoint
    package nonisolated let options: RedisOptions
    let loop: EventLoop
    private let random: @Sendable (UInt64) -> UInt64
    private let onChange: (@Sendable (State) -> Void)?
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package private(set) var state = State.idle
    /// How many connections have been made. Compare across an await: another number means that the
    /// connection was lost in between, and with it perhaps a reply.
    package private(set) var generation = 0
    /// Why there is no connection, or was none before this one.
    package private(set) var lastLoss = RedisLoss.notYetConnected

    /// From `dial` until `lost`; greeted only when `state` is ready.
    private(set) var wire: Wire?
    private var wiresMade = 0
    private var untried: ArraySlice<Address> = []
    private var nextCommandID = 0
    private var resolution: Resolution?
    private var resolutionsBegun = 0
    private var isResolving = false
    private var backoff: Backoff
    private var readySince: EventLoop.Instant?
    /// The limit of the step under way, or the end of the rest.
    private var timer: EventLoop.Timer?
    private var waiters: [Int: ReadyWaiter] = [:]
    private var nextWaiter = 0
    private var runEnds: CheckedContinuation<Void, Never>?

    private typealias ReadyContinuation = CheckedContinuation<Result<Int, RedisError>, Never>
    private struct ReadyWaiter {
        let continuation: ReadyContinuation
        let timer: EventLoop.Timer?
    }

    /// - Parameters:
    ///   - random: Answers a number from 0 up to, without, its argument; for the rests' jitter.
    ///   - onChange: Told each new state, on the loop, before anyone who waits for it runs. It
    ///     records and leaves.
    /// - Throws: `.tlsUnavailable`, and nothing else.
    package init(
        to endpoint: RedisEndpoint,
        on loop: EventLoop,
        options: RedisOptions = RedisOptions(),
        random: @escaping @Sendable (UInt64) -> UInt64,
        onChange: (@Sendable (State) -> Void)? = nil
    ) throws(RedisError) {
        guard !endpoint.usesTLS || RedisLibrary.hasTLS else { throw .tlsUnavailable }
        self.endpoint = endpoint
        self.loop = loop
        self.options = options
        self.random = random
        self.onChange = onChange
        backoff = Backoff(upTo: options.restMax)
    }
}

// MARK: - Life

extension RedisConnection {
    /// Keeps the connection up until the calling task is cancelled, then leaves nothing behind: no
    /// descriptor, no timer, nobody who waits.
    package func run() async {
        precondition(state == .idle || state == .stopped, "the connection is running already")
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                runEnds = continuation
                // Cancelled before it began: whoever waits already must be told all the same.
                if Task.isCancelled { stop() } else { beginAttempt() }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.stop() } }
        }
    }

    /// Waits until the connection is ready, and answers its generation.
    ///
    /// - Throws: `.notConnected` when `limit` is over or the connection was stopped; `.cancelled`.
    @discardableResult
    package func whenReady(within limit: Duration? = nil) async throws(RedisError) -> Int {
        if case .ready(let generation) = state { return generation }
        guard state != .stopped else { throw .notConnected(.stopped) }
        let id = nextWaiter
        nextWaiter += 1
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: ReadyContinuation) in
                guard !Task.isCancelled else {
                    return continuation.resume(returning: .failure(.cancelled))
                }
                let timer = limit.map { limit in
                    loop.schedule(at: loop.now + limit) { [self] in
                        endWait(id, .failure(.notConnected(lastLoss)))
                    }
                }
                waiters[id] = ReadyWaiter(continuation: continuation, timer: timer)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.endWait(id, .failure(.cancelled)) } }
        }
        return try outcome.get()
    }

    private func endWait(_ id: Int, _ outcome: Result<Int, RedisError>) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        if let timer = waiter.timer { loop.cancel(timer) }
        waiter.continuation.resume(returning: outcome)
    }

    private func endAllWaits(_ outcome: Result<Int, RedisError>) {
        for id in waiters.keys.sorted() { endWait(id, outcome) }
    }

    private func stop() {
        guard let ends = runEnds.take() else { return }
        lastLoss = .stopped
        change(to: .stopped)
        setTimer(nil)
        isResolving = false
        resolutionsBegun += 1
        resolution.take()?.abandon()
        wire?.close(.stopped)
        endAllWaits(.failure(.notConnected(.stopped)))
        ends.resume()
    }

    private func change(to next: State) {
        state = next
        onChange?(next)
    }

    private func setTimer(_ duration: Duration?, _ act: (() -> Void)? = nil) {
        if let timer = timer.take() { loop.cancel(timer) }
        guard let duration, let act else { return }
        timer = loop.schedule(at: loop.now + duration) { [self] in
            timer = nil
            act()
        }
    }
}

// MARK: - One attempt: resolve, dial, greet

extension RedisConnection {
    private func beginAttempt() {
        change(to: .connecting(attempt: backoff.attempts + 1))
        switch endpoint.place {
        case .unix(let path):
            untried = [.unix(path: path)]
            dial()
        case .tcp(let host, let port) where Resolution.isLiteral(host):
            untried = [.ip(host, port: port)]
            dial()
        case .tcp(let host, _): resolve(host)
        }
    }

    private func resolve(_ host: String) {
        isResolving = true
        setTimer(options.connectTimeLimit) { [self] in
            isResolving = false
            rest(after: .unresolved("no answer within the time limit"))
        }
        // One that an earlier attempt gave up waiting for is still on its way; a second thread
        // would only wait beside it.
        guard resolution == nil else { return }
        resolutionsBegun += 1
        let serial = resolutionsBegun
        do throws(ResolutionFailure) {
            resolution = try Resolution.begin(host) { [loop] outcome in
                loop.execute { self.assumeIsolated { $0.resolved(outcome, serial) } }
            }
        } catch {
            resolved(.failure(error), serial)
        }
    }

    private func resolved(_ outcome: Resolution.Outcome, _ serial: Int) {
        // Else it was abandoned between its post and now.
        guard serial == resolutionsBegun, state != .stopped else { return }
        resolution = nil
        guard isResolving, case .tcp(_, let port) = endpoint.place else { return }
        isResolving = false
        switch outcome {
        case .success(let literals):
            untried = literals.map { .ip($0, port: port) }[...]
            dial()
        case .failure(let failure): rest(after: .unresolved(failure.reason))
        }
    }

    /// Tries the next address; `untried` is not empty.
    private func dial() {
        guard let address = untried.popFirst() else { return }
        wiresMade += 1
        let serial = wiresMade
        let wire = Wire(on: loop, firstID: nextCommandID) { [self] event in
            // A wire that was replaced may still have something to say; it is not for this one.
            if serial == wiresMade { handle(event) }
        }
        self.wire = wire
        setTimer(options.connectTimeLimit) { wire.close(.connectTimedOut) }
        do throws(WireFailure) {
            try wire.open(address, settings)
        } catch {
            lost(error.loss)
        }
    }

    private var settings: Wire.Settings {
        var tlsHost: String?
        if case .tcp(let host, _) = endpoint.place, endpoint.usesTLS { tlsHost = host }
        return Wire.Settings(
            keepAliveSeconds: Int32(clamping: max(1, options.keepAliveInterval.components.seconds)),
            unacknowledgedMilliseconds: Int32(
                clamping: Int(options.unacknowledgedTimeLimit / .milliseconds(1))
            ),
            tlsHost: tlsHost,
            tlsAuthorities: options.tlsAuthorities
        )
    }

    private var greeting: Greeting {
        Greeting(endpoint: endpoint, clientName: options.clientName)
    }

    private func handle(_ event: Wire.Event) {
        switch event {
        case .connected: greet()
        case .greeted(let step, let answer):
            if let objection = greeting.objection(to: answer, of: step) {
                wire?.close(objection)
            } else if step == .ping {
                becomeReady()
            }
        case .lost(let loss): lost(loss)
        }
    }

    private func greet() {
        // The step's own limit is the connect timer; the commands' must only not come before it.
        let deadline = loop.now + options.connectTimeLimit * 2
        for (step, command) in greeting.commands {
            guard wire?.submit(command, deadline: deadline, .greeting(step)) == true else { return }
        }
    }

    private func becomeReady() {
        guard case .connecting = state else { return }
        setTimer(nil)
        untried = []
        generation += 1
        readySince = loop.now
        change(to: .ready(generation: generation))
        endAllWaits(.success(generation))
    }

    private func lost(_ loss: RedisLoss) {
        if let wire = wire.take() { nextCommandID = wire.nextID }
        setTimer(nil)
        if let since = readySince.take() { backoff.connectionHeld(for: loop.now - since) }
        guard state != .stopped else { return }
        switch (state, loss) {
        case (.connecting, .network), (.connecting, .connectTimedOut), (.connecting, .tls):
            if untried.isEmpty { rest(after: loss) } else { dial() }
        default: rest(after: loss)
        }
    }

    private func rest(after loss: RedisLoss) {
        lastLoss = loss
        untried = []
        let duration = backoff.next(random)
        change(to: .resting(duration, after: loss))
        setTimer(duration) { [self] in beginAttempt() }
    }
}
