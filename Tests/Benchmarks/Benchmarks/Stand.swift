import EventLoop
import Foundation
import Glibc
import Redis
import Release
import Synchronization
import TestSupport

/// The private servers of a run, and the requests that are put in and taken out.
///
/// One Redis for the whole run. A simulator for each latency and a process for each contestant are
/// started by the row that needs them, and ended by it.
final class Stand: Sendable {
    let loop: EventLoop
    let folders: Folders
    let seed: UInt64
    let folder: TemporaryDirectory
    let redis: RedisServer
    let connection: RedisConnection
    private let redisProcess = Mutex(pid_t(0))
    private let children = Mutex<[ChildProcess]>([])
    /// CPU of those that have ended.
    private let cpuSpent = Mutex(Duration.zero)
    private let capture = Mutex(Captured(body: [], answer: []))
    private let lastPrefix = Mutex(0)
    private let lastRequest = Mutex(0)

    /// Real bytes of the worker's, which the C program sends instead of making its own.
    struct Captured: Sendable {
        var body: [UInt8]
        var answer: [UInt8]
    }
    var captured: Captured { capture.withLock { $0 } }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private init(_ loop: EventLoop, _ folders: Folders, seed: UInt64) async throws {
        self.loop = loop
        self.folders = folders
        self.seed = seed
        folder = try TemporaryDirectory()
        redis = try await RedisServer()
        connection = try RedisConnection(
            to: RedisEndpoint(url: redis.url),
            on: loop,
            random: { .random(in: 0..<$0) }
        )
    }

    /// Runs `body` with a Redis and with what was captured; ends every process that is left.
    static func run<Value: Sendable>(
        on loop: EventLoop,
        _ folders: Folders,
        seed: UInt64,
        _ body: @escaping @Sendable (Stand) async throws -> Value
    ) async throws -> Value {
        let stand = try await Stand(loop, folders, seed: seed)
        defer {
            stand.killAll()
            stand.redis.stop()
        }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                await stand.connection.run()
                return nil
            }
            group.addTask {
                try await stand.connection.whenReady(within: .seconds(10))
                let process = try await stand.redisInfo("process_id").flatMap { pid_t($0) }
                stand.redisProcess.withLock { $0 = process ?? 0 }
                let captured = try await Capture.run(on: stand)
                stand.capture.withLock { $0 = captured }
                return try await body(stand)
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let value = ended { return value }
            }
            throw CancellationError()
        }
    }

    /// A number that no other request of this run has.
    func nextRequest() -> Int {
        lastRequest.withLock { number in
            number += 1
            return number
        }
    }

    /// CPU of this program and of all that it has started, for the account of whose the rest was.
    func cpuOfAll() -> Duration {
        let alive = [getpid(), redisProcess.withLock { $0 }] + children.withLock { $0.map(\.pid) }
        return alive.reduce(cpuSpent.withLock { $0 }) { sum, pid in
            sum + ((try? Probe.cpu(of: pid)) ?? .zero)
        }
    }

    func redisCPU() throws -> Duration { try Probe.cpu(of: redisProcess.withLock { $0 }) }

    /// As `Priority.withAhead`, of Redis.
    func withRedisAhead<Value>(_ body: (Bool) async throws -> Value) async throws -> Value {
        try await Priority.withAhead(of: redisProcess.withLock { $0 }, body)
    }

    /// A line of `INFO server`.
    func redisInfo(_ name: String) async throws -> String? {
        let text = try await connection.send(RedisCommand("INFO", "server")).text ?? ""
        let line = text.split(separator: "\r\n").first { $0.hasPrefix("\(name):") }
        return line.map { String($0.dropFirst(name.count + 1)) }
    }
}

// MARK: - Processes

extension Stand {
    /// Runs `body` beside a simulator that answers after `latencyMs`.
    func withSimulator<Value>(
        latencyMs: Int,
        _ body: (_ port: Int) async throws -> Value
    ) async throws -> Value {
        try await withSimulator(latency: "\(latencyMs)", seed: seed, body)
    }

