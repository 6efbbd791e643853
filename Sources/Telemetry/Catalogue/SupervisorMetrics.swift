package import Contract

/// Every metric of the supervisor, as `Metrics` declares the worker's. Figures of a partition come
/// from the supervisor that leads it, so their sum over all supervisors is the fleet's.
package struct SupervisorMetrics: Sendable {
    package let leader: GaugeFamily<NoLabels>
    package let waiting: GaugeFamily<Metrics.Priority>
    package let inFlight: GaugeFamily<Metrics.Priority>
    package let lagKnown: GaugeFamily<Metrics.Priority>
    package let oldestWaitingAge: GaugeFamily<Metrics.Priority>
    package let drift: GaugeFamily<Law>
    package let load: LoadMetrics
    package let ledger: LedgerMetrics
    package let audit: AuditMetrics
    package let work: SupervisionMetrics
    package let leadershipsLost: CounterFamily<NoLabels>
    package let holdingOff: GaugeFamily<NoLabels>
    package let ticksFailed: CounterFamily<NoLabels>
    package let tickDuration: HistogramFamily<NoLabels>
    package let scriptDuration: HistogramFamily<Script>
    package let connected: GaugeFamily<Connection>
    package let reconnects: CounterFamily<Connection>
    package let fleet: FleetMetrics
    package let authorization: AuthorizationMetrics
    package let process: ProcessMetrics

    /// Upper edges, in seconds: from 0.1 ms, a script, to 10 s, a tick that takes back thousands.
    fileprivate static let edges = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
        10,
    ]

    /// - Parameter version: The release; the one label value that is not written here.
    package init(in registry: PrometheusRegistry, version: String) {
        leader = registry.gauge(
            "strategy_supervisor_leader",
            help: "Partitions that this process leads now."
        )
        waiting = registry.gauge(
            "strategy_supervisor_waiting",
            help: "Entries that no worker has read, by stream; exact, in the partitions led.",
            by: Metrics.Priority.self
        )
        inFlight = registry.gauge(
            "strategy_supervisor_in_flight",
            help: "Entries that a worker has and has not ended, by stream.",
            by: Metrics.Priority.self
        )
        lagKnown = registry.gauge(
            "strategy_supervisor_lag_known",
            help: "1 while Redis' own lag of the group is known and is the number that waits.",
            by: Metrics.Priority.self
        )
        oldestWaitingAge = registry.gauge(
            "strategy_supervisor_oldest_waiting_age_seconds",
            unit: .seconds,
            help: "Age of the oldest entry that no worker has read; 0 when none waits.",
            by: Metrics.Priority.self
        )
        drift = registry.gauge(
            "strategy_supervisor_drift",
            help: "What a law of conservation is off by; anything but 0 is a loss or a double.",
            by: Law.self
        )
        (load, ledger) = (LoadMetrics(in: registry), LedgerMetrics(in: registry))
        (audit, work) = (AuditMetrics(in: registry), SupervisionMetrics(in: registry))
        leadershipsLost = registry.counter(
            "strategy_supervisor_leaderships_lost_total",
            help: "Times the lease of a partition was gone while this process still used it."
        )
        holdingOff = registry.gauge(
            "strategy_supervisor_holding_off",
            help: "1 while nothing is taken back, because Redis was away a moment ago."
        )
        ticksFailed = registry.counter(
            "strategy_supervisor_ticks_failed_total",
            help: "Rounds over a partition that Redis did not answer to the end."
        )
        tickDuration = registry.histogram(
            "strategy_supervisor_tick_duration_seconds",
            edges: Self.edges,
            help: "Time of one round over a partition that is led."
        )
        scriptDuration = registry.histogram(
            "strategy_supervisor_script_duration_seconds",
            edges: Self.edges,
            help: "Time from sending a script to its answer, what was sent before it included.",
            by: Script.self
        )
        connected = registry.gauge(
            "strategy_supervisor_redis_connected",
            help: "1 while the connection stands.",
            by: Connection.self
        )
        reconnects = registry.counter(
            "strategy_supervisor_redis_reconnects_total",
            help: "Connections made again after one was lost.",
            by: Connection.self
        )
        fleet = FleetMetrics(in: registry)
        authorization = AuthorizationMetrics(in: registry, of: "supervisor")
        process = ProcessMetrics(in: registry, of: "supervisor", version: version)
    }

    /// The table of all metrics for the documentation, in Markdown.
    package static func documentationTable() -> String {
        let registry = PrometheusRegistry()
        _ = SupervisorMetrics(in: registry, version: "version")
        return MetricsTable.markdown(registry.declarations)
    }
}

