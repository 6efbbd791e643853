import Authorization
import Configuration
import Contract
import Desk
import EventLoop
import Gateways
import HTTPClient
import Logging
import Postgres
import Program
import Redis
import Release
import Secrets
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Puts the process together, starts it in order, and stops it in the reverse.
struct Wiring: Sendable {
    private let settings: Settings
    private let secrets: SecretFiles<Variable>
    private let registry: PrometheusRegistry
    private let metrics: SupervisorMetrics
    private let overview: Overview
    private let log: Logger

    private enum Limits {
        /// How long a lease lasts without renewal, which is tried every second.
        static let lease = Duration.seconds(5)
        /// A round under way may end; each of its steps is bounded.
        static let stop = Duration.seconds(15)
        /// For who asks for usage: people, a few at a time.
        static let usageConnections = 2
    }

    init(_ settings: Settings, _ secrets: SecretFiles<Variable>) {
        self.settings = settings
        self.secrets = secrets
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
        if settings.database == nil {
            log.warning("DATABASE_URL is not set: the ledger's outbox is not carried anywhere")
        }
        let http = try http(on: loop)
        do {
            let verifier = try await verifier(by: http)
            let services = try services(on: loop, name, holder, verifier)
            log.info(
                "a supervisor starts",
                metadata: [
                    "version": "\(Release.version)", "holder": "\(holder)",
                    "redis": "\(settings.redis)", "partitions": "\(settings.partitions)",
                ]
            )
            try await run([watch(on: loop, verifier)] + services)
        } catch {
            await http?.shutdown()
            throw error
        }
        await http?.shutdown()
        log.info("the supervisor has ended")
    }

