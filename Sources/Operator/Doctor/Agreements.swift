import Contract
import Desk
import Gateways
import Redis

/// What all processes must agree on.
enum Agreements {
    static func check(in service: ServiceView) async throws(RedisError) -> Check {
        let key = service.globalKeys.config
        let config = try await service.hash(key)
        guard !config.isEmpty else {
            return .trouble(
                "agreement",
                "nobody has started here yet",
                why: "there are no streams that anybody reads",
                mend: "start a worker, or set REDIS_URL and STREAM_PREFIX to where one runs"
            )
        }
        let partitions = config.int("partitions") ?? 0
        guard partitions == Int64(service.surroundings.partitions) else {
            return .trouble(
                "agreement",
                "the streams have \(Figures.count(Int(partitions), "partition", "partitions")), "
                    + "PARTITIONS is \(service.surroundings.partitions) here",
                why: "users would be looked for, and their requests added, where nobody reads",
                mend: "export PARTITIONS=\(partitions)"
            )
        }
        let schema = config.int("schema") ?? 0
        guard schema == Int64(Presence.schema) else {
            return .trouble(
                "agreement",
                "the data is of key schema \(schema), this release knows \(Presence.schema)",
                why: "what is shown here may be wrong",
                mend: "use the strategyctl of the workers' release"
            )
        }
        return .well(
            "agreement",
            "\(Figures.count(Int(partitions), "partition", "partitions")), key schema \(schema)"
        )
    }
}
