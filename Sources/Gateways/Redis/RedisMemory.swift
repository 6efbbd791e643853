package import Redis

/// What Redis uses of the memory that it may use, in bytes.
package struct RedisMemory: Equatable, Sendable {
    package let bytesUsed: Int
    /// `maxmemory`; 0 when there is no limit.
    package let bytesMax: Int

    /// The corresponding Redis command is `INFO memory`.
    package static func look(
        over connection: RedisConnection
    ) async throws(RedisError) -> RedisMemory {
        try await look { command throws(RedisError) in try await connection.send(command) }
    }

    static func look(
        _ send: (RedisCommand) async throws(RedisError) -> RedisValue
    ) async throws(RedisError) -> RedisMemory {
        let answer = try await send(RedisCommand("INFO", "memory"))
        let lines = answer.text?.split(whereSeparator: \.isNewline) ?? []
        func figure(_ name: String) -> Int? {
            lines.first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
        }
        guard let used = figure("used_memory:"), let most = figure("maxmemory:") else {
            throw .server(RedisServerError(prefix: "", message: "INFO tells no memory"))
        }
        return RedisMemory(bytesUsed: used, bytesMax: most)
    }
}
