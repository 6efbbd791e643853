package import Contract

/// The whole service's metrics: what the scripts count that end requests, and how much waits, runs and
/// is left. One supervisor at a time shows them, so nothing is counted twice, and what a killed process
/// counted is not lost. All names of the service's first description are here.
package struct FleetMetrics: Sendable {
    package let visibility: Visibility
    private let endings: Endings
    private let jobs: Jobs
    private let resources: Resources

    package init(in registry: PrometheusRegistry) {
        visibility = Visibility()
        endings = Endings(in: registry, visibility)
        jobs = Jobs(in: registry, visibility)
        resources = Resources(in: registry, visibility)
    }

    /// What all partitions have and hold at one moment.
    package struct Figures: Sendable {
        package var counts = FleetCounts()
        package var waiting: [Queue: Int] = [:]
        package var inFlight: [Queue: Int] = [:]
        package var oldestWaitingMs: [Queue: Int64] = [:]
        package var oldestInFlightMs: Int64 = 0
        package var parked = 0
        package var dead = 0
        package var ledgerRows = 0
        package var workersAlive = 0
        package var workersDead = 0
        package var slots = 0
        package var paused = 0
        package var unled = 0
        package var breakersOpen = 0
        /// Nil where the fleet's cost is not limited.
        package var limit: NanoUSD?
        package var settled = NanoUSD.zero
        package var reserved = NanoUSD.zero

        package init() {}
    }

    package func show(_ figures: Figures) {
        show(figures.counts)
        for queue in Queue.allCases {
            let label = Metrics.Priority(queue)
            jobs.waiting.set(label, to: figures.waiting[queue, default: 0])
            jobs.inFlight.set(label, to: figures.inFlight[queue, default: 0])
            let age = figures.oldestWaitingMs[queue, default: 0]
            jobs.oldestWaitingAge.set(label, to: Double(age) / 1_000)
        }
        jobs.oldestInFlightAge.set(to: Double(figures.oldestInFlightMs) / 1_000)
        let all = figures.waiting.values.reduce(0, +) + figures.inFlight.values.reduce(0, +)
        jobs.outstanding.set(to: all)
        jobs.parked.set(to: figures.parked)
        jobs.dead.set(to: figures.dead)
        resources.ledgerRows.set(to: figures.ledgerRows)
        resources.workers.set(.alive, to: figures.workersAlive)
        resources.workers.set(.dead, to: figures.workersDead)
        resources.slots.set(to: figures.slots)
        resources.paused.set(to: figures.paused)
        resources.unled.set(to: figures.unled)
        resources.breakersOpen.set(to: figures.breakersOpen)
        resources.budget.set(.limit, to: figures.limit.map(Self.dollars) ?? .infinity)
        resources.budget.set(.settled, to: Self.dollars(figures.settled))
        resources.budget.set(.reserved, to: Self.dollars(figures.reserved))
        visibility.show(true)
    }

    private func show(_ counts: FleetCounts) {
        for ending in Ending.allCases { endings.requests.show(ending, ending.count(in: counts)) }
        for fault in Fault.allCases { endings.errors.show(fault, fault.count(in: counts)) }
        for payer in FleetCounts.Payer.allCases {
            endings.cost.show(payer, Self.dollars(counts.cost(payer)))
        }
        for source in ResultPayload.Source.allCases {
            endings.results.show(source, counts.results(source))
        }
        for reason in Degradation.allCases {
            endings.degraded.show(reason, counts.degraded(reason))
        }
        for queue in Queue.allCases {
            endings.responseTime.show(
                Metrics.Priority(queue),
                counts.times(queue),
                sum: counts.timeSpent(queue) / .seconds(1)
            )
        }
    }

    private static func dollars(_ amount: NanoUSD) -> Double { Double(amount.amount) / 1e9 }
}

// MARK: - Declared

extension FleetMetrics {
    /// What has ended, and what it cost.
    private struct Endings: Sendable {
        let requests: CounterFamily<FleetMetrics.Ending>
        let errors: CounterFamily<FleetMetrics.Fault>
        let cost: CounterFamily<FleetCounts.Payer>
        let responseTime: HistogramFamily<Metrics.Priority>
        let results: CounterFamily<ResultPayload.Source>
        let degraded: CounterFamily<Degradation>