/// What a supervisor did for requests that nobody else could end.
package struct SupervisionMetrics: Sendable {
    package let reclaimed: CounterFamily<SupervisorMetrics.Reason>
    package let deadLetters: CounterFamily<SupervisorMetrics.DeadLetterReason>
    package let ghosts: CounterFamily<NoLabels>
    package let reaped: CounterFamily<NoLabels>
    package let expired: CounterFamily<NoLabels>
    package let refused: CounterFamily<NoLabels>
    package let abandoned: CounterFamily<NoLabels>
    package let reservationsSwept: CounterFamily<NoLabels>
    package let groupsMade: CounterFamily<NoLabels>
    package let cancelOrders: CounterFamily<SupervisorMetrics.CancelOutcome>
    package let batchesClosed: CounterFamily<NoLabels>
    package let redisRTT: HistogramFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        reclaimed = registry.counter(
            "strategy_supervisor_reclaimed_total",
            help: "Entries taken back and added to the retry stream, by why.",
            by: SupervisorMetrics.Reason.self
        )
        deadLetters = registry.counter(
            "strategy_supervisor_dead_letters_total",
            help: "Entries that were ended as dead letters, by the failure that the caller reads.",
            by: SupervisorMetrics.DeadLetterReason.self
        )
        ghosts = registry.counter(
            "strategy_supervisor_ghosts_total",
            help: "Pending entries of dead workers whose content was gone; acknowledged."
        )
        reaped = registry.counter(
            "strategy_supervisor_reaped_consumers_total",
            help: "Dead consumers that had nothing any more, and were removed."
        )
        expired = registry.counter(
            "strategy_supervisor_expired_total",
            help: "Requests answered after their deadline that no worker had read."
        )
        refused = registry.counter(
            "strategy_supervisor_refused_total",
            help: "Requests of dead workers whose token proved nothing; answered in their place."
        )
        abandoned = registry.counter(
            "strategy_supervisor_abandoned_total",
            help: "Requests ended after their deadline that nobody ran any more."
        )
        reservationsSwept = registry.counter(
            "strategy_supervisor_reservations_swept_total",
            help: "Reservations of the fleet's budget that were settled long after their deadline."
        )
        groupsMade = registry.counter(
            "strategy_supervisor_groups_made_total",
            help: "Times the consumer group of a stream was missing and made."
        )
        cancelOrders = registry.counter(
            "strategy_supervisor_cancel_orders_total",
            help: "Requests and batches that were to be taken back, by what became of it.",
            by: SupervisorMetrics.CancelOutcome.self
        )
        redisRTT = registry.histogram(
            "strategy_supervisor_redis_rtt_seconds",
            edges: SupervisorMetrics.edges,
            help: "Time from sending a command that does next to nothing to its answer."
        )
        batchesClosed = registry.counter(
            "strategy_supervisor_batches_closed_total",
            help: "Batches some of whose members had not come in time."
        )
    }
}

extension SupervisorMetrics {
    /// What the books of a partition must add up to.
    package enum Law: String, Labels {
        /// Entries added to this stream are there still, or were counted as they left.
        case retry
        case high
        case normal
        case low
        /// Requests admitted have ended, or are among those that have not.
        case requests

        package static let names = ["law"]

        package init(_ queue: Queue) {
            switch queue {
            case .retry: self = .retry
            case .high: self = .high
            case .normal: self = .normal
            case .low: self = .low
            }
        }
    }

    /// Why an entry was taken from its worker.
    package enum Reason: String, Labels {
        /// The worker shows no sign of life.
        case dead
        /// The request's deadline is long past.
        case overdue

        package static let names = ["reason"]
    }

    /// The failure with which an entry was ended.
    package enum DeadLetterReason: String, Labels {
        case attemptsExhausted = "attempts_exhausted"
        case poison
        case `internal`
        case deadline

        package static let names = ["reason"]
    }

    /// What became of an order to take something back.
    package enum CancelOutcome: String, Labels {
        /// It was in the books, and ended.
        case cancelled
        /// Nobody had read it; it ends when it is read.
        case remembered
        /// It had ended already.
        case ended
        /// The order names neither one request nor one batch.
        case malformed

        package static let names = ["outcome"]
    }

    package enum Connection: String, Labels {
        /// Renews leases; nothing large goes over it.
        case lease
        case work
        /// Waits for orders to take requests back.
        case orders
        /// Looks at everything once a second, for operators.
        case watch
        /// Does what operators ask in the console.
        case desk
        /// Reads the ledger's outbox, whose pages are large.
        case outbox

        package static let names = ["connection"]
    }

    /// The Lua scripts that a supervisor runs, by the names of their files.
    package enum Script: String, Labels {
        case lease
        case measure
        case held
        case requeue
        case fail
        case peek
        case expire
        case abandon
        case reap
        case settleGlobal = "settle_global"
        case control
        case load
        case cancel
        case cancelBatch = "cancel_batch"
        case closeBatch = "close_batch"

        package static let names = ["script"]
    }
}
