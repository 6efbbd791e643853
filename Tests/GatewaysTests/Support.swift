import Contract
import EventLoop
import Gateways
import Logging
import Options
import Pipeline
import Policy
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Runs `body` on a loop of its own with a connection to the server, and ends both.
func withConnection<Value: Sendable>(
    to server: RedisServer,
    _ body: @escaping @Sendable (RedisConnection, EventLoop) async throws -> Value
) async throws -> Value {
    try await EventLoop.run { loop in
        let connection = try RedisConnection(
            to: RedisEndpoint(url: server.url),
            on: loop,
            random: { $0 / 2 }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await connection.run() }
            defer { group.cancelAll() }
            try await connection.whenReady(within: .seconds(10))
            return try await body(connection, loop)
        }
    }
}

/// A worker's gateways over one connection, and what a test asks Redis beside them.
struct Desk: Sendable {
    static let keys = Keys(prefix: "strategy", partition: 0)
    static let consumer = "worker-1"

    let connection: RedisConnection
    let streams: RedisStreams
    let reader: StreamReader

    init(_ connection: RedisConnection, _ loop: EventLoop) {
        self.connection = connection
        let telemetry = Telemetry(version: "0")
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        streams = RedisStreams(
            connection: connection,
            loop: loop,
            keys: Self.keys,
            own: RedisStreams.Own(consumer: Self.consumer, boot: "boot-1"),
            rules: BookRules(
                limitsRequests: true,
                limitsCost: true,
                defaultTier: .enterprise,
                userCostMax: NanoUSD(1_000 * NanoUSD.perDollar),
                replyTTLMs: 60_000,
                dedupeTTLMs: 3_600_000,
                batchTimeoutMs: 3_600_000
            ),
            metrics: telemetry.metrics.streams,
            log: log
        )
        reader = StreamReader(
            connection: connection,
            keys: Self.keys,
            consumer: Self.consumer,
            metrics: telemetry.metrics.streams,
            log: log
        )
    }

    /// A reader that has read nothing yet.
    func read(upTo room: Int) async throws -> [RawEntry] {
        var turns = Turns(.standard)
        return try await reader.read(upTo: room, &turns)
    }

    @discardableResult
    func redis(
        _ name: StaticString,
        _ arguments: RedisCommand.Argument...
    ) async throws -> RedisValue {
        var command = RedisCommand(name)
        for argument in arguments { command.append(argument) }
        return try await connection.send(command)
    }

    /// Adds an entry, and answers its id.
    func add(
        _ fields: [RedisCommand.Argument] = ["request_id", "r1", "payload", "{}"],
        to queue: Queue = .normal
    ) async throws -> EntryID {
        var command = RedisCommand("XADD")
        command.append(Self.keys.requests(queue))
        command.append("*")
        for field in fields { command.append(field) }
        let answer = try await connection.send(command)
        return try #require(answer.bytes.flatMap { EntryID($0) })
    }

    /// Adds an entry and takes it, as a worker does.
    func taken(_ queue: Queue = .normal, by consumer: String = consumer) async throws -> EntryID {
        try await reader.ensureGroups()
        let id = try await add(to: queue)
        try await redis(
            "XREADGROUP",
            "GROUP",
            "workers",
            .text(consumer),
            "COUNT",
            "1",
            "STREAMS",
            .text(Self.keys.requests(queue)),
            ">"
        )
        return id
    }

    /// Adds a request, takes it and has it admitted.
    func admitted() async throws -> Accepted {
        try await reader.ensureGroups()
        let id = try await add(["request_id", "r1", "payload", .text(Self.payload)])
        try await redis(
            "XREADGROUP",
            "GROUP",
            "workers",
            .text(Self.consumer),
            "COUNT",
            "1",
            "STREAMS",
            .text(Self.keys.requests(.normal)),
            ">"
        )
        let accepted = try accepted(Self.payload, entry: id)
        guard case .granted = try await streams.admit(accepted, Self.bid) else {
            throw ChildProcess.Failure("the request was not admitted")
        }
        return accepted
    }

