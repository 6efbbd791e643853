import Contract
package import Gateways
import Release
import Synchronization
package import Telemetry

/// What all partitions of this process have to tell: written on the loop by each, shown as the sum.
package final class Overview: Sendable {
    private let metrics: SupervisorMetrics
    private let partitions: Mutex<[Partition]>

    private struct Partition {
        var isLed = false
        var isHoldingOff = true
        var lastRound: ContinuousClock.Instant?
        var backlogs: [Queue: Backlog] = [:]
        var drift: [SupervisorMetrics.Law: Int] = [:]
        var pause: Pause?
        var load: Supervision.Load?
        var memoryIsShort = false
        var ledger = Ledger()
    }

    /// A partition's outbox.
    package struct Ledger: Sendable {
        var isReached = false
        var rows = 0
        var bytes = 0
        var left = OutboxWatch.Limits.longest
        var isFull = false
        var uncarried: Int64 = 0
        var unreadable = 0
        /// Nil where nothing is carried.
        var isOpen: Bool?
    }

    package enum Limits {
        /// Without a finished round for so long, a partition is not looked after.
        package static let roundAge = Duration.seconds(10)
    }

    package init(partitions count: Int, _ metrics: SupervisorMetrics) {
        self.metrics = metrics
        partitions = Mutex(Array(repeating: Partition(), count: count))
    }

    package func leads(_ partition: Int, _ isLed: Bool) {
        change(partition) { $0.isLed = isLed }
    }

    package func isLed(_ partition: Int) -> Bool {
        partitions.withLock { $0.indices.contains(partition) && $0[partition].isLed }
    }

    package func holdsOff(_ partition: Int, _ isHoldingOff: Bool) {
        change(partition) { $0.isHoldingOff = isHoldingOff }
    }

    package func rounded(_ partition: Int, at now: ContinuousClock.Instant) {
        change(partition) { $0.lastRound = now }
    }

    package func measured(
        _ partition: Int,
        _ books: Measurement,
        _ drift: [SupervisorMetrics.Law: Int]
    ) {
        change(partition) { partition in
            partition.backlogs = books.streams.mapValues { Backlog($0, nowMs: books.nowMs) }
            partition.drift = drift
        }
    }

    package func paused(_ partition: Int, _ pause: Pause?) {
        change(partition) { $0.pause = pause }
    }

    package func load(_ partition: Int, _ load: Supervision.Load, memoryIsShort: Bool) {
        change(partition) { ($0.load, $0.memoryIsShort) = (load, memoryIsShort) }
    }

    func ledger(_ partition: Int, _ change: (inout Ledger) -> Void) {
        self.change(partition) { change(&$0.ledger) }
    }

    /// Another process tells of it from now on.
    package func forgets(_ partition: Int) {
        change(partition) { partition in
            (partition.backlogs, partition.drift) = ([:], [:])
            (partition.pause, partition.load, partition.memoryIsShort) = (nil, nil, false)
            partition.ledger = Ledger(isOpen: partition.ledger.isOpen.map { _ in false })
        }
    }

    private func change(_ partition: Int, _ change: (inout Partition) -> Void) {
        partitions.withLock { partitions in
            guard partitions.indices.contains(partition) else { return }
            change(&partitions[partition])
            show(partitions)
        }
    }

    private func show(_ partitions: [Partition]) {
        metrics.leader.set(to: partitions.count { $0.isLed })
        metrics.holdingOff.set(to: partitions.contains { $0.isLed && $0.isHoldingOff })
        for queue in Queue.allCases {
            let backlogs = partitions.compactMap { $0.backlogs[queue] }
            let label = Metrics.Priority(queue)
            metrics.waiting.set(label, to: backlogs.reduce(0) { $0 + $1.waiting })
            metrics.inFlight.set(label, to: backlogs.reduce(0) { $0 + $1.inFlight })
            metrics.lagKnown.set(label, to: backlogs.allSatisfy(\.isLagKnown))
            let oldest = backlogs.map(\.oldestAgeMs).max() ?? 0
            metrics.oldestWaitingAge.set(label, to: Double(oldest) / 1_000)
        }
        let loads = partitions.compactMap(\.load)
        let longest = loads.map(\.estimatedWaitMs).max() ?? 0
        metrics.load.estimatedWait.set(to: Double(longest) / 1_000)
        metrics.load.accepting.set(to: loads.count { $0.isAccepting })
        metrics.load.paused.set(to: partitions.count { $0.pause != nil })
        metrics.load.memoryShort.set(to: partitions.contains(where: \.memoryIsShort))
        show(partitions.map(\.ledger))
        for law in SupervisorMetrics.Law.allCases {
            // The worst, for a loss here and a double there must not look like nothing.
            let worst = partitions.compactMap { $0.drift[law] }.max { abs($0) < abs($1) }
            metrics.drift.set(law, to: worst ?? 0)
        }
    }
}