        init(in registry: PrometheusRegistry, _ visibility: Visibility) {
            requests = registry.counter(
                "gpt4_strategy_requests_total",
                help: "Requests that have ended, by terminal event and its code.",
                by: Ending.self,
                shown: visibility
            )
            errors = registry.counter(
                "gpt4_strategy_errors_total",
                help:
                    "Requests that ended through our fault: failed, too late, or for want of room.",
                by: Fault.self,
                shown: visibility
            )
            cost = registry.counter(
                "gpt4_strategy_cost_usd_total",
                help: "Dollars that calls to the model cost, by who pays.",
                by: FleetCounts.Payer.self,
                shown: visibility
            )
            responseTime = registry.histogram(
                "gpt4_strategy_response_time_seconds",
                edges: FleetCounts.edges,
                help:
                    "Time from a request's first entry to its result, by the stream it was read from.",
                by: Metrics.Priority.self,
                shown: visibility
            )
            results = registry.counter(
                "gpt4_strategy_results_total",
                help: "Results, by where the strategy came from.",
                by: ResultPayload.Source.self,
                shown: visibility
            )
            degraded = registry.counter(
                "gpt4_strategy_degraded_total",
                help: "Results in which a fallback answered in the model's place, by why.",
                by: Degradation.self,
                shown: visibility
            )
        }
    }

    /// What waits, runs, and is kept.
    private struct Jobs: Sendable {
        let waiting: GaugeFamily<Metrics.Priority>
        let inFlight: GaugeFamily<Metrics.Priority>
        let oldestWaitingAge: GaugeFamily<Metrics.Priority>
        let oldestInFlightAge: GaugeFamily<NoLabels>
        let outstanding: GaugeFamily<NoLabels>
        let parked: GaugeFamily<NoLabels>
        let dead: GaugeFamily<NoLabels>

        init(in registry: PrometheusRegistry, _ visibility: Visibility) {
            waiting = registry.gauge(
                "gpt4_strategy_jobs_waiting",
                help: "Entries that no worker has read, by stream; exact.",
                by: Metrics.Priority.self,
                shown: visibility
            )
            inFlight = registry.gauge(
                "gpt4_strategy_jobs_in_flight",
                help: "Entries that a worker has and has not ended, by stream.",
                by: Metrics.Priority.self,
                shown: visibility
            )
            oldestWaitingAge = registry.gauge(
                "gpt4_strategy_oldest_waiting_age_seconds",
                unit: .seconds,
                help: "Age of the oldest entry that no worker has read; 0 when none waits.",
                by: Metrics.Priority.self,
                shown: visibility
            )
            oldestInFlightAge = registry.gauge(
                "gpt4_strategy_oldest_in_flight_age_seconds",
                unit: .seconds,
                help: "Age of the oldest entry that a worker has; 0 when none has any.",
                shown: visibility
            )
            outstanding = registry.gauge(
                "gpt4_strategy_jobs_outstanding",
                help: "Entries that wait or are in flight: what to scale workers by.",
                shown: visibility
            )
            parked = registry.gauge(
                "gpt4_strategy_jobs_parked",
                help:
                    "Requests that wait for a limit without holding a slot; part of those in flight.",
                shown: visibility
            )
            dead = registry.gauge(
                "gpt4_strategy_jobs_dead",
                help: "Dead letters that are kept.",
                shown: visibility
            )
        }
    }

    /// Who is there, and what is left.
    private struct Resources: Sendable {
        let ledgerRows: GaugeFamily<NoLabels>
        let workers: GaugeFamily<FleetMetrics.Life>
        let slots: GaugeFamily<NoLabels>
        let paused: GaugeFamily<NoLabels>
        let unled: GaugeFamily<NoLabels>
        let breakersOpen: GaugeFamily<NoLabels>
        let budget: GaugeFamily<FleetMetrics.Money>

