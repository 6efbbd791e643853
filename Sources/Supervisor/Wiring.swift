import Contract
import EventLoop
import Gateways
import Logging
import Program
import Redis
import Release
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Puts the process together, starts it in order, and stops it in the reverse.
struct Wiring: Sendable {
    private let settings: Settings
    private let registry: PrometheusRegistry
    private let metrics: SupervisorMetrics
    private let overview: Overview
    private let log: Logger

    private enum Limits {
        /// How long a lease lasts without renewal, which is tried every second.
        static let lease = Duration.seconds(5)
        /// A round under way may end; each of its steps is bounded.
        static let stop = Duration.seconds(15)
    }

    init(_ settings: Settings) {
        self.settings = settings
        registry = PrometheusRegistry()
        metrics = SupervisorMetrics(in: registry, version: Release.version)
        overview = Overview(partitions: settings.partitions, metrics)
        log = Logger(label: "supervisor") { label in
            JSONLogHandler(
                label: label,
                level: settings.logLevel,
                format: settings.logFormat,
                sink: .standardError
            )
        }
    }

    func run() async throws(StartFailure) {
        do {
            try await EventLoop.run(named: "supervisor") { loop in try await serve(on: loop) }
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw .service("\(error)")
        }
    }

    private func serve(on loop: EventLoop) async throws {
        let name = settings.supervisorName ?? Host.name
        // The same process after a restart is another holder.
        let holder = "\(name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let services = try services(on: loop, name, holder)
        log.info(
            "a supervisor starts",
            metadata: [
                "version": "\(Release.version)", "holder": "\(holder)",
                "redis": "\(settings.redis)", "partitions": "\(settings.partitions)",
            ]
        )
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: [.sigterm, .sigint],
            // The service group tells each step of its own; of interest is only what goes wrong.
            logger: log.from(.error)
        )
        configuration.maximumGracefulShutdownDuration = Limits.stop
        try await ServiceGroup(configuration: configuration).run()
        log.info("the supervisor has ended")
    }

    /// Each service may use those before it; they are stopped in the reverse order.
    private func services(
        on loop: EventLoop,
        _ name: String,
        _ holder: String
    ) throws(RedisError) -> [any Service] {
        let watch = ConnectionWatch(metrics.connected, metrics.reconnects, log)
        let owner = "strategy-supervisor:\(name)"
        let lease = try watch.connection(.lease, of: owner, to: settings.redis, on: loop)
        let work = try watch.connection(.work, of: owner, to: settings.redis, on: loop)
        // A read that waits holds up whatever is behind it.
        var orders: [RedisConnection] = []
        for _ in 0..<settings.partitions {
            orders.append(
                try watch.connection(.orders, of: owner, to: settings.redis, on: loop)
            )
        }
        let overview = overview
        let registry = registry
        let process = metrics.process
        return [
            HealthServer(
                of: loop,
                at: settings.health,
                health: { overview.health(loopAnswered: $0, now: .now) },
                metricsPage: { Page.metrics(in: registry, process, accept: $0) },
                log: log
            ),
            ConnectionService(lease), ConnectionService(work),
        ]
            + orders.map { ConnectionService($0) }
            + (0..<settings.partitions).map { partition in
                supervisor(
                    of: partition,
                    on: loop,
                    holder,
                    lease: lease,
                    work: work,
                    orders: orders[partition]
                )
            }
    }

    private func supervisor(
        of partition: Int,
        on loop: EventLoop,
        _ holder: String,
        lease: RedisConnection,
        work: RedisConnection,
        orders: RedisConnection
    ) -> PartitionSupervisor {
        let supervision = Supervision(
            connection: work,
            keys: Keys(prefix: settings.streamPrefix, partition: partition),
            terms: .init(
                attemptsMax: settings.attemptsMax,
                replyTTLMs: settings.replyTTL.wholeMilliseconds,
                rememberedMs: settings.dedupeTTL.wholeMilliseconds,
                batchTimeoutMs: settings.batchTimeout.wholeMilliseconds
            ),
            metrics: metrics
        )
        return PartitionSupervisor(
            on: loop,
            supervision,
            ReservationBook(over: supervision, prefix: settings.streamPrefix),
            leaseConnection: lease,
            workConnection: work,
            ordersConnection: orders,
            terms: .init(
                holder: holder,
                leaseTime: Limits.lease,
                heartbeatTTL: settings.heartbeatTTL,
                entries: .init(
                    payloadBytesMax: settings.payloadBytesMax,
                    batchBytesMax: settings.batchBytesMax,
                    batchMembersMax: settings.batchMembersMax,
                    requestTimeoutMs: settings.requestTimeout.wholeMilliseconds,
                    batchTimeoutMs: settings.batchTimeout.wholeMilliseconds,
                    partition: partition,
                    partitions: settings.partitions
                ),
                load: .init(
                    weights: settings.priorityWeights,
                    callsPerMinute: settings.requestsPerMinute,
                    waitingMax: settings.waitingMax,
                    memoryWatermark: settings.memoryWatermark,
                    longestWaitMs: settings.batchTimeout.wholeMilliseconds
                )
            ),
            overview: overview,
            metrics: metrics,
            faults: settings.faults,
            log: log
        )
    }
}
