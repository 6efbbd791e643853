import Configuration
import Contract
import Gateways
import Glibc
import Logging
import Policy
import Program
import Redis
import Telemetry

/// Everything an operator may set, read once at start. `Variable` is the same in words.
struct Settings: Sendable {
    let redis: RedisEndpoint
    let streamPrefix: String
    let partitions: Int
    let supervisorName: String?
    let heartbeatTTL: Duration
    let attemptsMax: Int
    let requestTimeout: Duration
    let batchTimeout: Duration
    let replyTTL: Duration
    let dedupeTTL: Duration
    let payloadBytesMax: Int
    let waitingMax: Int
    let memoryWatermark: Double
    let priorityWeights: PriorityWeights
    /// Nil when requests are not limited.
    let requestsPerMinute: Int?
    let batchBytesMax: Int
    let batchMembersMax: Int
    let health: HealthServer.Address
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let faults: Faults<RoundStep>?

    /// - Parameter config: By names of environment variables in the form of `Variable.key`.
    init(_ config: ConfigReader) throws(SettingsError) {
        let values = Values<Variable>(config)
        redis = try values.redisEndpoint(url: .redisURL, host: .redisHost, port: .redisPort)
        streamPrefix = try values.streamPrefix(.streamPrefix)
        partitions = try values.integer(.partitions, in: 1...1_024)
        supervisorName = values.optional(.supervisorName)
        heartbeatTTL = try values.seconds(.heartbeatTTL, in: 2...300)
        attemptsMax = try values.integer(.maxAttempts, in: 1...100)
        requestTimeout = try values.seconds(.requestTimeout, in: 0.1...3_600)
        batchTimeout = try values.seconds(.batchTimeout, in: 0.1...86_400)
        replyTTL = try values.seconds(.replyTTL, in: 1...86_400)
        dedupeTTL = try values.seconds(.dedupeTTL, in: 1...2_592_000)
        payloadBytesMax = try values.integer(.maxPayloadBytes, in: 1_024...8_388_608)
        waitingMax = try values.integer(.maxWaiting, in: 1...1_000_000_000)
        memoryWatermark = try values.number(.memoryWatermark, in: 0.01...1)
        priorityWeights = try values.priorityWeights(.priorityWeights)
        requestsPerMinute =
            try values.flag(.enableRateLimiting)
            ? try values.integer(.requestsPerMinute, in: 0...1_000_000_000) : nil
        batchBytesMax = try values.integer(.maxBatchBytes, in: 1_024...8_388_608)
        batchMembersMax = try values.integer(.maxBatch, in: 1...10_000)
        health = try values.healthAddress(
            host: .healthHost,
            port: .healthPort,
            portFile: .healthPortFile
        )
        logLevel = try values.choice(.logLevel, Logger.Level.allCases) { $0.rawValue }
        logFormat = try values.choice(.logFormat, LogFormat.allCases) { $0.rawValue }
        faults = try values.faults(.faultAt, at: RoundStep.self) { _ = raise($0) }
    }
}