    /// - Parameter latency: Milliseconds; a median and a p99 where there is a comma.
    func withSimulator<Value>(
        latency: String,
        seed: UInt64,
        _ body: (_ port: Int) async throws -> Value
    ) async throws -> Value {
        let portFile = folder.path("simulator-\(latency)-\(seed).port")
        try? FileManager.default.removeItem(atPath: portFile)
        let log = folder.url.appending(path: "simulator-\(latency)-\(seed).log")
        let simulator = try ChildProcess(
            [folders.program("openai-simulator"), "--port", "0", "--port-file", portFile],
            log: log,
            environment: [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "SIMULATOR_LATENCY_MS": latency, "SIMULATOR_SEED": "\(seed)",
            ]
        )
        adopt(simulator)
        let port = try await eventually("the simulator listens; see \(log.path)") {
            (try? String(contentsOfFile: portFile, encoding: .utf8))
                .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        let outcome = await result { try await body(port) }
        // It would wait for kept connections to be closed, and has nothing to lose.
        try await end(simulator, within: .zero)
        return try outcome.get()
    }

    /// Runs `body` beside one process for each program, all told the same.
    func withContestants<Value>(
        _ programs: [Contestant.Program],
        _ settings: Contestant.Settings,
        _ body: ([Contestant]) async throws -> Value
    ) async throws -> Value {
        var contestants: [Contestant] = []
        for program in programs {
            let number = lastPrefix.withLock { number in
                number += 1
                return number
            }
            let contestant = try Contestant(
                program,
                settings,
                prefix: "bench\(number)",
                in: self
            )
            adopt(contestant.process)
            contestants.append(contestant)
        }
        let outcome = await result { try await body(contestants) }
        for contestant in contestants { try await end(contestant.process) }
        return try outcome.get()
    }

    /// From here on it is ended with the stand, or by `end`.
    func adopt(_ process: ChildProcess) {
        children.withLock { $0.append(process) }
    }

    /// Asks a process to end, and ends it when it takes too long, or when all is to end.
    func end(_ process: ChildProcess, within limit: Duration = .seconds(5)) async throws {
        // Whoever takes it off the list reaps it: two would wait for one death.
        let isOurs = children.withLock { children in
            let before = children.count
            children.removeAll { $0 === process }
            return children.count < before
        }
        guard isOurs else { return }
        let cpu = (try? Probe.cpu(of: process.pid)) ?? .zero
        cpuSpent.withLock { $0 += cpu }
        guard limit > .zero, !Task.isCancelled else { return process.killAndReap() }
        try await offLoop {
            process.signal(SIGTERM)
            let deadline = ContinuousClock.now + limit
            while ContinuousClock.now < deadline {
                if process.reapIfEnded() != nil { return }
                usleep(10_000)
            }
            process.killAndReap()
        }
    }

    /// Runs `body` with all servers and contestants on one core, as batch jobs, and this program on
    /// the others.
    ///
    /// So the core is busy to the last, nobody is preempted by whom he has just woken, and whoever
    /// runs finds that something has gathered. Left alone, a program faster than the simulator
    /// would be woken for every single answer, at the price of an interrupt between two cores, and a
    /// slower one for many at once: two ways of working would be compared, not two programs.
    func onOneCore<Value>(_ body: () async throws -> Value) async throws -> Value {
        let last = sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1
        let redis = redisProcess.withLock { $0 }
        guard last > 0 else { return try await body() }
        for pid in [redis] + children.withLock({ $0.map(\.pid) }) {
            try await place(pid, on: "\(last)", "--batch")
        }
        try await place(getpid(), on: "0-\(last - 1)", "--other")
        let outcome = await result(body)
        for pid in [redis, getpid()] { try await place(pid, on: "0-\(last)", "--other") }
        return try outcome.get()
    }

    /// For all threads of a process, and those that they start.
    private func place(_ pid: pid_t, on cores: String, _ policy: String) async throws {
        for command in [
            ["taskset", "--all-tasks", "-c", "-p", cores, "\(pid)"],
            ["chrt", "--all-tasks", policy, "-p", "0", "\(pid)"],
        ] {
            let status = try await offLoop { try ChildProcess(command).reap() }
            guard status == 0 else { throw Failure("\(command) failed: \(status)") }
        }
    }

    private func killAll() {
        let left = children.withLock { children in
            defer { children = [] }
            return children
        }
        for child in left { child.killAndReap() }
    }

    /// Looks again and again, at most for ten seconds.
    func eventually<Value>(_ what: String, _ look: () async throws -> Value?) async throws -> Value
    {
        let end = ContinuousClock.now + .seconds(10)
        while true {
            if let value = try await look() { return value }
            guard ContinuousClock.now < end else { throw Failure("in vain waited until \(what)") }
            try await loop.sleep(for: .milliseconds(10))
        }
    }

    private func result<Value>(
        _ body: () async throws -> Value
    ) async -> Result<Value, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
