package import Authorization
package import Contract
package import EventLoop
package import Redis
internal import Synchronization

/// The fleet's key for seals: made by whoever asks first, in Redis, where only the service reads it.
package final class SealKeeper: Sendable {
    private let connection: RedisConnection
    private let loop: EventLoop
    private let key: String
    /// A mutex that nobody contends: all of it runs on one loop.
    private let known = Mutex<Seal?>(nil)

    private enum Limits {
        static let retry = Duration.milliseconds(200)
    }

    package init(connection: RedisConnection, on loop: EventLoop, keys: GlobalKeys) {
        self.connection = connection
        self.loop = loop
        key = keys.seal
    }

    /// Waits only until Redis has answered for the first time.
    package func seal() async throws(CancellationError) -> Seal {
        while true {
            if let seal = known.withLock({ $0 }) { return seal }
            do throws(RedisError) {
                try await read()
            } catch {
                do { try await loop.sleep(for: Limits.retry) } catch { throw CancellationError() }
            }
        }
    }

    /// The corresponding Redis commands are `SET … NX` and `GET`.
    private func read() async throws(RedisError) {
        let fresh = (0..<Seal.Limits.keyBytes).map { _ in UInt8.random(in: 0...255) }
        let hex = fresh.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        _ = try await connection.send(RedisCommand("SET", .text(key), .text(hex), "NX"))
        let answer = try await connection.send(RedisCommand("GET", .text(key)))
        guard let text = answer.text, text.utf8.count == 2 * Seal.Limits.keyBytes else { return }
        known.withLock { $0 = Seal(key: Array(text.utf8)) }
    }
}
