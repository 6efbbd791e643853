/// What becomes of the ledger's outbox.
package struct LedgerMetrics: Sendable {
    package let connected: GaugeFamily<NoLabels>
    package let rows: GaugeFamily<NoLabels>
    package let bytes: GaugeFamily<NoLabels>
    package let bytesMax: GaugeFamily<NoLabels>
    package let hoursLeft: GaugeFamily<NoLabels>
    package let uncarried: GaugeFamily<NoLabels>
    package let carried: CounterFamily<NoLabels>
    package let endedTwice: CounterFamily<NoLabels>
    package let unreadable: GaugeFamily<NoLabels>
    package let epochs: CounterFamily<NoLabels>
    package let claimsSettled: CounterFamily<NoLabels>
    package let putBack: CounterFamily<NoLabels>
    package let profilesStale: CounterFamily<NoLabels>
    package let batchDuration: HistogramFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        connected = registry.gauge(
            "strategy_supervisor_postgres_connected",
            help: "1 while PostgreSQL answers."
        )
        rows = registry.gauge(
            "strategy_supervisor_outbox_rows",
            help: "Rows of the ledger that PostgreSQL does not have yet, in the partitions led."
        )
        bytes = registry.gauge(
            "strategy_supervisor_outbox_bytes",
            unit: .bytes,
            help: "Memory of Redis that those take."
        )
        bytesMax = registry.gauge(
            "strategy_supervisor_outbox_max_bytes",
            unit: .bytes,
            help: "OUTBOX_MAX_BYTES: above it new requests are turned away."
        )
        hoursLeft = registry.gauge(
            "strategy_supervisor_outbox_left_seconds",
            unit: .seconds,
            help:
                "How long the outbox lasts at the rate of the last minute; a year where it shrinks."
        )
        uncarried = registry.gauge(
            "strategy_supervisor_ledger_uncarried_nanousd",
            help: "Nano-dollars in rows not carried yet: what Redis' loss would hide at the most."
        )
        carried = registry.counter(
            "strategy_supervisor_ledger_carried_total",
            help: "Rows added to PostgreSQL's ledger, and their audit records with them."
        )
        endedTwice = registry.counter(
            "strategy_supervisor_ledger_ended_twice_total",
            help: "Rows that end a request which had ended before; each is kept."
        )
        unreadable = registry.gauge(
            "strategy_supervisor_outbox_unreadable",
            help: "Entries of the outbox that are no rows; they are left where they are."
        )
        epochs = registry.counter(
            "strategy_supervisor_ledger_epochs_total",
            help: "Times Redis had lost its books, or never had any, and a new epoch began."
        )
        claimsSettled = registry.counter(
            "strategy_supervisor_ledger_claims_settled_total",
            help:
                "Claims on the fleet's hour settled as their rows were carried; their owners had not."
        )
        putBack = registry.counter(
            "strategy_supervisor_ledger_costs_put_back_total",
            help: "Costs of a user's last hour that Redis had lost and PostgreSQL had."
        )
        profilesStale = registry.counter(
            "strategy_supervisor_profile_stale_total",
            help: "Times profiles could not be read again; the copies in Redis stay in force."
        )
        batchDuration = registry.histogram(
            "strategy_supervisor_ledger_batch_duration_seconds",
            edges: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            help: "Time to carry one batch: read, added, settled, deleted."
        )
    }
}