    private func run(_ services: [any Service]) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: [.sigterm, .sigint],
            // The service group tells each step of its own; of interest is only what goes wrong.
            logger: log.from(.error)
        )
        configuration.maximumGracefulShutdownDuration = Limits.stop
        try await ServiceGroup(configuration: configuration).run()
    }

    /// By which the keys of tokens are fetched; nil where there are none.
    private func http(on loop: EventLoop) throws(HTTPError) -> HTTPClient? {
        guard settings.authorization.mode == .jwks else { return nil }
        var options = HTTPClientOptions()
        options.caFile = settings.caFile
        options.userAgent = "gpt4-strategy/\(Release.version)"
        return try HTTPClient(on: loop, options: options)
    }

    private func verifier(by http: HTTPClient?) async throws(StartFailure) -> TokenVerifier? {
        let variable: Variable = settings.authorization.mode == .jwks ? .authKeys : .authSecret
        do throws(UnusableKeys) {
            return try await settings.authorization.verifier(
                by: http,
                nowMs: Host.nowMs(),
                watch: KeysWatch(metrics.authorization.keysUnread, log: log)
            )
        } catch {
            throw .setting(variable, error.description)
        }
    }

    /// Secrets that are renewed while the process runs.
    private func watch(
        on loop: EventLoop,
        _ verifier: TokenVerifier?
    ) -> SecretWatch<Variable> {
        SecretWatch(secrets, on: loop, log: log) { act in
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await act() }
        } renew: { config throws(SettingsError) in
            try await renew(config, verifier)
        }
    }

    /// Takes over passwords and tokens; whatever else differs waits for a restart.
    private func renew(
        _ config: ConfigReader,
        _ verifier: TokenVerifier?
    ) async throws(SettingsError) {
        let fresh = try Settings(config)
        let renewal = Renewal<Variable>(log: log)
        renewal.redis(settings.redis, as: fresh.redis, .redisURL)
        renewal.database(settings.database, as: fresh.database, .databaseURL)
        renewal.database(settings.readDatabase, as: fresh.readDatabase, .databaseReadURL)
        if let known = settings.consoleToken, let fresh = fresh.consoleToken {
            known.renew(as: fresh)
        }
        try await renewal.tokens(
            settings.authorization,
            as: fresh.authorization,
            in: verifier,
            .authSecret
        )
    }

    /// Each service may use those before it; they are stopped in the reverse order.
    private func services(
        on loop: EventLoop,
        _ name: String,
        _ holder: String,
        _ verifier: TokenVerifier?
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
        let watched = try watch.connection(.watch, of: owner, to: settings.redis, on: loop)
        let asked = try watch.connection(.desk, of: owner, to: settings.redis, on: loop)
        let fleet = FleetWatch(streams(watched), holder: holder, overview, metrics.fleet, log: log)
        let pool = settings.database.map { ledgerPool(to: $0, on: loop, owner) }
        let usage = settings.usageDatabase.map { usagePool(at: $0, on: loop, owner) }
        let console = console(fleet, over: asked, usage, verifier)
        let tokens = verifier.map {
            TokenCheck(
                $0,
                over: work,
                on: loop,
                prefix: settings.streamPrefix,
                nowMs: Host.nowMs()
            )
        }
        let supervisors = (0..<settings.partitions).map { partition in
            supervisor(
                of: partition,
                on: loop,
                holder,
                lease: lease,
                work: work,
                orders: orders[partition],
                tokens
            )
        }
        var carriers: [any Service] = []
        if let pool { carriers = try ledger(of: supervisors, on: loop, watch, owner, pool) }
        let overview = overview
        return [
            HealthServer(
                of: loop,
                at: settings.health,
                health: { overview.health(loopAnswered: $0, now: .now) },
                others: { await console.reply(to: $0) },
                log: log
            ),
            ConnectionService(lease), ConnectionService(work), ConnectionService(watched),
            ConnectionService(asked), fleet,
        ]
            + orders.map { ConnectionService($0) }
            + (usage.map { [PoolService($0)] } ?? []) + carriers + supervisors
    }

    private func ledgerPool(
        to database: PostgresAddress,
        on loop: EventLoop,
        _ owner: String
    ) -> PostgresPool {
        var options = PostgresOptions()
        options.applicationName = owner
        // One a partition, one for what all have, and one for the audit trail.
        options.connectionsMax = min(settings.partitions + 1, 8) + 1
        return PostgresPool(
            to: database,
            on: loop,
            options: options,
            random: { .random(in: 0..<$0) }
        )
    }

    private func usagePool(
        at database: PostgresAddress,
        on loop: EventLoop,
        _ owner: String
    ) -> PostgresPool {
        var options = PostgresOptions()
        options.applicationName = owner
        options.connectionsMax = Limits.usageConnections
        options.isReadOnly = true
        return PostgresPool(
            to: database,
            on: loop,
            options: options,
            random: { .random(in: 0..<$0) }
        )
    }

    /// What carries the outboxes over to PostgreSQL.
    private func ledger(
        of supervisors: [PartitionSupervisor],
        on loop: EventLoop,
        _ watch: ConnectionWatch<SupervisorMetrics.Connection>,
        _ owner: String,
        _ pool: PostgresPool
    ) throws(RedisError) -> [any Service] {
        let connection = try watch.connection(.outbox, of: owner, to: settings.redis, on: loop)
        metrics.ledger.bytesMax.set(to: settings.outboxBytesMax)
        let carriers = supervisors.enumerated().map { partition, supervisor in
            LedgerCarrier(
                on: loop,
                for: supervisor,
                from: Outbox(
                    connection: connection,
                    keys: Keys(prefix: settings.streamPrefix, partition: partition),
                    global: GlobalKeys(prefix: settings.streamPrefix)
                ),
                to: LedgerStore(pool: pool, partition: partition),
                partitions: settings.partitions,
                outboxBytesMax: settings.outboxBytesMax,
                overview: overview,
                metrics: metrics,
                faults: settings.faults,
                log: log
            )
        }
        let audit = AuditWatch(
            on: loop,
            of: supervisors,
            in: AuditTrail(pool: pool),
            metrics: metrics.audit,
            log: log
        )
        return [PoolService(pool), ConnectionService(connection)] + carriers + [audit]
    }

    private func streams(_ connection: RedisConnection) -> StreamsView {
        StreamsView(connection, prefix: settings.streamPrefix, partitions: settings.partitions)
    }

    private func console(
        _ fleet: FleetWatch,
        over connection: RedisConnection,
        _ pool: PostgresPool?,
        _ verifier: TokenVerifier?
    ) -> Console {
        let registry = registry
        let process = metrics.process
        return Console(
            Door(settings.consoleToken, verifier, nowMs: { Host.nowMs() }),
            isSecure: settings.health.tls != nil,
            fleet,
            DeskActions(streams(connection), log: log),
            metricsPage: { Page.metrics(in: registry, process, accept: $0) },
            usage: pool.map { pool in
                let page = UsagePage(pool: pool)
                let left = hours(over: connection)
                return { user, query in
                    Reply(
                        await page.answer(
                            user: user,
                            query: query,
                            nowMs: Host.nowMs(),
                            left: await left(user)
                        )
                    )
                }
            },
            log: log
        )
    }

    /// What users have left of their hours; nil where Redis cannot be asked.
    private func hours(
        over connection: RedisConnection
    ) -> @Sendable (_ user: String) async -> LimitsPayload? {
        let (prefix, partitions) = (settings.streamPrefix, settings.partitions)
        let terms = settings.userTerms
        return { user in
            try? await UserHour.read(
                user,
                keys: Keys(
                    prefix: prefix,
                    partition: Partition.of(userID: user, count: partitions)
                ),
                global: GlobalKeys(prefix: prefix),
                terms: terms,
                over: connection
            ).left
        }
    }

    private func supervisor(
        of partition: Int,
        on loop: EventLoop,
        _ holder: String,
        lease: RedisConnection,
        work: RedisConnection,
        orders: RedisConnection,
        _ tokens: TokenCheck?
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
            tokens: tokens,
            overview: overview,
            metrics: metrics,
            faults: settings.faults,
            log: log
        )
    }
}
