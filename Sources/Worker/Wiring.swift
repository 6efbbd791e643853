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
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Puts the process together, starts it in order, and stops it in the reverse.
struct Wiring: Sendable {
    let settings: Settings
    let telemetry = Telemetry(version: Release.version)
    private let status = Status()
    private let lines = GatheredLines(to: .standardError)
    let log: Logger

    init(_ settings: Settings) {
        self.settings = settings
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
        /// How long the API may take to say whether the model is there, at start.
        static let modelStanding = Duration.seconds(5)
        /// Name, connection and TLS of a call.
        static let apiConnect = Duration.seconds(5)
        /// Silence of the API once it was asked. Without streaming, that is all its writing time:
        /// 4,000 tokens take two minutes. A request's own deadline is usually much sooner.
        static let apiStall = Duration.seconds(600)
    }

    func run() async throws(StartFailure) {
        let catalog = try catalog()
        guard let model = catalog[settings.model] else {
            throw .setting(
                Variable.model,
                "\(settings.model) is not in the price file, so what it costs is unknown; "
                    + "known are \(catalog.names.joined(separator: ", "))"
            )
        }
        guard let endpoint = APIEndpoint(baseURL: settings.apiBaseURL, key: settings.apiKey) else {
            throw .setting(
                Variable.apiBaseURL,
                "expected an http or https URL without user and query"
            )
        }
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
                try await serve(on: loop, catalog, model, endpoint, thresholds)
            }
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw .service("\(error)")
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
        _ model: ModelRow,
        _ endpoint: APIEndpoint,
        _ thresholds: Thresholds
    ) async throws {
        var options = HTTPClientOptions()
        options.caFile = settings.caFile
        options.inFlightMax = settings.requestsMax + 8
        options.userAgent = "gpt4-strategy/\(Release.version)"
        let http = try HTTPClient(on: loop, options: options)
        do {
            try await check(model: settings.model, at: endpoint, by: http)
            let own = RedisStreams.Own(
                consumer: consumerName(),
                boot: String(UInt64.random(in: 0...UInt64.max), radix: 36)
            )
            let connections = try connections(on: loop, own.consumer)
            let clock = RedisClock(systemMs: Self.systemMs())
            let port = try OpenAIModel(
                http: http,
                endpoint: endpoint,
                catalog: catalog,
                model: model,
                settings: .init(
                    modelName: settings.model,
                    temperature: settings.temperature,
                    connectLimit: Limits.apiConnect,
                    stallLimit: Limits.apiStall
                ),
                metrics: telemetry.metrics.model,
                log: log
            )
            let services = services(
                on: loop,
                connections,
                clock,
                port,
                try restrictions(on: loop, connections.write),
                thresholds,
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
        _ restrictions: RestrictedLists,
        _ thresholds: Thresholds,
        _ own: RedisStreams.Own
    ) -> [any Service] {
        let slots = Slots(
            on: loop,
            bounds: .init(
                runningMax: settings.requestsMax,
                parkedMax: settings.parkedMax,
                parkedPerUserMax: settings.parkedPerUserMax,
                weights: settings.priorityWeights
            ),
            metrics: telemetry.metrics.requests
        )
        let world = World(
            loop: loop,
            write: connections.write,
            clock: clock,
            model: model,
            restrictions: restrictions,
            thresholds: thresholds,
            slots: slots,
            own: own
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
        let pulse = Pulse(
            loop: loop,
            control: connections.write,
            clock: clock,
            restrictions: restrictions,
            status: status,
            metrics: telemetry.metrics,
            log: log
        )
        let heartbeat = Heartbeat(
            loop: loop,
            control: connections.write,
            lanes: lanes,
            consumer: consumer,
            watermark: settings.memoryWatermark,
            log: log
        )
        return [healthServer(on: loop), ConnectionService(connections.write)]
            + connections.read.map { ConnectionService($0) }
            + [pulse, heartbeat, consumer]
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

    /// Says which variable to set when the model is known to be gone. An API that cannot be reached
    /// is no reason not to start.
    private func check(
        model name: String,
        at endpoint: APIEndpoint,
        by http: HTTPClient
    ) async throws(StartFailure) {
        switch await OpenAIModel.standing(
            of: name,
            at: endpoint,
            by: http,
            within: Limits.modelStanding
        )
        {
        case .live: return
        case .gone:
            throw .setting(
                Variable.model,
                "\(name) is not served by \(endpoint.baseURL); set it to a model that is"
            )
        case .keyRefused:
            status.update { $0.modelTrouble = "the API refused the key: check OPENAI_API_KEY" }
            log.error("the model's API refused the key", metadata: ["variable": "OPENAI_API_KEY"])
        case .unknown(let reason):
            log.warning("the model could not be looked up", metadata: ["reason": "\(reason)"])
        }
    }

    /// A host's name and a random part: two processes never share one, restarts included.
    private func consumerName() -> String {
        settings.consumerName
            ?? "\(Host.name)-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
    }

    /// The machine's own clock, Unix milliseconds.
    static func systemMs() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
