import Program

/// The environment variables that a supervisor reads. Durations are seconds.
enum Variable: String, ProgramVariable {
    case redisURL = "REDIS_URL"
    case redisHost = "REDIS_HOST"
    case redisPort = "REDIS_PORT"
    case streamPrefix = "STREAM_PREFIX"
    case partitions = "PARTITIONS"
    case supervisorName = "SUPERVISOR_NAME"
    case heartbeatTTL = "HEARTBEAT_TTL"
    case maxAttempts = "MAX_ATTEMPTS"
    case requestTimeout = "REQUEST_TIMEOUT"
    case batchTimeout = "BATCH_TIMEOUT"
    case replyTTL = "REPLY_TTL"
    case dedupeTTL = "DEDUPE_TTL"
    case maxPayloadBytes = "MAX_PAYLOAD_BYTES"
    case maxBatchBytes = "MAX_BATCH_BYTES"
    case maxBatch = "MAX_BATCH"
    case maxWaiting = "MAX_WAITING"
    case memoryWatermark = "MEMORY_WATERMARK"
    case priorityWeights = "PRIORITY_WEIGHTS"
    case enableRateLimiting = "ENABLE_RATE_LIMITING"
    case requestsPerMinute = "REQUESTS_PER_MINUTE"
    case healthHost = "HEALTH_HOST"
    case healthPort = "HEALTH_PORT"
    case healthPortFile = "HEALTH_PORT_FILE"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"
    case faultAt = "FAULT_AT"

    var standard: String? {
        switch self {
        case .redisHost: "localhost"
        case .redisPort: "6379"
        case .streamPrefix: "strategy"
        case .partitions: "1"
        case .heartbeatTTL: "5"
        case .maxAttempts: "5"
        case .requestTimeout: "30"
        case .batchTimeout: "3600"
        case .replyTTL: "600"
        case .dedupeTTL: "86400"
        case .maxPayloadBytes: "262144"
        case .maxWaiting: "2000000"
        case .memoryWatermark: "0.9"
        case .priorityWeights: "high:16,normal:4,low:1"
        case .enableRateLimiting: "true"
        case .requestsPerMinute: "50"
        case .maxBatchBytes: "4194304"
        case .maxBatch: "1000"
        case .healthHost: "127.0.0.1"
        case .healthPort: "8006"
        case .logLevel: "info"
        case .logFormat: "json"
        case .redisURL, .supervisorName, .healthPortFile, .faultAt: nil
        }
    }

    var meaning: String {
        switch self {
        case .redisURL: "redis://, rediss:// or unix:// address; wins over the next two"
        case .redisHost: "host of Redis"
        case .redisPort: "port of Redis"
        case .streamPrefix: "what every key begins with; no braces"
        case .partitions: "partitions of the streams; the same for all processes"
        case .supervisorName: "name in the lease and in Redis; by default the host's"
        case .heartbeatTTL: "seconds after which a silent worker counts as dead; the workers' own"
        case .maxAttempts: "times a request is tried at the most"
        case .requestTimeout: "seconds until an answer is due, when the request does not say"
        case .batchTimeout: "the same for requests on the stream low"
        case .replyTTL: "seconds for which an answer can be read"
        case .dedupeTTL: "seconds for which an ended request is remembered"
        case .maxPayloadBytes: "bytes of one payload"
        case .maxWaiting: "entries of a partition that may wait; those added later are turned away"
        case .memoryWatermark: "share of Redis' maxmemory above which new entries are turned away"
        case .priorityWeights: "shares of the priorities while all wait; the workers' own"
        case .enableRateLimiting: "whether requests an hour and calls a minute are limited"
        case .requestsPerMinute:

            "calls to the model that all workers make a minute; the workers' own"
        case .maxBatchBytes: "bytes of one batch's payload"
        case .maxBatch: "requests in one batch"
        case .healthHost: "address of /health and /metrics"
        case .healthPort: "port of the same; 0 takes a free one"
        case .healthPortFile: "file to write that port to"
        case .logLevel: "trace, debug, info, notice, warning, error or critical"
        case .logFormat: "json or text"
        case .faultAt: "for tests of faults: POINT=kill or POINT=freeze, @N for the Nth time"
        }
    }

    var isSecret: Bool { self == .redisURL }
}
