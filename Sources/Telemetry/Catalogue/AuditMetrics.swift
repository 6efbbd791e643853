/// The audit chains, as a supervisor walks them.
package struct AuditMetrics: Sendable {
    package let broken: GaugeFamily<NoLabels>
    package let walked: CounterFamily<NoLabels>
    package let unwalked: GaugeFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        broken = registry.gauge(
            "strategy_supervisor_audit_broken",
            help: "Partitions led whose audit chain is not whole: a record was changed or removed."
        )
        walked = registry.counter(
            "strategy_supervisor_audit_walked_total",
            help: "Audit records whose place in their chain was proved."
        )
        unwalked = registry.gauge(
            "strategy_supervisor_audit_unwalked",
            help: "Audit records of the partitions led that are still to be looked at."
        )
    }
}
