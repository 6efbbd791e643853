package import Contract
package import Redis

/// That an operator has paused a partition: nothing new starts there, until he resumes it.
package struct Pause: Equatable, Sendable {
    /// As he gave his name.
    package let by: String
    /// Unix milliseconds.
    package let atMs: Int64

    package init(by: String, atMs: Int64) {
        self.by = by
        self.atMs = atMs
    }

    /// How the state is asked for, and what answers say.
    static func command(_ key: String) -> RedisCommand {
        RedisCommand("HMGET", .text(key), "by", "at")
    }

    /// Nil when nobody has paused.
    init?(_ answer: RedisValue) {
        guard let fields = answer.array, fields.count == 2, let by = fields[0].text else {
            return nil
        }
        self.init(by: by, atMs: Int64(fields[1].number ?? 0))
    }
}

extension Pause {
    /// How a partition stands; nil when nobody has paused it.
    package static func read(
        _ keys: Keys,
        by connection: RedisConnection
    ) async throws(RedisError) -> Pause? {
        Pause(try await connection.send(command(keys.paused)))
    }
}
