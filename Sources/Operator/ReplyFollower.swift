import Contract
import Desk
import EventLoop
import Redis

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
