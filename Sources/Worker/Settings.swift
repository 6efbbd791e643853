import Authorization
import Configuration
import Contract
import Gateways
import Glibc
import Logging
import Options
import Pipeline
import Policy
import Postgres
import Program
import Redis
import Secrets
import Telemetry

/// Everything an operator may set, read once at start. `Variable` is the same in words.
struct Settings: Sendable {
    let redis: RedisEndpoint
    let streamPrefix: String
    let partitions: Int
    let consumerName: String?
    let model: String
    let fallbackModels: [String]
    let apiBaseURL: String
    /// JSON; nil when there is none.
    let endpoints: Secret?
    /// Nil when no call is made beside another.
    let hedgeAfterMs: Int64?
    let hedgeBudget: Double
    let apiKey: Secret
    let caFile: String?
    let outputTokensMax: Int
    let temperature: Double
    /// Zero: answers are not shared.
    let cacheTTL: Duration
    /// Nil: it is made of the API's key.
    let userHashKey: Secret?
    let priceFile: String?
    let authorization: TokenSettings
    let screensTexts: Bool
    let refusesFlagged: Bool
    /// Nil when requests are not limited.
    let requestsPerMinute: Int?
    /// Nil when cost is not limited.
    let costPerHour: NanoUSD?
    let userCostShare: Double
    let defaultTier: Tier
    let requestTimeout: Duration
    let batchTimeout: Duration
    let drainTimeout: Duration
    let replyTTL: Duration
    let dedupeTTL: Duration
    let heartbeatTTL: Duration
    let requestsMax: Int
    let parkedMax: Int
    let parkedPerUserMax: Int
    let priorityWeights: PriorityWeights
    /// Of the memory that Redis may use, above which nothing new is read.
    let memoryWatermark: Double
    /// Nil: there is no ledger.
    let database: PostgresAddress?
    let readDatabase: PostgresAddress?
    /// Where usage is read; nil where it is kept nowhere.
    var usageDatabase: PostgresAddress? { readDatabase ?? database }
    let usageMax: Int
    let auditIsRequired: Bool
    let auditBytesMax: Int
    let payloadBytesMax: Int
    let batchBytesMax: Int
    let batchMembersMax: Int
    let inFlightBytesMax: Int
    let operatorStatus: Rule.Operator
    /// Nil stands for today.
    let rulePackDate: CivilDate?
    let thresholdsFile: String?
    let restrictedFile: String?
    let riskFreeRate: Double
    let health: HealthServer.Address
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let faults: Faults<Step>?

