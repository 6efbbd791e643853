import Authorization
import Contract
import EventLoop
import Gateways
import Glibc
import HTTPClient
import Logging
import Options
import Pipeline
import Policy
import Program
import Redis
import Release
import Secrets
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Puts the process together, starts it in order, and stops it in the reverse.
struct Wiring: Sendable {
    let settings: Settings
    let secrets: SecretFiles<Variable>
    let telemetry = Telemetry(version: Release.version)
    private let status = Status()
    private let lines = GatheredLines(to: .standardError)
    let log: Logger

    init(_ settings: Settings, _ secrets: SecretFiles<Variable>) {
        self.settings = settings
        self.secrets = secrets
        let sink = lines.sink
        log = Logger(label: "worker") { label in
            JSONLogHandler(
                label: label,
                level: settings.logLevel,
                format: settings.logFormat,
                sink: sink
            )
        }
    }

    private enum Limits {
        /// Name, connection and TLS of a call.
        static let apiConnect = Duration.seconds(5)
        /// Silence of the API once it was asked. Without streaming, that is all its writing time:
        /// 4,000 tokens take two minutes. A request's own deadline is usually much sooner.
        static let apiStall = Duration.seconds(600)
    }

    func run() async throws(StartFailure) {
        let catalog = try catalog()
        let models = try models(catalog)
        let endpoints = try endpoints()
        if let path = settings.caFile, unsafe access(path, R_OK) != 0 {
            throw .setting(Variable.caFile, "\(path) cannot be read")
        }
        let thresholds = try thresholds()
        do {
            try await EventLoop.run(named: "worker") { loop in
                lines.gather { act in
                    guard loop.isOnLoop else { return false }
                    loop.atTurnEnd(act)
                    return true
                }
                let turn = telemetry.metrics.loop.turn
                loop.watchTurns { turn.record($0) }
                try await serve(on: loop, catalog, models, endpoints, thresholds)
            }
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw .service("\(error)")
        }
    }

    private func verifier(by http: HTTPClient) async throws(StartFailure) -> TokenVerifier? {
        let variable: Variable = settings.authorization.mode == .jwks ? .authKeys : .authSecret
        do throws(UnusableKeys) {
            return try await settings.authorization.verifier(
                by: http,
                nowMs: Host.nowMs(),
                watch: KeysWatch(telemetry.metrics.authorization.keysUnread, log: log)
            )
        } catch {
            throw .setting(variable, error.description)
        }
    }

    /// The chain: the model that is asked first, and those after it.
    private func models(
        _ catalog: ModelCatalog
    ) throws(StartFailure) -> [(name: String, row: ModelRow)] {
        func row(_ name: String, _ variable: Variable) throws(StartFailure) -> ModelRow {
            guard let row = catalog[name] else {
                throw .setting(
                    variable,
                    "\(name) is not in the price file, so what it costs is unknown; "
                        + "known are \(catalog.names.joined(separator: ", "))"
                )
            }
            return row
        }
        var models = [(name: settings.model, row: try row(settings.model, .model))]
        for name in settings.fallbackModels where !models.contains(where: { $0.name == name }) {
            models.append((name, try row(name, .fallbackModels)))
        }
        return models
    }

    private func endpoints() throws(StartFailure) -> [APIEndpoint] {
        guard let endpoint = APIEndpoint(baseURL: settings.apiBaseURL, key: settings.apiKey) else {
            throw .setting(
                Variable.apiBaseURL,
                "expected an http or https URL without user and query"
            )
        }
        guard let text = settings.endpoints else { return [endpoint] }
        do throws(EndpointListError) {
            return [endpoint]
                + (try EndpointList.endpoints(text.reveal(), defaultKey: settings.apiKey))
        } catch {
            throw .setting(Variable.endpoints, error.description)
        }
    }

    private func thresholds() throws(StartFailure) -> Thresholds {
        guard let path = settings.thresholdsFile else { return Thresholds() }
        do throws(ThresholdsFileError) {
            return try ThresholdsFile.read(path)
        } catch {
            throw .setting(Variable.thresholdsFile, error.description)
        }
    }

    private func restrictions(
        on loop: EventLoop,
        _ connection: RedisConnection
    ) throws(StartFailure) -> RestrictedLists {
        do throws(RestrictedFileError) {
            return try RestrictedLists(
                connection: connection,
                on: loop,
                keys: GlobalKeys(prefix: settings.streamPrefix),
                file: settings.restrictedFile,
                log: log
            )
        } catch {
            throw .setting(Variable.restrictedFile, error.description)
        }
    }

