import Configuration

/// The environment variables that a worker reads. Durations are seconds.
enum Variable: String, CaseIterable {
    case apiKey = "OPENAI_API_KEY"
    case model = "OPENAI_MODEL"
    case apiBaseURL = "OPENAI_BASE_URL"
    case caFile = "OPENAI_CA_FILE"
    case maxTokens = "MAX_TOKENS"
    case temperature = "TEMPERATURE"
    case priceFile = "PRICE_FILE"
    case redisURL = "REDIS_URL"
    case redisHost = "REDIS_HOST"
    case redisPort = "REDIS_PORT"
    case streamPrefix = "STREAM_PREFIX"
    case partitions = "PARTITIONS"
    case consumerName = "CONSUMER_NAME"
    case enableRateLimiting = "ENABLE_RATE_LIMITING"
    case enableCostTracking = "ENABLE_COST_TRACKING"
    case requestsPerMinute = "REQUESTS_PER_MINUTE"
    case costPerHourLimit = "COST_PER_HOUR_LIMIT"
    case userCostShare = "USER_COST_SHARE"
    case defaultTier = "DEFAULT_TIER"
    case requestTimeout = "REQUEST_TIMEOUT"
    case batchTimeout = "BATCH_TIMEOUT"
    case drainTimeout = "DRAIN_TIMEOUT"
    case replyTTL = "REPLY_TTL"
    case dedupeTTL = "DEDUPE_TTL"
    case heartbeatTTL = "HEARTBEAT_TTL"
    case maxConcurrentRequests = "MAX_CONCURRENT_REQUESTS"
    case maxParked = "MAX_PARKED"
    case maxParkedPerUser = "MAX_PARKED_PER_USER"
    case maxPayloadBytes = "MAX_PAYLOAD_BYTES"
    case maxInFlightBytes = "MAX_IN_FLIGHT_BYTES"
    case healthHost = "HEALTH_HOST"
    case healthPort = "HEALTH_PORT"
    case healthPortFile = "HEALTH_PORT_FILE"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"
    case faultAt = "FAULT_AT"

    /// What holds when it is not set; nil where nothing does, or where that is computed.
    var standard: String? {
        switch self {
        case .model: "gpt-4-turbo-preview"
        case .apiBaseURL: "https://api.openai.com/v1"
        case .maxTokens: "4000"
        case .temperature: "0.3"
        case .redisHost: "localhost"
        case .redisPort: "6379"
        case .streamPrefix: "strategy"
        case .partitions: "1"
        case .requestTimeout: "30"
        case .batchTimeout: "3600"
        case .replyTTL: "600"
        case .dedupeTTL: "86400"
        case .heartbeatTTL: "5"
        case .enableRateLimiting, .enableCostTracking: "true"
        case .requestsPerMinute: "50"
        case .costPerHourLimit: "100.0"
        case .userCostShare: "1"
        case .defaultTier: "free"
        case .maxParked: "1000"
        case .maxParkedPerUser: "16"
        case .maxConcurrentRequests: "100"
        case .maxPayloadBytes: "262144"
        case .maxInFlightBytes: "67108864"
        case .healthHost: "127.0.0.1"
        case .healthPort: "8007"
        case .logLevel: "info"
        case .logFormat: "json"
        case .apiKey, .caFile, .priceFile, .redisURL, .consumerName, .drainTimeout,
            .healthPortFile, .faultAt:
            nil
        }
    }

    /// One line for `--help` and the README.
    var meaning: String {
        switch self {
        case .apiKey: "key for the model's API"
        case .model: "model to ask; must be in the price file"
        case .apiBaseURL: "where the API is; an origin alone means its path /v1"
        case .caFile: "PEM file of the authorities to trust, in place of the system's"
        case .maxTokens: "tokens that an answer may have at the most"
        case .temperature: "sampling temperature, 0 to 2, where the model takes one"
        case .priceFile: "models and prices, in place of the built-in file"
        case .redisURL: "redis://, rediss:// or unix:// address; wins over the next two"
        case .redisHost: "host of Redis"
        case .redisPort: "port of Redis"
        case .streamPrefix: "what every key begins with; no braces"
        case .partitions: "partitions of the streams; the same for all processes"
        case .consumerName: "name in the consumer group; by default the host's and a random one"
        case .requestTimeout: "seconds until an answer is due, when the request does not say"
        case .batchTimeout: "the same for requests on the stream low"
        case .drainTimeout: "seconds to finish in after SIGTERM; by default REQUEST_TIMEOUT + 5"
        case .replyTTL: "seconds for which an answer can be read"
        case .dedupeTTL: "seconds for which an ended request is remembered"
        case .heartbeatTTL: "seconds after which a silent worker is taken for dead"
        case .enableRateLimiting: "whether requests an hour and calls a minute are limited"
        case .enableCostTracking: "whether cost an hour is limited"
        case .requestsPerMinute: "calls to the model that all workers make a minute"
        case .costPerHourLimit: "USD that all workers spend in an hour"
        case .userCostShare: "share of that which one user may have, above 0, at most 1"
        case .defaultTier: "tier of users without a profile: free, basic, premium, enterprise"
        case .maxParked: "requests of one priority that wait without a slot"
        case .maxParkedPerUser: "the same of one user"
        case .maxConcurrentRequests: "requests in flight in this process"
        case .maxPayloadBytes: "bytes of one payload"
        case .maxInFlightBytes: "bytes of payloads held; above it nothing more is read"
        case .healthHost: "address of /health and /metrics"
        case .healthPort: "port of the same; 0 takes a free one"
        case .healthPortFile: "file to write that port to"
        case .logLevel: "trace, debug, info, notice, warning, error or critical"
        case .logFormat: "json or text"
        case .faultAt: "for tests of faults: STEP=kill or STEP=freeze, @N for the Nth time"
        }
    }

    var isSecret: Bool { self == .apiKey || self == .redisURL }

    /// `REDIS_URL` is read by the key `redis.url`.
    var key: ConfigKey {
        ConfigKey(rawValue.lowercased().split(separator: "_").map(String.init))
    }

    /// The table of `--help`.
    static var table: String {
        let width = allCases.map(\.rawValue.count).max() ?? 0
        let lines = allCases.map { variable in
            let name = variable.rawValue
            let padding = String(repeating: " ", count: width - name.count)
            let standard = variable.standard.map { " [\($0)]" } ?? ""
            return "  \(name)\(padding)  \(variable.meaning)\(standard)"
        }
        return "ENVIRONMENT VARIABLES\n" + lines.joined(separator: "\n")
    }
}

extension Variable {
    /// What is in force and where from, one line a variable. Of a secret, whether it is set.
    static func inForce(_ config: ConfigReader) -> String {
        allCases.map { variable in
            let text = config.string(forKey: variable.key, isSecret: variable.isSecret)
            // What is set to nothing is not set.
            let set = text?.isEmpty == true ? nil : text
            let value =
                switch (set, variable.isSecret) {
                case (.some, true): "[secret]"
                case (.some(let text), false): text
                case (.none, _): variable.standard ?? ""
                }
            let origin = set == nil ? "default" : "environment"
            return "\(variable.rawValue)=\(value)  # \(origin)"
        }.joined(separator: "\n")
    }
}
