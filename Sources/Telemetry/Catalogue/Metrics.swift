/// Every metric of the worker: its name, help, unit, labels with all their values, and buckets.
/// Never a user, a request or a consumer as a label.
package struct Metrics: Sendable {
    package let requests: RequestMetrics
    package let model: ModelMetrics
    package let cache: CacheMetrics
    package let streams: StreamMetrics
    package let loop: LoopMetrics
    package let authorization: AuthorizationMetrics
    package let process: ProcessMetrics

    /// - Parameter version: The release; the one label value that is not written here.
    package init(in registry: PrometheusRegistry, version: String) {
        requests = RequestMetrics(in: registry)
        model = ModelMetrics(in: registry)
        cache = CacheMetrics(in: registry)
        streams = StreamMetrics(in: registry)
        loop = LoopMetrics(in: registry)
        authorization = AuthorizationMetrics(in: registry, of: "worker")
        process = ProcessMetrics(in: registry, of: "worker", version: version)
    }

    /// The table of all metrics for the documentation, in Markdown, from the declarations above.
    package static func documentationTable() -> String {
        let registry = PrometheusRegistry()
        _ = Metrics(in: registry, version: "version")
        return MetricsTable.markdown(registry.declarations)
    }
}

/// Upper edges of histogram buckets, in seconds.
private enum Edges {
    /// Steps of our own, from 0.1 ms to 1 s: the loop, a script.
    static let quick = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
    ]
    /// A turn of the loop; 2 ms is the most that one is to take.
    static let turn = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1]
    /// A stage of the pipeline: microseconds for `decode`, a model call for `ask`.
    static let stage = [
        0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60,
    ]
    /// A model call; 2 s is the promise of the service and so must be an edge.
    static let model = [
        0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 13, 20, 30, 60, 120,
    ]
    /// From 1 ms to an hour, the longest deadline there is.
    static let wait = [
        0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
    ]
}

/// Slots, and requests as they pass through.
package struct RequestMetrics: Sendable {
    package let slots: GaugeFamily<NoLabels>
    package let slotsUsed: GaugeFamily<NoLabels>
    package let parked: GaugeFamily<NoLabels>
    package let inFlightBytes: GaugeFamily<NoLabels>
    package let draining: GaugeFamily<NoLabels>
    package let paused: GaugeFamily<NoLabels>
    package let memoryShort: GaugeFamily<NoLabels>
    package let finished: CounterFamily<Metrics.Ending>
    package let screened: CounterFamily<Metrics.Verdict>
    package let queueWait: HistogramFamily<NoLabels>
    package let stageDuration: HistogramFamily<Metrics.Stage>
    package let duplicateFinishSuppressed: CounterFamily<NoLabels>
    package let leaseLost: CounterFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        slots = registry.gauge(
            "strategy_worker_slots",
            help: "Requests this process may run at once."
        )
        slotsUsed = registry.gauge(
            "strategy_worker_slots_used",
            help: "Requests running now."
        )
        parked = registry.gauge(
            "strategy_worker_parked",
            help: "Requests that hold no slot: they wait for their user's others, or for the fleet."
        )
        inFlightBytes = registry.gauge(
            "strategy_worker_in_flight_bytes",
            unit: .bytes,
            help: "Payload bytes held by requests that run now."
        )
        draining = registry.gauge(
            "strategy_worker_draining",
            help: "1 while the process finishes what it has and reads nothing new."
        )
        paused = registry.gauge(
            "strategy_worker_paused",
            help: "Partitions in which nothing new starts, because an operator has paused them."
        )
        memoryShort = registry.gauge(
            "strategy_worker_memory_short",
            help: "1 while nothing new is read, because Redis is above MEMORY_WATERMARK."
        )
        finished = registry.counter(
            "strategy_worker_requests_finished_total",
            help: "Requests this process ended, by terminal event and its code.",
            by: Metrics.Ending.self
        )
        screened = registry.counter(
            "strategy_worker_screened_total",
            help: "Requests whose words were looked at for attacks, by what was found.",
            by: Metrics.Verdict.self
        )
        queueWait = registry.histogram(
            "strategy_worker_queue_wait_seconds",
            edges: Edges.wait,
            help: "Time from the entry's ID to the start of its run, by Redis' clock."
        )
        stageDuration = registry.histogram(
            "strategy_worker_stage_duration_seconds",
            edges: Edges.stage,
            help: "Time spent in one stage of the pipeline.",
            by: Metrics.Stage.self
        )
        leaseLost = registry.counter(
            "strategy_worker_lease_lost_total",
            help: "Requests that a supervisor took from this process while it ran them."
        )
        duplicateFinishSuppressed = registry.counter(
            "strategy_worker_duplicate_finish_suppressed_total",
            help: "Endings that Redis did not take, because the request had already ended."
        )
    }
}

