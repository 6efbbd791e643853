import Contract
import EventLoop
import Redis

/// One event as it stands on a reply stream.
struct ReplyEvent: Sendable {
    let name: String
    let requestID: String
    let attempt: Int
    /// Unix milliseconds, Redis' clock.
    let at: Int64
    /// JSON.
    let payload: [UInt8]

    var isTerminal: Bool {
        TerminalEvent.Kind(rawValue: name) != nil || name == "batch_complete"
    }

    init?(_ fields: RedisValue) {
        let fields = Fields(fields)
        guard let name = fields[EventField.event] else { return nil }
        self.name = name
        requestID = fields[EventField.requestID] ?? ""
        attempt = Int(fields.int(EventField.attempt) ?? 1)
        at = fields.int(EventField.at) ?? 0
        payload = fields.bytes(EventField.payload) ?? []
    }
}

/// Reads a reply stream, event by event, as any orchestrator does: 2 s at a time.
struct ReplyFollower: Sendable {
    let keys: Keys
    let id: RequestID
    let redis: RedisConnection
    private var last = "0"

    init(keys: Keys, id: RequestID, redis: RedisConnection) {
        self.keys = keys
        self.id = id
        self.redis = redis
    }

    /// - Returns: The terminal event; nil when it did not come in time.
    /// The corresponding Redis command is `XREAD BLOCK`.
    mutating func follow(
        until end: ContinuousClock.Instant,
        showing show: (ReplyEvent) -> Void
    ) async throws(RedisError) -> ReplyEvent? {
        while true {
            let left = (end - .now) / .milliseconds(1)
            guard left > 0 else { return nil }
            let answer = try await redis.send(
                RedisCommand(
                    "XREAD",
                    "COUNT",
                    100,
                    "BLOCK",
                    .number(max(1, Int(min(left, 2_000)))),
                    "STREAMS",
                    .text(keys.reply(id)),
                    .text(last)
                ),
                timeout: .seconds(12)
            )
            for entry in answer.array?.first?.array?.last?.array ?? [] {
                guard let (id, fields) = entry.entry else { continue }
                last = id
                guard let event = ReplyEvent(fields) else { continue }
                show(event)
                if event.isTerminal { return event }
            }
        }
    }
}
