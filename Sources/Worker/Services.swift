import EventLoop
import Gateways
import Logging
import Program
import Redis
import ServiceLifecycle
import Telemetry

/// Once a second: Redis' clock, the restricted list, the scripts after a reconnect, and how late the
/// loop is.
struct Pulse: Service {
    let loop: EventLoop
    let control: RedisConnection
    let clock: RedisClock
    let restrictions: RestrictedLists
    let status: Status
    let metrics: Metrics
    let log: Logger

    private enum Limits {
        static let interval = Duration.seconds(1)
        /// Redis and this process disagree by more than this: worth a look at both clocks.
        static let skewReportedMs: Int64 = 1_000
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await beat() }
    }

    private func beat() async throws {
        var generation = 0
        while !Task.isCancelled {
            do throws(RedisError) {
                // With a limit: a connection that does not come back must be told of.
                let present = try await control.whenReady(within: Limits.interval)
                if present != generation {
                    try await RedisStreams.load(Scripts.ofWorkers, by: control)
                    try await clock.adjust(by: control)
                    reportSkew()
                    generation = present
                } else {
                    try await clock.adjust(by: control)
                }
                try await restrictions.refresh()
                status.update { $0.isRedisConnected = true }
            } catch {
                status.update { $0.isRedisConnected = false }
            }
            let due = EventLoop.Instant.now + Limits.interval
            do { try await loop.sleep(until: due) } catch { return }
            metrics.loop.lag.record(EventLoop.Instant.now - due)
            metrics.loop.turns.follow(Double(loop.turnCount))
        }
    }

    private func reportSkew() {
        let skew = clock.nowMs() - Host.nowMs()
        guard abs(skew) > Limits.skewReportedMs else { return }
        log.warning(
            "this machine's clock and Redis' differ; deadlines follow Redis'",
            metadata: ["ahead_ms": "\(-skew)"]
        )
    }
}