/// Calls to the model.
package struct ModelMetrics: Sendable {
    package let calls: CounterFamily<Metrics.CallOutcome>
    package let callDuration: HistogramFamily<NoLabels>
    package let tokens: CounterFamily<Metrics.TokenType>
    package let callKinds: CounterFamily<Metrics.CallKind>
    package let breakersOpen: GaugeFamily<NoLabels>
    package let breakerChanges: CounterFamily<Metrics.BreakerChange>
    package let alerts: CounterFamily<Metrics.ModelAlert>
    package let leaks: CounterFamily<Metrics.Leak>
    package let shutdownTime: GaugeFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        calls = registry.counter(
            "strategy_worker_model_calls_total",
            help: "Calls to the model's API, retries included, by how they ended.",
            by: Metrics.CallOutcome.self
        )
        callDuration = registry.histogram(
            "strategy_worker_model_call_duration_seconds",
            edges: Edges.model,
            help: "Time from sending a call to the end of its answer, however it ended."
        )
        tokens = registry.counter(
            "strategy_worker_model_tokens_total",
            help: "Tokens as the API counted them; cached ones are part of input.",
            by: Metrics.TokenType.self
        )
        callKinds = registry.counter(
            "strategy_worker_model_call_kinds_total",
            help:
                "Calls to a model by why they were made: one first per request, the rest beyond it.",
            by: Metrics.CallKind.self
        )
        breakersOpen = registry.gauge(
            "strategy_worker_breakers_open",
            help:
                "Ways to a model, by endpoint and model, that the fleet keeps closed to calls now."
        )
        breakerChanges = registry.counter(
            "strategy_worker_breaker_changes_total",
            help: "Changes of a way to a model that this process brought about.",
            by: Metrics.BreakerChange.self
        )
        alerts = registry.counter(
            "strategy_worker_model_alerts_total",
            help: "What the model's API refuses until somebody mends it.",
            by: Metrics.ModelAlert.self
        )
        leaks = registry.counter(
            "strategy_worker_model_leaks_total",
            help: "Answers that repeated the model's instructions, of which no word was used.",
            by: Metrics.Leak.self
        )
        shutdownTime = registry.gauge(
            "strategy_worker_model_shutdown_timestamp_seconds",
            unit: .seconds,
            help:
                "When the first model of the chain is shut down, by the price file; 0 when none is."
        )
    }
}

/// Answers that are shared.
package struct CacheMetrics: Sendable {
    package let looks: CounterFamily<Metrics.Sharing>
    package let leadersLost: CounterFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        looks = registry.counter(
            "strategy_worker_cache_total",
            help:
                "Requests by what came of looking for an answer to the same question; "
                + "who followed another is counted again by how that ended.",
            by: Metrics.Sharing.self
        )
        leadersLost = registry.counter(
            "strategy_worker_cache_leaders_lost_total",
            help: "Processes that died while they asked for others, too, who then asked themselves."
        )
    }
}

