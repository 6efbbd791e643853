internal import EventLoop

/// How connections behave. Every duration is a limit, not a pace.
package struct PostgresOptions: Sendable {
    /// Shown by `pg_stat_activity`.
    package var applicationName = "gpt4-strategy"
    /// Resolving, connecting, TLS and greeting together.
    package var connectTimeLimit = Duration.seconds(5)
    /// One statement, unless it says otherwise: the server's own limit, which frees its locks.
    package var statementTimeLimit = Duration.seconds(30)
    /// How long the server lets a transaction of ours lie idle: whoever forgot it is dead.
    package var idleTransactionTimeLimit = Duration.seconds(60)
    /// The most that is rested between attempts to connect.
    package var restMax = Duration.seconds(5)
    /// Connections at once.
    package var connectionsMax = 4
    /// Transactions may only read, for who must not write.
    package var isReadOnly = false

    package init() {}
}

/// One connection to one server, living on one loop, used by one task at a time.
///
/// What fails in any way but by the server's own answer ends it: after that nobody knows what the
/// server has yet to say. `PostgresPool` makes another.
package actor PostgresConnection {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    let loop: EventLoop
    let options: PostgresOptions
    /// Nil before it is connected, and once it has ended.
    var handle: Handle?
    /// Statements that the server has parsed, by their text.
    var prepared: [String: String] = [:]
    private var waiter: Waiter?
    private var waiters = 0
    private var resolution: Resolution?
    private var question: Question?
    private var questions = 0

    private typealias Names = Result<[String], PostgresError>

    private struct Question {
        let id: Int
        let timer: EventLoop.Timer
        let continuation: CheckedContinuation<Names, Never>
    }

    enum Awakening { case ready, late, cancelled }

    private struct Waiter {
        let id: Int
        let watch: EventLoop.Watch
        let timer: EventLoop.Timer
        let continuation: CheckedContinuation<Awakening, Never>
    }

    init(on loop: EventLoop, options: PostgresOptions) {
        self.loop = loop
        self.options = options
    }

    /// Whether it can be used again: connected, outside of any transaction, and the server has not
    /// hung up meanwhile.
    var isUsable: Bool {
        guard let handle else { return false }
        guard !handle.isBad, handle.isIdle else { return false }
        // The first reads its last words, if there are any; the second then sees that it has gone.
        return handle.consume() && !handle.isBusy && handle.consume() && !handle.isBad
    }

    /// Ends it. Whoever waits in it has been told before: one task uses it at a time.
    /// The corresponding C function is `PQfinish`.
    func close() {
        endWait(.cancelled)
        handle = nil
        prepared = [:]
        resolution.take()?.abandon()
    }
}

// MARK: - Connecting

extension PostgresConnection {
    /// Connects: names off the loop, all else as the sockets allow.
    func connect(to address: PostgresAddress) async throws(PostgresError) {
        let deadline = loop.now + options.connectTimeLimit
        var settings = address.options
        if !address.isResolved { try await resolve(address, into: &settings, deadline) }
        settings["application_name"] = settings["application_name"] ?? options.applicationName
        settings["client_encoding"] = "UTF8"
        // Looking for Kerberos tickets reads files and asks name servers.
        settings["gssencmode"] = settings["gssencmode"] ?? "disable"
        settings["options"] = (settings["options"].map { $0 + " " } ?? "") + limits
        guard let handle = Handle(settings.map { ($0.key, $0.value) }) else {
            throw .notConnected("out of memory")
        }
        guard !handle.isBad else { throw .notConnected(handle.complaint) }
        // libpq says: as if it had just asked to write.
        var interest = EventLoop.Interest.write
        while true {
            switch await wait(for: interest, on: handle, until: deadline) {
            case .ready: break
            case .late: throw .notConnected("connecting took longer than its time limit")
            case .cancelled: throw .cancelled
            }
            switch handle.goOnConnecting() {
            case .reading: interest = .read
            case .writing: interest = .write
            case .failed: throw .notConnected(handle.complaint)
            case .done:
                self.handle = handle
                return
            }
        }
    }

