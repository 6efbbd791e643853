package import Contract
package import Redis

/// The service's keys, over one connection.
package struct StreamsView: Sendable {
    package let redis: RedisConnection
    package let prefix: String
    package let partitions: Int

    /// - Parameters:
    ///   - prefix: `STREAM_PREFIX`.
    ///   - partitions: `PARTITIONS`.
    package init(_ redis: RedisConnection, prefix: String, partitions: Int) {
        self.redis = redis
        self.prefix = prefix
        self.partitions = partitions
    }

    package func keys(in partition: Int) -> Keys { Keys(prefix: prefix, partition: partition) }

    package var globalKeys: GlobalKeys { GlobalKeys(prefix: prefix) }

    /// Redis' clock, Unix milliseconds.
    package func nowMs() async throws(RedisError) -> Int64 {
        let time = try await redis.send(RedisCommand("TIME")).array ?? []
        guard time.count == 2, let seconds = time[0].int, let micros = time[1].int else { return 0 }
        return Int64(seconds) * 1_000 + Int64(micros) / 1_000
    }

    /// A hash; empty when there is none.
    package func hash(_ key: String) async throws(RedisError) -> Fields {
        Fields(try await redis.send(RedisCommand("HGETALL", .text(key))))
    }

    /// A stream's first entries; none when there is no such stream.
    package func stream(_ key: String, countMax: Int) async throws(RedisError) -> [RedisValue] {
        try await redis.send(
            RedisCommand("XRANGE", .text(key), "-", "+", "COUNT", .number(countMax))
        ).array ?? []
    }
}
