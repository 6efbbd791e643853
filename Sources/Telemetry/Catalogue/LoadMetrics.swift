/// What orchestrators are told of the load, and how true it was.
package struct LoadMetrics: Sendable {
    package let estimatedWait: GaugeFamily<NoLabels>
    package let accepting: GaugeFamily<NoLabels>
    package let paused: GaugeFamily<NoLabels>
    package let memoryShort: GaugeFamily<NoLabels>
    package let estimateRatio: HistogramFamily<NoLabels>
    package let overloaded: CounterFamily<Overload>

    /// Upper edges of what was estimated by what it was: symmetric about 1 by factors.
    private static let ratios = [0.1, 0.25, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 4, 10]

    /// Why a request was turned away.
    package enum Overload: String, Labels {
        /// It would wait beyond its deadline.
        case deadline
        /// Redis is nearly full.
        case memory
        /// The ledger's outbox holds `OUTBOX_MAX_BYTES`.
        case outbox
        /// More than `MAX_WAITING` wait.
        case waiting

        package static let names = ["reason"]
    }

    init(in registry: PrometheusRegistry) {
        estimatedWait = registry.gauge(
            "strategy_supervisor_estimated_wait_seconds",
            unit: .seconds,
            help:
                "How long an entry will wait that is added to low now, the longest of the partitions."
        )
        accepting = registry.gauge(
            "strategy_supervisor_accepting",
            help: "Partitions led that take more, as orchestrators are told."
        )
        paused = registry.gauge(
            "strategy_supervisor_paused",
            help: "Partitions led in which nothing new starts, because an operator has paused them."
        )
        memoryShort = registry.gauge(
            "strategy_supervisor_memory_short",
            help: "1 while Redis is above MEMORY_WATERMARK."
        )
        estimateRatio = registry.histogram(
            "strategy_supervisor_wait_estimate_ratio",
            unit: nil,
            edges: Self.ratios,
            help: "An estimated wait by what it then was, of waits of some seconds and more."
        )
        overloaded = registry.counter(
            "strategy_supervisor_overloaded_total",
            help: "Requests turned away before a worker read them, by why.",
            by: Overload.self
        )
    }
}