/// Redis: its connections, what is read from the streams, and the scripts.
package struct StreamMetrics: Sendable {
    package let connected: GaugeFamily<Metrics.Connection>
    package let reconnects: CounterFamily<Metrics.Connection>
    package let readBatches: CounterFamily<NoLabels>
    package let entriesRead: CounterFamily<Metrics.Priority>
    package let adoptedEntries: CounterFamily<NoLabels>
    package let ghostEntries: CounterFamily<NoLabels>
    package let groupRecreated: CounterFamily<NoLabels>
    package let deadLetters: CounterFamily<Metrics.DeadLetterReason>
    package let scriptDuration: HistogramFamily<Metrics.Script>

    init(in registry: PrometheusRegistry) {
        connected = registry.gauge(
            "strategy_worker_redis_connected",
            help: "1 while the connection stands.",
            by: Metrics.Connection.self
        )
        reconnects = registry.counter(
            "strategy_worker_redis_reconnects_total",
            help: "Connections made again after one was lost.",
            by: Metrics.Connection.self
        )
        readBatches = registry.counter(
            "strategy_worker_read_batches_total",
            help: "Reads that brought at least one entry."
        )
        entriesRead = registry.counter(
            "strategy_worker_entries_read_total",
            help: "Entries read, by the stream they came from.",
            by: Metrics.Priority.self
        )
        adoptedEntries = registry.counter(
            "strategy_worker_adopted_entries_total",
            help: "Own pending entries that a lost answer had hidden, found after a reconnect."
        )
        ghostEntries = registry.counter(
            "strategy_worker_ghost_entries_total",
            help: "Pending entries whose content is gone from the stream."
        )
        groupRecreated = registry.counter(
            "strategy_worker_group_recreated_total",
            help: "Times the consumer group was missing and made again."
        )
        deadLetters = registry.counter(
            "strategy_worker_dead_letters_total",
            help: "Entries put aside as dead letters, by reason.",
            by: Metrics.DeadLetterReason.self
        )
        scriptDuration = registry.histogram(
            "strategy_worker_script_duration_seconds",
            edges: Edges.quick,
            help: "Time from sending a script to its answer.",
            by: Metrics.Script.self
        )
    }
}

/// The event loop.
package struct LoopMetrics: Sendable {
    package let turns: CounterFamily<NoLabels>
    package let lag: HistogramFamily<NoLabels>
    package let turn: HistogramFamily<NoLabels>

    init(in registry: PrometheusRegistry) {
        turns = registry.counter(
            "strategy_worker_loop_turns_total",
            help: "Turns of the event loop."
        )
        lag = registry.histogram(
            "strategy_worker_loop_lag_seconds",
            edges: Edges.quick,
            help: "How late the loop came to what was due."
        )
        turn = registry.histogram(
            "strategy_worker_loop_turn_seconds",
            edges: Edges.turn,
            help: "How long one turn of the loop kept all else waiting."
        )
    }
}

/// The process, under the names that every Prometheus client gives them.
package struct ProcessMetrics: Sendable {
    private let residentMemory: GaugeFamily<NoLabels>
    private let cpu: CounterFamily<NoLabels>
    private let openDescriptors: GaugeFamily<NoLabels>
    private let start: GaugeFamily<NoLabels>

    /// - Parameter program: The word behind `strategy_` in the program's metrics.
    init(in registry: PrometheusRegistry, of program: String, version: String) {
        registry.info(
            "strategy_\(program)_build_info",
            help: "The release that runs; always 1.",
            facts: [("version", version)]
        )
        residentMemory = registry.gauge(
            "process_resident_memory_bytes",
            unit: .bytes,
            help: "Memory in use that is not swapped out."
        )
        cpu = registry.counter(
            "process_cpu_seconds_total",
            unit: .seconds,
            help: "User and system time spent."
        )
        openDescriptors = registry.gauge(
            "process_open_fds",
            help: "Open file descriptors."
        )
        start = registry.gauge(
            "process_start_time_seconds",
            unit: .seconds,
            help: "Unix time of the process' start."
        )
    }

    package func update(_ figures: ProcessFigures) {
        residentMemory.set(to: figures.residentBytes)
        cpu.follow(figures.cpuSeconds)
        openDescriptors.set(to: figures.openDescriptors)
        start.set(to: figures.startSeconds)
    }
}
