import Contract
import EventLoop
import Gateways
import Options
import Pipeline
import Policy
import Program
import Redis
import Release
import Telemetry

// The pipeline of each partition, put together.
extension Wiring {
    /// What all lanes share.
    struct World {
        let loop: EventLoop
        let write: RedisConnection
        let clock: RedisClock
        let model: OpenAIModel
        let restrictions: RestrictedLists
        let thresholds: Thresholds
        let slots: Slots
        let own: RedisStreams.Own
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
                keys: GlobalKeys(prefix: settings.streamPrefix)
            ),
            pipeline: pipeline(partition, keys, world)
        )
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
            metrics: telemetry.metrics.streams
        )
        let watch = Observation(
            metrics: telemetry.metrics.requests,
            log: log,
            faults: settings.faults
        )
        return Pipeline(
            intake: Intake(rules: intakeRules(partition), clock: world.clock),
            screening: Screening(restrictions: world.restrictions),
            admission: Admission(
                streams: streams,
                fleet: fleet,
                parking: world.slots,
                clock: world.clock,
                watch: watch,
                partition: partition
            ),
            enrichment: Enrichment(rules: .init(rate: settings.riskFreeRate), clock: world.clock),
            proposing: Proposing(
                rules: .init(
                    status: settings.operatorStatus,
                    date: settings.rulePackDate,
                    thresholds: world.thresholds
                )
            ),
            expansion: Expansion(streams: streams, clock: world.clock, watch: watch),
            generation: Generation(
                model: world.model,
                clock: world.clock,
                rules: .init(outputTokensMax: settings.outputTokensMax)
            ),
            validation: Validation(clock: world.clock),
            fallback: Fallback(clock: world.clock),
            settlement: Settlement(
                streams: streams,
                fleet: fleet,
                parking: world.slots,
                watch: watch,
                replyTTLMs: settings.replyTTL.wholeMilliseconds,
                worker: world.own.consumer,
                executor: world.loop
            ),
            clock: world.clock,
            watch: watch
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
