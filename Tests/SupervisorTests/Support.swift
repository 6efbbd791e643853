import Authorization
import Contract
import EventLoop
import Gateways
import Logging
import Policy
import Redis
import Supervisor
import Telemetry
import TestSupport
import Testing

/// The least that a request says.
let body = """
    {"user_id":"u","user_intent":"hi","market_context":{"symbol":"SPY","current_price":450}}
    """

/// One partition in a real Redis: a supervisor whose rounds the test calls, and what it asks beside.
struct Ward: Sendable {
    static let keys = Keys(prefix: "strategy", partition: 0)
    static let global = GlobalKeys(prefix: "strategy")

    let connection: RedisConnection
    let supervisor: PartitionSupervisor
    let metrics: SupervisorMetrics
    let overview: Overview

    /// - Parameter heartbeatTTL: At zero, whoever shows no sign of life is dead at once.
    init(
        _ loop: EventLoop,
        _ connection: RedisConnection,
        named holder: String,
        heartbeatTTL: Duration,
        leaseTime: Duration,
        load: LoadTerms,
        verifier: TokenVerifier?
    ) {
        self.connection = connection
        metrics = SupervisorMetrics(in: PrometheusRegistry(), version: "0")
        overview = Overview(partitions: 1, metrics)
        let supervision = Supervision(
            connection: connection,
            keys: Self.keys,
            terms: .init(
                attemptsMax: 5,
                replyTTLMs: 60_000,
                rememberedMs: 600_000,
                batchTimeoutMs: 3_600_000
            ),
            metrics: metrics
        )
        supervisor = PartitionSupervisor(
            on: loop,
            supervision,
            ReservationBook(over: supervision, prefix: "strategy"),
            leaseConnection: connection,
            workConnection: connection,
            ordersConnection: connection,
            terms: .init(
                holder: holder,
                leaseTime: leaseTime,
                heartbeatTTL: heartbeatTTL,
                entries: .init(
                    payloadBytesMax: 4_096,
                    requestTimeoutMs: 30_000,
                    batchTimeoutMs: 3_600_000,
                    partition: 0,
                    partitions: 1
                ),
                load: load
            ),
            tokens: verifier.map {
                TokenCheck($0, over: connection, on: loop, prefix: "strategy", nowMs: 0)
            },
            overview: overview,
            metrics: metrics,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    static func load(waitingMax: Int = 2_000_000, memoryWatermark: Double = 0.9) -> LoadTerms {
        LoadTerms(
            weights: .standard,
            callsPerMinute: nil,
            waitingMax: waitingMax,
            memoryWatermark: memoryWatermark,
            longestWaitMs: 3_600_000
        )
    }

    /// Takes the lease, and makes the groups.
    func begin() async throws {
        await supervisor.renew()
        await supervisor.round()
        try #require(metrics.leader.value == 1)
    }

    /// A round that Redis answers to its end.
    func round() async {
        let failed = metrics.ticksFailed.value
        await supervisor.round()
        #expect(metrics.ticksFailed.value == failed)
    }
}

/// Runs `body` with a Redis of its own and a supervisor that leads.
func withWard(
    _ server: RedisServer? = nil,
    heartbeatTTL: Duration = .zero,
    load: LoadTerms = Ward.load(),
    verifying verifier: TokenVerifier? = nil,
    _ body: @escaping @Sendable (Ward) async throws -> Void
) async throws {
    try await withWards(server, heartbeatTTL: heartbeatTTL, load: load, verifying: verifier) {
        first,
        _ in
        try await first.begin()
        try await body(first)
    }
}

/// Two supervisors of one partition; neither has asked for the lease.
func withWards(
    _ given: RedisServer? = nil,
    heartbeatTTL: Duration = .zero,
    leaseTime: Duration = .seconds(60),
    load: LoadTerms = Ward.load(),
    verifying verifier: TokenVerifier? = nil,
    _ body: @escaping @Sendable (Ward, Ward) async throws -> Void
) async throws {
    let server: RedisServer
    if let given { server = given } else { server = try await RedisServer() }
    defer { server.stop() }
    let url = server.url
    try await EventLoop.run { loop in
        var options = RedisOptions()
        options.restMax = .milliseconds(50)
        let connections = try (0..<2).map { _ in
            try RedisConnection(
                to: RedisEndpoint(url: url),
                on: loop,
                options: options,
                random: { $0 / 2 }
            )
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in connections { group.addTask { await connection.run() } }
            defer { group.cancelAll() }
            var wards: [Ward] = []
            for (connection, name) in zip(connections, ["first", "second"]) {
                try await connection.whenReady(within: .seconds(10))
                wards.append(
                    Ward(
                        loop,
                        connection,
                        named: name,
                        heartbeatTTL: heartbeatTTL,
                        leaseTime: leaseTime,
                        load: load,
                        verifier: verifier
                    )
                )
            }
            try await body(wards[0], wards[1])
        }
    }
}

// MARK: - What a test puts into Redis, and finds there

extension Ward {
    @discardableResult
    func redis(_ words: String...) async throws -> RedisValue {
        try await connection.send(Self.command(words))
    }

    @discardableResult
    func all(_ commands: [[String]]) async throws -> [RedisValue] {
        try await connection.pipeline(commands.map(Self.command))
    }

    private static func command(_ words: [String]) -> RedisCommand {
        // The name is an argument like the others: what is sent does not tell them apart.
        var command = RedisCommand("EVAL")
        command.append("return redis.call(unpack(ARGV))")
        command.append(0)
        for word in words { command.append(word) }
        return command
    }

    func nowMs() async throws -> Int64 {
        let parts = try await redis("TIME").array?.compactMap(\.int) ?? []
        try #require(parts.count == 2)
        return Int64(parts[0]) * 1_000 + Int64(parts[1]) / 1_000
    }

    /// Adds entries and has a worker take them.
    func take(
        _ names: [String],
        from queue: Queue = .normal,
        by worker: String,
        _ more: [String] = []
    ) async throws -> [EntryID] {
        let key = Self.keys.requests(queue)
        let ids = try await all(
            names.map { ["XADD", key, "*", "request_id", $0, "payload", body] + more }
        )
        try await redis(
            "XREADGROUP",
            "GROUP",
            "workers",
            worker,
            "COUNT",
            "\(names.count)",
            "STREAMS",
            key,
            ">"
        )
        return ids.compactMap { $0.bytes.flatMap { EntryID($0) } }
    }

    func showLife(of worker: String) async throws {
        try await redis("SET", Self.keys.worker(worker), "1")
    }

    /// The books as `admit` leaves them, and with a call under way as `call` does.
    func admitted(
        _ name: String,
        _ entry: EntryID,
        _ queue: Queue = .normal,
        by worker: String,
        attempt: Int = 1,
        deadlineMs: Int64,
        state: String = "running",
        calling: Int? = nil
    ) async throws {
        let record = Self.keys.record(named: name)
        try await all(
            [
                [
                    "HSET", record, "state", state, "user", "u", "hash",
                    PayloadHash(of: Array(body.utf8)).text, "attempt", "\(attempt)", "owner",
                    worker,
                    "boot", "b-\(worker)", "entry", "\(entry)", "queue", queue.rawValue, "deadline",
                    "\(deadlineMs)", "reserved", "\(calling ?? 0)",
                ],
                ["ZADD", Self.keys.due, "\(deadlineMs)", name],
                ["HINCRBY", Self.keys.counters, "admitted", "1"],
            ]
        )
        guard let calling else { return }
        try await all([
            ["HSET", record, "call", "1", "calling", "\(calling)"],
            ["HINCRBY", Self.keys.userCost("u"), "reserved_nanousd", "\(calling)"],
            [
                "HSET", Self.global.reservations, "0:\(name):\(attempt):1",
                "\(calling):\(deadlineMs)",
            ],
            ["HINCRBY", Self.global.cost, "reserved_nanousd", "\(calling)"],
        ])
    }

    /// - Parameter size: As Redis writes it; no script may set it.
    func limitMemory(to size: String) async throws {
        try await connection.send(RedisCommand("CONFIG", "SET", "maxmemory", .text(size)))
    }

    func usedMemory() async throws -> Int {
        let info = try await redis("INFO", "memory").text ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        return try #require(line.flatMap { Int($0.dropFirst("used_memory:".count)) })
    }

    func fields(_ key: String) async throws -> [String: String] {
        try await redis("HGETALL", key).pairs?.reduce(into: [:]) { all, pair in
            all[String(decoding: pair.key, as: UTF8.self)] = pair.value.text
        } ?? [:]
    }

    func counter(_ name: String) async throws -> Int {
        try await redis("HGET", Self.keys.counters, name).int ?? 0
    }

    func length(_ key: String) async throws -> Int { try await redis("XLEN", key).int ?? 0 }

    func pending(_ queue: Queue = .normal) async throws -> Int {
        let answer = try await redis("XPENDING", Self.keys.requests(queue), "workers")
        return answer.array?.first?.int ?? 0
    }

    /// The entries of a stream, each as its fields by name.
    func entries(_ key: String) async throws -> [[String: String]] {
        try await redis("XRANGE", key, "-", "+").array?.compactMap { entry in
            entry.array?.last?.pairs?.reduce(into: [:]) { fields, pair in
                fields[String(decoding: pair.key, as: UTF8.self)] = pair.value.text
            }
        } ?? []
    }

    /// The events of a request.
    func reply(_ name: String) async throws -> [[String: String]] {
        let id = try #require(RequestID(name))
        return try await entries(Self.keys.reply(id))
    }

    /// The laws of conservation, measured now.
    func drift() async throws -> [Double] {
        await round()
        return SupervisorMetrics.Law.allCases.map { metrics.drift.value($0) }
    }
}