extension Overview {
    private func show(_ ledgers: [Ledger]) {
        metrics.ledger.connected.set(to: ledgers.contains(where: \.isReached))
        metrics.ledger.rows.set(to: ledgers.reduce(0) { $0 + $1.rows })
        metrics.ledger.bytes.set(to: ledgers.reduce(0) { $0 + $1.bytes })
        let left = ledgers.map(\.left).min() ?? .zero
        metrics.ledger.hoursLeft.set(to: left / .seconds(1))
        metrics.ledger.uncarried.set(to: Int(ledgers.reduce(0) { $0 + $1.uncarried }))
        metrics.ledger.unreadable.set(to: ledgers.reduce(0) { $0 + $1.unreadable })
    }

    /// - Parameter loopAnswered: Whether the loop ran a call through its queue in time.
    package func health(loopAnswered: Bool, now: ContinuousClock.Instant) -> Health {
        let partitions = partitions.withLock { $0 }
        let late = partitions.filter { partition in
            partition.lastRound.map { now - $0 > Limits.roundAge } ?? true
        }
        let led = partitions.count { $0.isLed }
        let holdsOff = partitions.contains { $0.isLed && $0.isHoldingOff }
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
                    ok: late.isEmpty,
                    detail: late.isEmpty
                        ? "answers"
                        : "\(late.count) of \(partitions.count) partitions could not be looked at: "
                            + "check REDIS_URL and the server"
                ),
                .init(
                    "leader",
                    ok: true,
                    detail: "leads \(led) of \(partitions.count) partitions, stands by for the rest"
                ),
                // Both pass by themselves, or by who brought them about.
                .init("paused", ok: true, detail: Self.paused(partitions)),
                .init(
                    "memory",
                    ok: true,
                    detail: partitions.contains(where: \.memoryIsShort)
                        ? "Redis is above MEMORY_WATERMARK: new requests are turned away" : "ok"
                ),
                .init(
                    "ledger",
                    ok: !partitions.contains { $0.isLed && $0.ledger.isOpen == false },
                    detail: Self.ledger(partitions)
                ),
                .init(
                    "reclaim",
                    ok: true,
                    detail: holdsOff
                        ? "takes nothing back yet: Redis was away a moment ago" : "takes back"
                ),
            ],
            version: Release.version
        )
    }

    private static func ledger(_ partitions: [Partition]) -> String {
        let led = partitions.filter(\.isLed).map(\.ledger)
        let rows = led.reduce(0) { $0 + $1.rows }
        if led.contains(where: { $0.isOpen == false }) {
            return
                "the books of the last hour are not put back yet: check DATABASE_URL and the server"
        }
        if led.contains(where: \.isFull) {
            return "\(rows) rows wait, OUTBOX_MAX_BYTES is reached: new requests are turned away"
        }
        return rows == 0 ? "nothing waits" : "\(rows) rows wait to be carried"
    }

    private static func paused(_ partitions: [Partition]) -> String {
        let paused = partitions.enumerated().compactMap { index, partition in
            partition.pause.map { "partition \(index) by \($0.by)" }
        }
        return paused.isEmpty ? "no" : paused.joined(separator: ", ")
    }
}
