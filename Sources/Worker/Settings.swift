import Configuration
import Contract
import Gateways
import Logging
import Policy
import Redis
import Telemetry

/// Everything an operator may set, read once at start. `Variable.all` is the same in words.
struct Settings: Sendable {
    let redis: RedisEndpoint
    let streamPrefix: String
    let partitions: Int
    let consumerName: String?
    let model: String
    let apiBaseURL: String
    let apiKey: Secret
    let caFile: String?
    let outputTokensMax: Int
    let temperature: Double
    let priceFile: String?
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
    let payloadBytesMax: Int
    let inFlightBytesMax: Int
    let healthHost: String
    let healthPort: Int
    let healthPortFile: String?
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let faults: Faults?

    /// - Parameter config: By names of environment variables in the form of `Variable.key`.
    init(_ config: ConfigReader) throws(SettingsError) {
        let values = Values(config)
        redis = try Self.redisEndpoint(values)
        streamPrefix = try values.text(.streamPrefix)
        guard !streamPrefix.isEmpty, !streamPrefix.contains("{"), !streamPrefix.contains("}") else {
            throw SettingsError(.streamPrefix, "expected a name without braces")
        }
        partitions = try values.integer(.partitions, in: 1...1_024)
        consumerName = values.optional(.consumerName)
        model = try values.text(.model)
        apiBaseURL = try values.text(.apiBaseURL)
        apiKey = Secret(values.optional(.apiKey) ?? "")
        caFile = values.optional(.caFile)
        outputTokensMax = try values.integer(.maxTokens, in: 1...1_000_000)
        temperature = try values.number(.temperature, in: 0...2)
        priceFile = values.optional(.priceFile)
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
        requestsMax = try values.integer(.maxConcurrentRequests, in: 1...20_000)
        payloadBytesMax = try values.integer(.maxPayloadBytes, in: 1_024...8_388_608)
        inFlightBytesMax = try values.integer(.maxInFlightBytes, in: 65_536...8_589_934_592)
        healthHost = try values.text(.healthHost)
        healthPort = try values.integer(.healthPort, in: 0...65_535)
        healthPortFile = values.optional(.healthPortFile)
        logLevel = try values.choice(.logLevel, Logger.Level.allCases) { $0.rawValue }
        logFormat = try values.choice(.logFormat, LogFormat.allCases) { $0.rawValue }
        faults = try values.faults()
    }

    private static func redisEndpoint(_ values: Values) throws(SettingsError) -> RedisEndpoint {
        guard let url = values.optional(.redisURL) else {
            return RedisEndpoint(
                host: try values.text(.redisHost),
                port: try values.integer(.redisPort, in: 1...65_535)
            )
        }
        do throws(RedisEndpointError) {
            return try RedisEndpoint(url: url)
        } catch {
            throw SettingsError(.redisURL, "\(error)")
        }
    }
}

/// A variable that cannot be used, and why. Never says what it holds, which may be a secret.
struct SettingsError: Error, CustomStringConvertible {
    let variable: Variable
    let reason: String

    init(_ variable: Variable, _ reason: String) {
        self.variable = variable
        self.reason = reason
    }

    var description: String { "\(variable.rawValue): \(reason)" }
}

/// The variables as they are set, or their defaults; what is set to nothing is not set.
private struct Values {
    private let config: ConfigReader

    init(_ config: ConfigReader) { self.config = config }

    func optional(_ variable: Variable) -> String? {
        let value = config.string(forKey: variable.key, isSecret: variable.isSecret)
        return value?.isEmpty == true ? nil : value
    }

    func text(_ variable: Variable) throws(SettingsError) -> String {
        guard let text = optional(variable) ?? variable.standard else {
            throw SettingsError(variable, "is required")
        }
        return text
    }

    func integer(
        _ variable: Variable,
        in range: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let value = Int(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    func number(
        _ variable: Variable,
        in range: ClosedRange<Double>
    ) throws(SettingsError) -> Double {
        guard let value = Double(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    func seconds(
        _ variable: Variable,
        in range: ClosedRange<Double>
    ) throws(SettingsError) -> Duration {
        guard let value = Double(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected seconds from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return .milliseconds(Int64((value * 1_000).rounded()))
    }

    func flag(_ variable: Variable) throws(SettingsError) -> Bool {
        switch try text(variable).lowercased() {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: throw SettingsError(variable, "expected true or false")
        }
    }

    /// A decimal number of dollars, exact to nine places, at most 9 million: scripts count in
    /// doubles, which are exact to 9·10¹⁵ nano-dollars.
    func dollars(_ variable: Variable) throws(SettingsError) -> NanoUSD {
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

    func faults() throws(SettingsError) -> Faults? {
        guard let text = optional(.faultAt) else { return nil }
        guard let faults = Faults(text) else { throw SettingsError(.faultAt, Faults.form) }
        return faults
    }

    func choice<Choice>(
        _ variable: Variable,
        _ choices: [Choice],
        _ name: (Choice) -> String
    ) throws(SettingsError) -> Choice {
        let text = try text(variable).lowercased()
        guard let choice = choices.first(where: { name($0) == text }) else {
            throw SettingsError(
                variable,
                "expected one of \(choices.map(name).joined(separator: ", "))"
            )
        }
        return choice
    }
}
