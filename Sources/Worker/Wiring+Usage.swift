import Contract
import EventLoop
import Gateways
import Pipeline
import Postgres
import Redis

// Requests of type usage: connections of their own to where usage is read.
extension Wiring {
    func usageLedger(
        _ pool: PostgresPool,
        on loop: EventLoop,
        _ redis: RedisConnection,
        _ clock: RedisClock
    ) -> UsageLedger {
        let (prefix, partitions) = (settings.streamPrefix, settings.partitions)
        return UsageLedger(
            pool: pool,
            redis: redis,
            on: loop,
            clock: clock,
            keys: {
                Keys(prefix: prefix, partition: Partition.of(userID: $0, count: partitions))
            },
            global: GlobalKeys(prefix: prefix),
            terms: .init(
                defaultTier: settings.defaultTier,
                userCostShare: settings.userCostShare,
                limitsRequests: settings.requestsPerMinute != nil,
                limitsCost: settings.costPerHour != nil
            ),
            log: log
        )
    }

    func usagePool(on loop: EventLoop, _ consumerName: String) -> PostgresPool? {
        settings.usageDatabase.map { address in
            var options = PostgresOptions()
            options.applicationName = "strategy-worker:\(consumerName)"
            options.connectionsMax = settings.usageMax
            options.isReadOnly = true
            return PostgresPool(
                to: address,
                on: loop,
                options: options,
                random: { .random(in: 0..<$0) }
            )
        }
    }
}
