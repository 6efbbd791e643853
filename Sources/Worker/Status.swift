import Gateways
import Release
import Synchronization
import Telemetry

/// What `/health` tells: written on the loop, read by the HTTP server's threads.
final class Status: Sendable {
    struct Facts: Sendable {
        var isRedisConnected = false
        /// Groups exist, scripts are loaded, and entries are being read.
        var isReading = false
        var isDraining = false
        /// What operators have paused.
        var pauses: [Paused] = []
        /// Redis is nearly full.
        var memoryIsShort = false
        /// Why the model is known not to answer; nil when it may.
        var modelTrouble: String?
    }

    struct Paused: Sendable {
        let partition: Int
        let pause: Pause
    }

    private let facts = Mutex(Facts())

    func update(_ change: (inout Facts) -> Void) { facts.withLock { change(&$0) } }

    /// - Parameter loopAnswered: Whether the loop ran a call through its queue in time.
    func health(loopAnswered: Bool) -> Health {
        let facts = facts.withLock { $0 }
        return Health(
            liveness: [
                .init(
                    "loop",
                    ok: loopAnswered,
                    detail: loopAnswered ? "answers" : "does not answer: restart this process"
                )
            ],
            readiness: [
                .init(
                    "redis",
                    ok: facts.isRedisConnected,
                    detail: facts.isRedisConnected
                        ? "connected" : "not connected: check REDIS_URL and the server"
                ),
                .init(
                    "group",
                    ok: facts.isReading,
                    detail: facts.isReading ? "reading" : "entries are not being read"
                ),
                .init(
                    "draining",
                    ok: !facts.isDraining,
                    detail: facts.isDraining ? "finishes what it has, reads no more" : "no"
                ),
                // Both pass by themselves, or by who brought them about: no reason to restart this.
                .init("paused", ok: true, detail: facts.paused),
                .init(
                    "memory",
                    ok: true,
                    detail: facts.memoryIsShort
                        ? "Redis is above MEMORY_WATERMARK: nothing new is read" : "ok"
                ),
                .init("model", ok: facts.modelTrouble == nil, detail: facts.modelTrouble ?? "ok"),
            ],
            version: Release.version
        )
    }
}

extension Status.Facts {
    fileprivate var paused: String {
        guard !pauses.isEmpty else { return "no" }
        return pauses.map { "partition \($0.partition) by \($0.pause.by)" }
            .joined(separator: ", ")
    }
}