    /// What the server sees to itself.
    private var limits: String {
        func milliseconds(_ duration: Duration) -> Int { Int(duration / .milliseconds(1)) }
        return "-c statement_timeout=\(milliseconds(options.statementTimeLimit))"
            + " -c idle_in_transaction_session_timeout="
            + "\(milliseconds(options.idleTransactionTimeLimit))"
            + (options.isReadOnly ? " -c default_transaction_read_only=on" : "")
    }

    private func resolve(
        _ address: PostgresAddress,
        into settings: inout [String: String],
        _ deadline: EventLoop.Instant
    ) async throws(PostgresError) {
        var (names, literals, ports): ([String], [String], [String]) = ([], [], [])
        for (host, port) in address.hosts {
            if host.hasPrefix("/") || host.hasPrefix("@") {
                names.append(host)
                literals.append("")
                ports.append(port)
                continue
            }
            let found =
                if Resolution.isLiteral(host) { [host] } else {
                    try await addresses(of: host, deadline)
                }
            for literal in found {
                names.append(host)
                literals.append(literal)
                ports.append(port)
            }
        }
        settings["host"] = names.joined(separator: ",")
        settings["hostaddr"] = literals.joined(separator: ",")
        settings["port"] = ports.joined(separator: ",")
    }

    private func addresses(
        of host: String,
        _ deadline: EventLoop.Instant
    ) async throws(PostgresError) -> [String] {
        questions += 1
        let id = questions
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                ask(host, id, deadline, continuation)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.answer(id, .failure(.cancelled)) } }
        }
        return try outcome.get()
    }

    private func ask(
        _ host: String,
        _ id: Int,
        _ deadline: EventLoop.Instant,
        _ continuation: CheckedContinuation<Names, Never>
    ) {
        guard !Task.isCancelled else {
            return continuation.resume(returning: .failure(.cancelled))
        }
        let timer = loop.schedule(at: deadline) { [self] in
            answer(id, .failure(.notConnected("\(host): no address within the time limit")))
        }
        question = Question(id: id, timer: timer, continuation: continuation)
        do throws(ResolutionFailure) {
            resolution = try Resolution.begin(host) { [loop] outcome in
                let names = outcome.mapError {
                    PostgresError.notConnected("\(host) cannot be resolved: \($0.reason)")
                }
                loop.execute { self.assumeIsolated { $0.answer(id, names) } }
            }
        } catch {
            answer(id, .failure(.notConnected("\(host): \(error.reason)")))
        }
    }

    private func answer(_ id: Int, _ names: Names) {
        guard let question, question.id == id else { return }
        self.question = nil
        loop.cancel(question.timer)
        resolution.take()?.abandon()
        question.continuation.resume(returning: names)
    }
}

// MARK: - Waiting

extension PostgresConnection {
    /// Waits until the socket is ready for what is asked. libpq may close it and open another under
    /// the same number between two calls, so it is watched for one wait at a time.
    func wait(
        for interest: EventLoop.Interest,
        on handle: Handle,
        until deadline: EventLoop.Instant
    ) async -> Awakening {
        waiters += 1
        let id = waiters
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                beginWait(id, interest, handle.descriptor, deadline, continuation)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.endWait(id, .cancelled) } }
        }
    }

    private func beginWait(
        _ id: Int,
        _ interest: EventLoop.Interest,
        _ fd: Int32,
        _ deadline: EventLoop.Instant,
        _ continuation: CheckedContinuation<Awakening, Never>
    ) {
        guard !Task.isCancelled else { return continuation.resume(returning: .cancelled) }
        do throws(LoopError) {
            let watch = try loop.watch(fd, for: interest) { [self] _ in endWait(id, .ready) }
            let timer = loop.schedule(at: deadline) { [self] in endWait(id, .late) }
            waiter = Waiter(id: id, watch: watch, timer: timer, continuation: continuation)
        } catch {
            // No descriptor: the next call of libpq tells what is wrong.
            continuation.resume(returning: .ready)
        }
    }

    private func endWait(_ id: Int, _ awakening: Awakening) {
        guard waiter?.id == id else { return }
        endWait(awakening)
    }

    private func endWait(_ awakening: Awakening) {
        guard let waiter = waiter.take() else { return }
        loop.unwatch(waiter.watch)
        loop.cancel(waiter.timer)
        waiter.continuation.resume(returning: awakening)
    }
}
