package import EventLoop
package import Logging
package import Postgres
package import Redis
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Keeps one connection up, from the start to the end of the process.
package struct ConnectionService: Service {
    private let connection: RedisConnection

    package init(_ connection: RedisConnection) { self.connection = connection }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await connection.run() }
    }
}

/// Keeps a pool, whose connections are made by who asks, until the end of the process.
package struct PoolService: Service {
    private let pool: PostgresPool

    package init(_ pool: PostgresPool) { self.pool = pool }

    package func run() async throws {
        do { try await gracefulShutdown() } catch {}
        await pool.close()
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

/// How each connection of a process is made, shown and told of.
package struct ConnectionWatch<Role: Labels & RawRepresentable<String>>: Sendable {
    private let connected: GaugeFamily<Role>
    private let reconnects: CounterFamily<Role>
    private let log: Logger

    package init(
        _ connected: GaugeFamily<Role>,
        _ reconnects: CounterFamily<Role>,
        _ log: Logger
    ) {
        self.connected = connected
        self.reconnects = reconnects
        self.log = log
    }

    /// - Parameter owner: What Redis shows as the client's name, before the role.
    package func connection(
        _ role: Role,
        of owner: String,
        to endpoint: RedisEndpoint,
        on loop: EventLoop
    ) throws(RedisError) -> RedisConnection {
        var options = RedisOptions()
        options.clientName = "\(owner):\(role.rawValue)"
        let outage = Outage()
        return try RedisConnection(
            to: endpoint,
            on: loop,
            options: options,
            random: { .random(in: 0..<$0) },
            onChange: { state in observe(state, of: role, outage) }
        )
    }

    private func observe(_ state: RedisConnection.State, of role: Role, _ outage: Outage) {
        switch state {
        case .ready(let generation):
            connected.set(role, to: true)
            if generation > 1 { reconnects.increment(role) }
            let attempts = outage.end()
            log.info(
                "Redis is connected",
                metadata: ["connection": "\(role.rawValue)", "failed_attempts": "\(attempts)"]
            )
        case .resting(_, after: let loss):
            connected.set(role, to: false)
            guard let attempts = outage.failedAgain() else { return }
            log.warning(
                "Redis is not connected; attempts go on",
                metadata: [
                    "connection": "\(role.rawValue)", "reason": "\(loss)",
                    "failed_attempts": "\(attempts)",
                ]
            )
        case .idle, .connecting, .stopped: connected.set(role, to: false)
        }
    }
}