    private func catalog() throws(StartFailure) -> ModelCatalog {
        do throws(PriceFileError) {
            guard let path = settings.priceFile else { return try PriceFile.builtIn() }
            return try PriceFile.read(path)
        } catch {
            throw .setting(Variable.priceFile, error.description)
        }
    }
}

// MARK: - Services, in the order of their dependencies

extension Wiring {
    private func serve(
        on loop: EventLoop,
        _ catalog: ModelCatalog,
        _ models: [(name: String, row: ModelRow)],
        _ endpoints: [APIEndpoint],
        _ thresholds: Thresholds
    ) async throws {
        let http = try HTTPClient(on: loop, options: httpOptions)
        do {
            let lifeCycle = lifeCycle(http, endpoints, models)
            try await check(lifeCycle)
            let own = RedisStreams.Own(
                consumer: consumerName(),
                boot: String(UInt64.random(in: 0...UInt64.max), radix: 36)
            )
            let connections = try connections(on: loop, own.consumer)
            let clock = RedisClock(systemMs: Host.nowMs())
            let port = try OpenAIModel(
                http: http,
                endpoints: endpoints,
                catalog: catalog,
                first: models[0],
                others: Array(models.dropFirst()),
                settings: .init(
                    temperature: settings.temperature,
                    connectLimit: Limits.apiConnect,
                    stallLimit: Limits.apiStall
                ),
                containment: containment,
                metrics: telemetry.metrics.model,
                log: log
            )
            let verifier = try await verifier(by: http)
            let services = services(
                on: loop,
                connections,
                clock,
                port,
                endpoints,
                lifeCycle,
                try restrictions(on: loop, connections.write),
                thresholds,
                verifier,
                own
            )
            log.info(
                "a worker starts",
                metadata: [
                    "version": "\(Release.version)", "consumer": "\(own.consumer)",
                    "redis": "\(settings.redis)", "model": "\(settings.model)",
                    "slots": "\(settings.requestsMax)", "prices": "\(catalog.version)",
                ]
            )
            var configuration = ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint],
                // The service group tells each step of its own; of interest is only what goes wrong.
                logger: log.from(.error)
            )
            // Handing back what has not ended takes moments; this is for a Redis that is away.
            configuration.maximumGracefulShutdownDuration = settings.drainTimeout + .seconds(3)
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await http.shutdown()
            throw error
        }
        await http.shutdown()
        log.info("the worker has ended")
    }
}

extension Wiring {
    /// Each service may use those before it; they are stopped in the reverse order.
    private func services(
        on loop: EventLoop,
        _ connections: Connections,
        _ clock: RedisClock,
        _ model: OpenAIModel,
        _ endpoints: [APIEndpoint],
        _ lifeCycle: ModelLifeCycle,
        _ restrictions: RestrictedLists,
        _ thresholds: Thresholds,
        _ verifier: TokenVerifier?,
        _ own: RedisStreams.Own
    ) -> [any Service] {
        let slots = slots(on: loop)
        let switchboard = switchboard(connections.write, clock, model, own)
        let answers = answers(connections.write, own)
        let usage = usagePool(on: loop, own.consumer)
        let world = World(
            authority: authority(on: loop, connections, clock, verifier),
            loop: loop,
            write: connections.write,
            clock: clock,
            model: model,
            switchboard: switchboard,
            restrictions: restrictions,
            thresholds: thresholds,
            slots: slots,
            answers: answers,
            own: own,
            usage: usage.map { usageLedger($0, on: loop, connections.write, clock) }
        )
        let lanes = connections.read.enumerated().map { lane($0, $1, world) }
        let consumer = Consumer(
            on: loop,
            lanes: lanes,
            control: connections.write,
            slots: slots,
            bounds: .init(
                requestsMax: settings.requestsMax,
                bytesMax: settings.inFlightBytesMax,
                drainTimeout: settings.drainTimeout,
                weights: settings.priorityWeights
            ),
            status: status,
            telemetry: telemetry,
            log: log
        )
        let pulse = pulse(on: loop, connections.write, clock, restrictions)
        let heartbeat = Heartbeat(
            loop: loop,
            control: connections.write,
            lanes: lanes,
            consumer: consumer,
            watermark: settings.memoryWatermark,
            log: log
        )
        let modelWatch = ModelWatch(
            loop: loop,
            switchboard: switchboard,
            lifeCycle: lifeCycle,
            status: status
        )
        let secretWatch = watch(on: loop, endpoints, model, switchboard, verifier)
        return [secretWatch, healthServer(on: loop), ConnectionService(connections.write)]
            + connections.read.map { ConnectionService($0) }
            + (usage.map { [PoolService($0)] } ?? []) + [pulse, modelWatch]
            + watch(answers, slots, clock, on: loop) + [heartbeat, consumer]
    }

