internal import Pipeline
package import Redis
internal import Synchronization

/// Redis' clock, as this process estimates it between two looks at it.
///
/// Deadlines are counted from entry IDs, which are Redis' time; a worker whose own clock is wrong
/// must not answer too early or too late. Carried forward by the monotonic clock, so that a step of
/// the machine's clock moves nothing.
package final class RedisClock: StoreClock {
    /// Redis' Unix milliseconds less our monotonic ones.
    private let offsetMs: Atomic<Int64>
    private let start = ContinuousClock.now

    /// - Parameter systemMs: The machine's own Unix milliseconds, believed until the first look.
    package init(systemMs: Int64) { offsetMs = Atomic(systemMs) }

    package func nowMs() -> Int64 {
        offsetMs.load(ordering: .relaxed) + elapsedMs()
    }

    /// Looks at Redis' clock. The answer is taken to be of the middle of its way.
    /// The corresponding Redis command is `TIME`.
    package func adjust(by connection: RedisConnection) async throws(RedisError) {
        let before = elapsedMs()
        let answer = try await connection.send(RedisCommand("TIME"))
        let after = elapsedMs()
        guard let parts = answer.array, parts.count == 2, let seconds = parts[0].int,
            let micros = parts[1].int
        else { return }
        let redisMs = Int64(seconds) * 1_000 + Int64(micros) / 1_000
        offsetMs.store(redisMs - (before + after) / 2, ordering: .relaxed)
    }

    private func elapsedMs() -> Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
