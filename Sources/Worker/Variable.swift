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
    case requestTimeout = "REQUEST_TIMEOUT"
    case batchTimeout = "BATCH_TIMEOUT"
    case drainTimeout = "DRAIN_TIMEOUT"
    case replyTTL = "REPLY_TTL"
    case maxConcurrentRequests = "MAX_CONCURRENT_REQUESTS"
    case maxPayloadBytes = "MAX_PAYLOAD_BYTES"
    case maxInFlightBytes = "MAX_IN_FLIGHT_BYTES"
    case healthHost = "HEALTH_HOST"
    case healthPort = "HEALTH_PORT"
    case healthPortFile = "HEALTH_PORT_FILE"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"

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
        case .maxConcurrentRequests: "100"
        case .maxPayloadBytes: "262144"
        case .maxInFlightBytes: "67108864"
        case .healthHost: "127.0.0.1"
        case .healthPort: "8007"
        case .logLevel: "info"
        case .logFormat: "json"
        case .apiKey, .caFile, .priceFile, .redisURL, .consumerName, .drainTimeout,
            .healthPortFile:
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
        case .maxConcurrentRequests: "requests in flight in this process"
        case .maxPayloadBytes: "bytes of one payload"
        case .maxInFlightBytes: "bytes of payloads held; above it nothing more is read"
        case .healthHost: "address of /health and /metrics"
        case .healthPort: "port of the same; 0 takes a free one"
        case .healthPortFile: "file to write that port to"
        case .logLevel: "trace, debug, info, notice, warning, error or critical"
        case .logFormat: "json or text"
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
