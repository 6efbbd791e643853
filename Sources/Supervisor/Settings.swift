import Authorization
import Configuration
import Contract
import Gateways
import Glibc
import Logging
import Policy
import Postgres
import Program
import Redis
import Secrets
import Telemetry

/// Everything an operator may set, read once at start. `Variable` is the same in words.
struct Settings: Sendable {
    let redis: RedisEndpoint
    /// Nil: the outbox is left to whoever has it.
    let database: PostgresAddress?
    let readDatabase: PostgresAddress?
    /// Where usage is read; nil where it is kept nowhere.
    var usageDatabase: PostgresAddress? { readDatabase ?? database }
    /// What the workers go by, for what users have left.
    let userTerms: UserHour.Terms
    let outboxBytesMax: Int
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
    /// Nil where nobody signs in with it.
    let consoleToken: ConsoleToken?
    let authorization: TokenSettings
    /// Whom to trust where `AUTH_JWKS` is a URL; nil for whom the system trusts.
    let caFile: String?
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let faults: Faults<RoundStep>?

    /// - Parameter config: By names of environment variables in the form of `Variable.key`.
    init(_ config: ConfigReader) throws(SettingsError) {
        let values = Values<Variable>(config)
        redis = try values.redisEndpoint(url: .redisURL, host: .redisHost, port: .redisPort)
        database = try values.database(.databaseURL)
        readDatabase = try values.database(.databaseReadURL)
        outboxBytesMax = try values.integer(.outboxMaxBytes, in: 65_536...1_099_511_627_776)
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
        userTerms = UserHour.Terms(
            defaultTier: try values.choice(.defaultTier, Tier.allCases) { $0.rawValue },
            userCostShare: try values.number(.userCostShare, in: 0.000_001...1),
            limitsRequests: requestsPerMinute != nil,
            limitsCost: try values.flag(.enableCostTracking)
        )
        batchBytesMax = try values.integer(.maxBatchBytes, in: 1_024...8_388_608)
        batchMembersMax = try values.integer(.maxBatch, in: 1...10_000)
        health = try Self.address(values)
        consoleToken = try Self.token(values)
        authorization = try Self.authorization(values)
        caFile = values.optional(.caFile)
        logLevel = try values.choice(.logLevel, Logger.Level.allCases) { $0.rawValue }
        logFormat = try values.choice(.logFormat, LogFormat.allCases) { $0.rawValue }
        faults = try values.faults(.faultAt, at: RoundStep.self) { _ = raise($0) }
    }
}

extension Settings {
    private enum Limits {
        /// Bytes: what nobody guesses, in letters and digits.
        static let tokenBytesLeast = 16
    }

    /// What operators see and do crosses no network in the clear unless somebody says that it may.
    private static func address(
        _ values: Values<Variable>
    ) throws(SettingsError) -> HealthServer.Address {
        let (certificate, key) = (
            values.optional(.consoleTLSCert), values.optional(.consoleTLSKey)
        )
        guard (certificate == nil) == (key == nil) else {
            throw SettingsError(
                certificate == nil ? Variable.consoleTLSCert : .consoleTLSKey,
                "is required where the other of CONSOLE_TLS_CERT and CONSOLE_TLS_KEY is set"
            )
        }
        var tls: HealthServer.Address.TLS?
        if let certificate, let key { tls = .init(certificate: certificate, key: key) }
        let address = try values.healthAddress(
            host: .healthHost,
            port: .healthPort,
            portFile: .healthPortFile,
            tls: tls
        )
        let mayBePlain = try values.flag(.consolePlaintext)
        guard address.isLoopback || tls != nil || mayBePlain else {
            throw SettingsError(
                Variable.healthHost,
                "others can reach it, and would see the console's token: set CONSOLE_TLS_CERT and "
                    + "CONSOLE_TLS_KEY, or CONSOLE_PLAINTEXT=true behind a proxy or a network policy"
            )
        }
        return address
    }

    private static func authorization(
        _ values: Values<Variable>
    ) throws(SettingsError) -> TokenSettings {
        TokenSettings(
            mode: try values.choice(.authMode, TokenVerifier.Mode.allCases) { $0.rawValue },
            secret: Secret(values.optional(.authSecret) ?? ""),
            keys: values.optional(.authKeys),
            audience: values.optional(.authAudience),
            issuer: values.optional(.authIssuer)
        )
    }

    private static func token(
        _ values: Values<Variable>
    ) throws(SettingsError) -> ConsoleToken? {
        guard let text = values.optional(.consoleToken) else { return nil }
        guard text.utf8.count >= Limits.tokenBytesLeast else {
            throw SettingsError(
                Variable.consoleToken,
                "expected at least \(Limits.tokenBytesLeast) characters, as from: openssl rand -hex 32"
            )
        }
        return ConsoleToken(text)
    }
}