        init(in registry: PrometheusRegistry, _ visibility: Visibility) {
            ledgerRows = registry.gauge(
                "gpt4_strategy_ledger_outbox_rows",
                help: "Rows of the ledger that Redis keeps.",
                shown: visibility
            )
            workers = registry.gauge(
                "gpt4_strategy_workers",
                help:
                    "Workers that show signs of life, and those that do not and still hold entries.",
                by: Life.self,
                shown: visibility
            )
            slots = registry.gauge(
                "gpt4_strategy_slots",
                help: "Requests that all living workers run at once.",
                shown: visibility
            )
            paused = registry.gauge(
                "gpt4_strategy_partitions_paused",
                help:
                    "Partitions in which nothing new starts, because an operator has paused them.",
                shown: visibility
            )
            unled = registry.gauge(
                "gpt4_strategy_partitions_without_leader",
                help: "Partitions that no supervisor looks after.",
                shown: visibility
            )
            breakersOpen = registry.gauge(
                "gpt4_strategy_breakers_open",
                help: "Ways to a model that are not asked, or asked again little by little.",
                shown: visibility
            )
            budget = registry.gauge(
                "gpt4_strategy_budget_usd",
                help:
                    "The fleet's dollars of the hour: its limit, what is settled, what is reserved.",
                by: Money.self,
                shown: visibility
            )
        }
    }
}

// MARK: - Labels

extension FleetMetrics {
    /// How a request ended.
    package enum Ending: Labels {
        case result
        case rejected(RejectionCode)
        case failed(FailureCode)
        case cancelled
        case batchComplete
        /// By a code that this release does not know.
        case rejectedOther
        case failedOther

        package static let names = ["outcome", "code"]

        package static let allCases: [Ending] =
            [.result] + RejectionCode.allCases.map(Self.rejected)
            + FailureCode.allCases.map(Self.failed)
            + [.cancelled, .batchComplete, .rejectedOther, .failedOther]

        package var values: [String] {
            switch self {
            case .result: ["result", "none"]
            case .rejected(let code): ["rejected", code.rawValue]
            case .failed(let code): ["failed", code.rawValue]
            case .cancelled: ["cancelled", "none"]
            case .batchComplete: ["batch_complete", "none"]
            case .rejectedOther: ["rejected", "other"]
            case .failedOther: ["failed", "other"]
            }
        }

        func count(in counts: FleetCounts) -> Int {
            switch self {
            case .result: counts.ended("result")
            case .rejected(let code): counts.ended("rejected", code.rawValue)
            case .failed(let code): counts.ended("failed", code.rawValue)
            case .cancelled: counts.ended("cancelled")
            case .batchComplete: counts.ended("batch_complete")
            case .rejectedOther:
                RejectionCode.allCases.reduce(counts.ended(withAnyCode: "rejected")) {
                    $0 - counts.ended("rejected", $1.rawValue)
                }
            case .failedOther:
                FailureCode.allCases.reduce(counts.ended(withAnyCode: "failed")) {
                    $0 - counts.ended("failed", $1.rawValue)
                }
            }
        }
    }

    /// What went wrong on our side.
    package enum Fault: Labels {
        case failed(FailureCode)
        case deadlinePassed
        case overloaded
        case other

        package static let names = ["code"]

        package static let allCases: [Fault] =
            FailureCode.allCases.map(Self.failed) + [.deadlinePassed, .overloaded, .other]

        package var values: [String] {
            switch self {
            case .failed(let code): [code.rawValue]
            case .deadlinePassed: [RejectionCode.deadlinePassed.rawValue]
            case .overloaded: [RejectionCode.overloaded.rawValue]
            case .other: ["other"]
            }
        }

        func count(in counts: FleetCounts) -> Int {
            switch self {
            case .failed(let code): counts.ended("failed", code.rawValue)
            case .deadlinePassed: counts.ended("rejected", RejectionCode.deadlinePassed.rawValue)
            case .overloaded: counts.ended("rejected", RejectionCode.overloaded.rawValue)
            case .other: Ending.failedOther.count(in: counts)
            }
        }
    }

    package enum Life: String, Labels {
        case alive
        case dead

        package static let names = ["state"]
    }

    package enum Money: String, Labels {
        case limit
        case settled
        case reserved

        package static let names = ["part"]
    }
}

extension ResultPayload.Source: Labels { package static let names = ["source"] }
extension Degradation: Labels { package static let names = ["reason"] }
