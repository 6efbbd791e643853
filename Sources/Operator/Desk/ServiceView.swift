import ArgumentParser
import Contract
import Desk
import Gateways
import Redis

/// The service as an operator sees it, and where it is.
struct ServiceView: Sendable {
    let streams: StreamsView
    let surroundings: Surroundings

    init(_ redis: RedisConnection, _ surroundings: Surroundings) {
        streams = StreamsView(
            redis,
            prefix: surroundings.streamPrefix,
            partitions: surroundings.partitions
        )
        self.surroundings = surroundings
    }

    var redis: RedisConnection { streams.redis }
    var globalKeys: GlobalKeys { streams.globalKeys }

    func keys(in partition: Int) -> Keys { streams.keys(in: partition) }

    /// Redis' clock, Unix milliseconds.
    func nowMs() async throws(RedisError) -> Int64 { try await streams.nowMs() }

    /// A hash; empty when there is none.
    func hash(_ key: String) async throws(RedisError) -> Fields { try await streams.hash(key) }

    /// A stream's first entries; none when there is no such stream.
    func stream(_ key: String, countMax: Int) async throws(RedisError) -> [RedisValue] {
        try await streams.stream(key, countMax: countMax)
    }
}

/// Runs `body` with a view of the service; Redis' refusals and absence are told, and are a status.
func withService<Value: Sendable>(
    _ body: @escaping @Sendable (ServiceView) async throws -> Value
) async throws -> Value {
    let surroundings = try Surroundings()
    return try await withRedis(surroundings) { redis, _ in
        do {
            return try await body(ServiceView(redis, surroundings))
        } catch let error as RedisError {
            complain("\(error)")
            throw ExitCode.unavailable
        }
    }
}

/// Where a request is looked for.
struct Whereabouts: ParsableArguments {
    @Option(help: "Its user: tells the partition.")
    var user: String?

    @Option(help: "Its partition; by default all are looked through.")
    var partition: Int?

    func partitions(of surroundings: Surroundings) throws -> [Int] {
        if let partition {
            guard (0..<surroundings.partitions).contains(partition) else {
                complain(
                    "--partition takes a number from 0 to \(surroundings.partitions - 1): "
                        + "PARTITIONS is \(surroundings.partitions)"
                )
                throw ExitCode.usage
            }
            return [partition]
        }
        if let user {
            return [Partition.of(userID: user, count: surroundings.partitions)]
        }
        return Array(0..<surroundings.partitions)
    }
}

/// A request's id as it was given, or a status.
func requestID(_ text: String) throws -> RequestID {
    guard let id = RequestID(text) else {
        complain("a request id is 1–128 of A–Z a–z 0–9 _ - . :")
        throw ExitCode.usage
    }
    return id
}