    private func pulse(
        on loop: EventLoop,
        _ control: RedisConnection,
        _ clock: RedisClock,
        _ restrictions: RestrictedLists
    ) -> Pulse {
        Pulse(
            loop: loop,
            control: control,
            clock: clock,
            restrictions: restrictions,
            status: status,
            metrics: telemetry.metrics,
            log: log
        )
    }

    private func slots(on loop: EventLoop) -> Slots {
        Slots(
            on: loop,
            bounds: .init(
                runningMax: settings.requestsMax,
                parkedMax: settings.parkedMax,
                parkedPerUserMax: settings.parkedPerUserMax,
                besideMax: UsageLedger.heldMax(places: settings.usageMax),
                weights: settings.priorityWeights
            ),
            metrics: telemetry.metrics.requests
        )
    }

    private func lifeCycle(
        _ http: HTTPClient,
        _ endpoints: [APIEndpoint],
        _ models: [(name: String, row: ModelRow)]
    ) -> ModelLifeCycle {
        ModelLifeCycle(
            http: http,
            endpoints: endpoints,
            models: models,
            metrics: telemetry.metrics.model,
            log: log
        )
    }

    private var httpOptions: HTTPClientOptions {
        var options = HTTPClientOptions()
        options.caFile = settings.caFile
        // Two calls a request at the most, and the looks at models.
        options.inFlightMax = (settings.hedgeAfterMs == nil ? 1 : 2) * settings.requestsMax + 32
        options.userAgent = "gpt4-strategy/\(Release.version)"
        return options
    }

    private func switchboard(
        _ connection: RedisConnection,
        _ clock: RedisClock,
        _ model: OpenAIModel,
        _ own: RedisStreams.Own
    ) -> RedisSwitchboard {
        RedisSwitchboard(
            connection: connection,
            clock: clock,
            keys: GlobalKeys(prefix: settings.streamPrefix),
            own: own.consumer,
            routes: model.routes,
            rules: .init(besides: settings.hedgeBudget),
            metrics: telemetry.metrics.model,
            streams: telemetry.metrics.streams,
            log: log
        )
    }

    private func authority(
        on loop: EventLoop,
        _ connections: Connections,
        _ clock: RedisClock,
        _ verifier: TokenVerifier?
    ) -> TokenAuthority? {
        verifier.map {
            TokenAuthority(
                verifier: $0,
                keeper: SealKeeper(
                    connection: connections.write,
                    on: loop,
                    keys: GlobalKeys(prefix: settings.streamPrefix)
                ),
                clock: clock
            )
        }
    }

    private func healthServer(on loop: EventLoop) -> HealthServer {
        HealthServer(
            of: loop,
            at: settings.health,
            health: { [status] in status.health(loopAnswered: $0) },
            metricsPage: { [telemetry] in telemetry.metricsPage(accept: $0) },
            log: log
        )
    }

    private struct Connections: Sendable {
        let write: RedisConnection
        /// One a partition: a read that blocks, blocks its connection.
        let read: [RedisConnection]
    }

    private func connections(
        on loop: EventLoop,
        _ consumerName: String
    ) throws(RedisError) -> Connections {
        let metrics = telemetry.metrics.streams
        let watch = ConnectionWatch(metrics.connected, metrics.reconnects, log)
        func connection(_ role: Metrics.Connection) throws(RedisError) -> RedisConnection {
            try watch.connection(
                role,
                of: "strategy-worker:\(consumerName)",
                to: settings.redis,
                on: loop
            )
        }
        var read: [RedisConnection] = []
        for _ in 0..<settings.partitions { read.append(try connection(.read)) }
        return Connections(write: try connection(.write), read: read)
    }

    /// Says which variable to set when every model is known to be gone. An API that cannot be reached
    /// is no reason not to start.
    private func check(_ lifeCycle: ModelLifeCycle) async throws(StartFailure) {
        switch await lifeCycle.look() {
        case .fine: return
        case .dead(let sentence): throw .setting(Variable.model, sentence)
        case .keyRefused:
            status.update { $0.modelTrouble = "the API refused the key: check OPENAI_API_KEY" }
        }
    }

    /// A host's name and a random part: two processes never share one, restarts included.
    private func consumerName() -> String {
        settings.consumerName
            ?? "\(Host.name)-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
    }
}