    /// - Parameter config: By names of environment variables in the form of `Variable.key`.
    init(_ config: ConfigReader) throws(SettingsError) {
        let values = Values<Variable>(config)
        redis = try values.redisEndpoint(url: .redisURL, host: .redisHost, port: .redisPort)
        streamPrefix = try values.streamPrefix(.streamPrefix)
        partitions = try values.integer(.partitions, in: 1...1_024)
        consumerName = values.optional(.consumerName)
        model = try values.text(.model)
        fallbackModels = try values.names(.fallbackModels)
        apiBaseURL = try values.text(.apiBaseURL)
        endpoints = values.optional(.endpoints).map { Secret($0) }
        hedgeAfterMs =
            values.optional(.hedgeAfter) == nil
            ? nil : Int64(try values.integer(.hedgeAfter, in: 50...60_000))
        hedgeBudget = try values.number(.hedgeBudget, in: 0...1)
        apiKey = Secret(values.optional(.apiKey) ?? "")
        caFile = values.optional(.caFile)
        outputTokensMax = try values.integer(.maxTokens, in: 1...1_000_000)
        temperature = try values.number(.temperature, in: 0...2)
        cacheTTL = try values.seconds(.cacheTTL, in: 0...86_400)
        userHashKey = values.optional(.userHashKey).map { Secret($0) }
        priceFile = values.optional(.priceFile)
        authorization = try values.authorization()
        screensTexts = try values.flag(.enableSecurityValidation)
        refusesFlagged = try values.flag(.securityStrict)
        requestsPerMinute =
            try values.flag(.enableRateLimiting)
            ? try values.integer(.requestsPerMinute, in: 0...1_000_000_000) : nil
        costPerHour =
            try values.flag(.enableCostTracking) ? try values.dollars(.costPerHourLimit) : nil
        userCostShare = try values.number(.userCostShare, in: 0.000_001...1)
        defaultTier = try values.choice(.defaultTier, Tier.allCases) { $0.rawValue }
        requestTimeout = try values.seconds(.requestTimeout, in: 0.1...3_600)
        batchTimeout = try values.seconds(.batchTimeout, in: 0.1...86_400)
        drainTimeout =
            values.optional(.drainTimeout) == nil
            ? requestTimeout + .seconds(5) : try values.seconds(.drainTimeout, in: 0...86_400)
        replyTTL = try values.seconds(.replyTTL, in: 1...86_400)
        dedupeTTL = try values.seconds(.dedupeTTL, in: 1...2_592_000)
        heartbeatTTL = try values.seconds(.heartbeatTTL, in: 2...300)
        parkedMax = try values.integer(.maxParked, in: 1...1_000_000)
        parkedPerUserMax = try values.integer(.maxParkedPerUser, in: 1...1_000_000)
        priorityWeights = try values.priorityWeights(.priorityWeights)
        memoryWatermark = try values.number(.memoryWatermark, in: 0.01...1)
        requestsMax = try values.integer(.maxConcurrentRequests, in: 1...20_000)
        database = try values.database(.databaseURL)
        readDatabase = try values.database(.databaseReadURL)
        usageMax = try values.integer(.maxUsage, in: 1...64)
        auditIsRequired =
            try values.choice(.auditMode, ["required", "best_effort"]) { $0 } == "required"
        auditBytesMax = try values.integer(.auditMaxBytes, in: 4_096...524_288)
        payloadBytesMax = try values.integer(.maxPayloadBytes, in: 1_024...8_388_608)
        batchBytesMax = try values.integer(.maxBatchBytes, in: 1_024...8_388_608)
        batchMembersMax = try values.integer(.maxBatch, in: 1...10_000)
        inFlightBytesMax = try values.integer(.maxInFlightBytes, in: 65_536...8_589_934_592)
        operatorStatus = try values.choice(.operatorStatus, Rule.Operator.allCases) { $0.rawValue }
        rulePackDate = try values.date(.rulePackDate)
        thresholdsFile = values.optional(.thresholdsFile)
        restrictedFile = values.optional(.restrictedFile)
        riskFreeRate = try values.number(.riskFreeRate, in: -1...1)
        health = try values.healthAddress(
            host: .healthHost,
            port: .healthPort,
            portFile: .healthPortFile
        )
        logLevel = try values.choice(.logLevel, Logger.Level.allCases) { $0.rawValue }
        logFormat = try values.choice(.logFormat, LogFormat.allCases) { $0.rawValue }
        faults = try values.faults(.faultAt, at: Step.self) { _ = raise($0) }
    }
}

// MARK: - Values of the worker alone

extension Values<Variable> {
    fileprivate func authorization() throws(SettingsError) -> TokenSettings {
        TokenSettings(
            mode: try choice(.authMode, TokenVerifier.Mode.allCases) { $0.rawValue },
            secret: Secret(optional(.authSecret) ?? ""),
            keys: optional(.authKeys),
            audience: optional(.authAudience),
            issuer: optional(.authIssuer)
        )
    }

    /// Names with commas between them, or `none`.
    fileprivate func names(_ variable: Variable) throws(SettingsError) -> [String] {
        let text = try text(variable)
        guard text != "none" else { return [] }
        return text.split(separator: ",").map { name in String(name.filter { $0 != " " }) }
    }

    /// A decimal number of dollars, exact to nine places, at most 9 million: scripts count in
    /// doubles, which are exact to 9·10¹⁵ nano-dollars.
    fileprivate func dollars(_ variable: Variable) throws(SettingsError) -> NanoUSD {
        guard let amount = NanoUSD(dollars: try text(variable)),
            (0...9_000_000_000_000_000).contains(amount.amount)
        else {
            throw SettingsError(
                variable,
                "expected dollars from 0 to 9000000, with at most nine decimals"
            )
        }
        return amount
    }

    fileprivate func date(_ variable: Variable) throws(SettingsError) -> CivilDate? {
        guard let text = optional(variable) else { return nil }
        guard let date = CivilDate(text) else {
            throw SettingsError(variable, "expected a day, as 2026-12-18")
        }
        return date
    }
}
