package import Redis
import ServiceLifecycle
import Synchronization

/// Keeps one connection up, from the start to the end of the process.
package struct ConnectionService: Service {
    private let connection: RedisConnection

    package init(_ connection: RedisConnection) { self.connection = connection }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await connection.run() }
    }
}

/// One connection's failed attempts since it last stood: told at the 1st, 2nd, 4th, 8th …, so that an
/// outage of an hour is a dozen lines.
package final class Outage: Sendable {
    private let attempts = Atomic(0)

    package init() {}

    /// How many there were; from now on they count anew.
    package func end() -> Int { attempts.exchange(0, ordering: .relaxed) }

    /// The number of this attempt where it is worth a line.
    package func failedAgain() -> Int? {
        let count = attempts.add(1, ordering: .relaxed).newValue
        return count.nonzeroBitCount == 1 ? count : nil
    }
}
