import EventLoop
import Gateways
import HTTPClient
import Logging
import Policy
import ServiceLifecycle
import Telemetry

/// Twice a second: what the fleet has seen of the ways to a model. Once an hour: whether the models of
/// the chain are still there, and for how long.
struct ModelWatch: Service {
    let loop: EventLoop
    let switchboard: RedisSwitchboard
    let lifeCycle: ModelLifeCycle
    let status: Status

    private enum Limits {
        static let interval = Duration.milliseconds(500)
        static let lookInterval = Duration.seconds(3_600)
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await beat() }
    }

    private func beat() async throws {
        var look = EventLoop.Instant.now + Limits.lookInterval
        while !Task.isCancelled {
            await switchboard.refresh()
            status.update { $0.modelTrouble = trouble(switchboard.standings) }
            if EventLoop.Instant.now >= look {
                _ = await lifeCycle.look()
                look = .now + Limits.lookInterval
            }
            do { try await loop.sleep(for: Limits.interval) } catch { return }
        }
    }

    /// Nil while one way is open: then models answer.
    private func trouble(_ standings: [Route: Breaker.Standing]) -> String? {
        let closed = standings.filter { $0.value.state == .off || $0.value.state == .open }
        guard closed.count == standings.count, let (route, standing) = closed.first else {
            return nil
        }
        return "every way to a model is closed, \(route.endpoint)'s \(route.model) for "
            + "\(standing.reason): strategyctl top shows each"
    }
}
