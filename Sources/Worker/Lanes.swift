import Contract
import EventLoop
import Gateways
import Options
import Pipeline
import Policy
import Program
import Redis
import Release
import Secrets
import ServiceLifecycle
import Telemetry

// The pipeline of each partition, put together.
extension Wiring {
    /// What all lanes share.
    struct World {
        /// Nil where nobody is asked for a token.
        let authority: TokenAuthority?
        let loop: EventLoop
        let write: RedisConnection
        let clock: RedisClock
        let model: OpenAIModel
        let switchboard: RedisSwitchboard
        let restrictions: RestrictedLists
        let thresholds: Thresholds
        let slots: Slots
        /// Nil where answers are not shared.
        let answers: RedisAnswers?
        let own: RedisStreams.Own
        /// Nil where usage is kept nowhere.
        let usage: UsageLedger?
    }

    func lane(_ partition: Int, _ read: RedisConnection, _ world: World) -> Consumer.Lane {
        let keys = Keys(prefix: settings.streamPrefix, partition: partition)
        return Consumer.Lane(
            partition: partition,
            connection: read,
            reader: StreamReader(
                connection: read,
                keys: keys,
                consumer: world.own.consumer,
                metrics: telemetry.metrics.streams,
                log: log
            ),
            presence: Presence(
                keys: keys,
                own: world.own,
                release: Release.version,
                ttlMs: settings.heartbeatTTL.wholeMilliseconds,
                slots: settings.requestsMax
            ),
            agreement: Agreement(
                partitions: settings.partitions,
                keys: GlobalKeys(prefix: settings.streamPrefix),
                needsAppendOnlyFile: settings.auditIsRequired
            ),
            pipeline: pipeline(partition, keys, world)
        )
    }

    private func generation(
        _ streams: RedisStreams,
        _ fleet: RedisFleet,
        _ watch: Observation,
        _ world: World
    ) -> Generation {
        Generation(
            model: world.model,
            streams: streams,
            fleet: fleet,
            switchboard: world.switchboard,
            pauses: LoopPauses(world.loop),
            clock: world.clock,
            watch: watch,
            rules: .init(
                outputTokensMax: settings.outputTokensMax,
                hedgeAfterMs: settings.hedgeAfterMs
            )
        )
    }

    private func sharing(_ watch: Observation, _ world: World) -> Sharing? {
        world.answers.map { Sharing(answers: $0, parking: world.slots, watch: watch) }
    }

    private func pipeline(_ partition: Int, _ keys: Keys, _ world: World) -> Pipeline {
        let streams = RedisStreams(
            connection: world.write,
            loop: world.loop,
            keys: keys,
            own: world.own,
            rules: bookRules,
            metrics: telemetry.metrics.streams,
            log: log
        )
        let fleet = RedisFleet(
            connection: world.write,
            keys: GlobalKeys(prefix: settings.streamPrefix),
            callsPerMinute: settings.requestsPerMinute,
            costPerHour: settings.costPerHour,
            weights: settings.priorityWeights,
            needsOpenBooks: settings.database != nil,
            metrics: telemetry.metrics.streams
        )
        let watch = Observation(
            metrics: telemetry.metrics.requests,
            model: telemetry.metrics.model,
            cache: telemetry.metrics.cache,
            log: log,
            faults: settings.faults
        )
        return Pipeline(
            intake: Intake(rules: intakeRules(partition), clock: world.clock),
            authorizing: Authorizing(authority: world.authority),
            screening: Screening(
                restrictions: world.restrictions,
                screener: settings.screensTexts ? Screener() : nil,
                rules: .init(refusesFlagged: settings.refusesFlagged)
            ),
            admission: Admission(
                streams: streams,
                fleet: fleet,
                parking: world.slots,
                clock: world.clock,
                watch: watch,
                partition: partition
            ),
            sharing: sharing(watch, world),
            enrichment: Enrichment(rules: .init(rate: settings.riskFreeRate), clock: world.clock),
            proposing: Proposing(rules: decisions(world.thresholds).rules),
            expansion: Expansion(streams: streams, clock: world.clock, watch: watch),
            reporting: Reporting(books: world.usage),
            generation: generation(streams, fleet, watch, world),
            validation: Validation(clock: world.clock),
            fallback: Fallback(clock: world.clock),
            settlement: Settlement(
                streams: streams,
                fleet: fleet,
                parking: world.slots,
                watch: watch,
                replyTTLMs: settings.replyTTL.wholeMilliseconds,
                worker: world.own.consumer,
                evidence: Evidence(
                    versions: Versions.json(
                        release: Release.version,
                        decisions(world.thresholds)
                    ),
                    bytesMax: settings.auditBytesMax
                ),
                executor: world.loop
            ),
            clock: world.clock,
            watch: watch
        )
    }

    /// What is set here that bears on what is decided.
    private func decisions(_ thresholds: Thresholds) -> DecisionSettings {
        DecisionSettings(
            rules: .init(
                status: settings.operatorStatus,
                date: settings.rulePackDate,
                thresholds: thresholds
            ),
            rate: settings.riskFreeRate,
            screensTexts: settings.screensTexts,
            refusesFlagged: settings.refusesFlagged
        )
    }

    private func intakeRules(_ partition: Int) -> Intake.Rules {
        Intake.Rules(
            payloadBytesMax: settings.payloadBytesMax,
            batchBytesMax: settings.batchBytesMax,
            batchMembersMax: settings.batchMembersMax,
            requestTimeoutMs: settings.requestTimeout.wholeMilliseconds,
            batchTimeoutMs: settings.batchTimeout.wholeMilliseconds,
            partition: partition,
            partitions: settings.partitions
        )
    }

    private var bookRules: BookRules {
        BookRules(
            limitsRequests: settings.requestsPerMinute != nil,
            limitsCost: settings.costPerHour != nil,
            defaultTier: settings.defaultTier,
            userCostMax: NanoUSD(
                Int64(Double(settings.costPerHour?.amount ?? 0) * settings.userCostShare)
            ),
            replyTTLMs: settings.replyTTL.wholeMilliseconds,
            dedupeTTLMs: settings.dedupeTTL.wholeMilliseconds,
            batchTimeoutMs: settings.batchTimeout.wholeMilliseconds
        )
    }
}

// MARK: - Answers that are shared, and what must not get into them

extension Wiring {
    func watch(
        _ answers: RedisAnswers?,
        _ slots: Slots,
        _ clock: RedisClock,
        on loop: EventLoop
    ) -> [any Service] {
        answers.map { [AnswerWatch(loop: loop, answers: $0, slots: slots, clock: clock)] } ?? []
    }

    var containment: Containment {
        var dice = SystemRandomNumberGenerator()
        var key = Array((settings.userHashKey ?? settings.apiKey).reveal().utf8)
        // An API that asks for no key: by a hash without one, whoever guesses a name could check it.
        if key.isEmpty { key = (0..<32).map { _ in .random(in: 0...255, using: &dice) } }
        return Containment(secret: key, dice: &dice)
    }

    func answers(_ connection: RedisConnection, _ own: RedisStreams.Own) -> RedisAnswers? {
        guard settings.cacheTTL > .zero else { return nil }
        return RedisAnswers(
            connection: connection,
            streamPrefix: settings.streamPrefix,
            own: own,
            rules: .init(freshMs: settings.cacheTTL.wholeMilliseconds),
            metrics: telemetry.metrics.streams,
            cache: telemetry.metrics.cache
        )
    }
}