    static let bid = Bid(least: NanoUSD(1_000), most: NanoUSD(160_000_000), mayWait: true)
    static let payload = """
        {"user_id":"user123","user_intent":"income",
        "market_context":{"symbol":"SPY","current_price":450.25}}
        """

    func length(_ key: String) async throws -> Int? {
        try await redis("XLEN", .text(key)).int
    }

    /// Entries that somebody has taken and nobody ended.
    func pending(_ queue: Queue = .normal) async throws -> Int? {
        try await redis("XPENDING", .text(Self.keys.requests(queue)), "workers").array?.first?.int
    }

    /// The entries of a stream, each as its fields by name.
    func entries(_ key: String) async throws -> [[String: [UInt8]]] {
        try await redis("XRANGE", .text(key), "-", "+").array?.compactMap { entry in
            entry.array?.last?.pairs?.reduce(into: [:]) { fields, pair in
                fields[String(decoding: pair.key, as: UTF8.self)] = pair.value.bytes
            }
        } ?? []
    }
}

/// Whom the tests' events are for.
func address(
    _ id: String = "r1",
    parent: String? = nil,
    state: String? = nil
) throws -> Address {
    Address(
        requestID: try #require(RequestID(id)),
        attempt: 1,
        trace: try trace(parent: parent, state: state)
    )
}

/// Trace context as an entry's fields bring it.
private func trace(parent: String?, state: String?) throws -> RequestEntry.Trace {
    let fields = [
        ("request_id", "r"), ("payload", "{}"), ("traceparent", parent), ("tracestate", state),
    ].compactMap { name, value in value.map { (name, $0) } }
    let raw = RawEntry(
        queue: .normal,
        id: EntryID(milliseconds: 0, sequence: 0),
        fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
    )
    return try RequestEntry(raw).trace
}

/// A request as the first stage accepts it.
func accepted(
    _ payload: String,
    entry id: EntryID? = nil,
    queue: Queue = .normal
) throws -> Accepted {
    let raw = RawEntry(
        queue: queue,
        id: id ?? EntryID(milliseconds: UInt64(StillClock.now), sequence: 0),
        fields: [
            Array("request_id".utf8), Array("r1".utf8), Array("payload".utf8), Array(payload.utf8),
        ]
    )
    let rules = Intake.Rules(
        payloadBytesMax: 65_536,
        requestTimeoutMs: 30_000,
        batchTimeoutMs: 30_000,
        partition: 0,
        partitions: 1
    )
    let clock = StillClock(now: id.map { Int64($0.milliseconds) } ?? StillClock.now)
    guard case .accepted(let accepted) = Intake(rules: rules, clock: clock).accept(raw) else {
        throw ChildProcess.Failure("the payload is not in order")
    }
    return accepted
}

/// What the pipeline puts to a model for this request.
func question(_ payload: String) throws -> Question {
    let request = try accepted(payload).request
    let asOf = UTCInstant(milliseconds: Int(StillClock.now))
    var wish = CandidateRequest(
        ticker: request.market.symbol,
        market: Conditions(spot: request.market.currentPrice.dollars, rate: 0.04),
        volatility: 0.185,
        asOf: asOf
    )
    wish.trend = request.market.trend.flatMap { Trend(rawValue: $0.rawValue) } ?? .neutral
    let isFree = request.mode == .custom
    let today = NewYorkTime.date(at: asOf)
    return Question(
        request,
        Facts(
            of: request,
            asOf: asOf,
            volatility: 0.185,
            sharesHeld: nil,
            greeks: nil,
            expiries: isFree
                ? Array(Expiries.monthlies(after: today.advanced(by: 20), within: 100)) : []
        ),
        isFree ? [] : Menu(wish).candidates,
        outputTokensMax: 4_000
    )
}

private struct StillClock: StoreClock {
    /// 2026-11-24, 15:00 UTC.
    static let now: Int64 = 1_795_532_400_000
    var now = Self.now
    func nowMs() -> Int64 { now }
}
