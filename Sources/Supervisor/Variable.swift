import Program

/// The environment variables that a supervisor reads. Durations are seconds.
enum Variable: String, ProgramVariable {
    case redisURL = "REDIS_URL"
    case redisHost = "REDIS_HOST"
    case redisPort = "REDIS_PORT"
    case databaseURL = "DATABASE_URL"
    case databaseReadURL = "DATABASE_READ_URL"
    case outboxMaxBytes = "OUTBOX_MAX_BYTES"
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
    case authMode = "AUTH_MODE"
    case authSecret = "AUTH_HS256_SECRET"
    case authKeys = "AUTH_JWKS"
    case authAudience = "AUTH_AUDIENCE"
    case authIssuer = "AUTH_ISSUER"
    case caFile = "OPENAI_CA_FILE"
    case maxWaiting = "MAX_WAITING"
    case memoryWatermark = "MEMORY_WATERMARK"
    case priorityWeights = "PRIORITY_WEIGHTS"
    case enableRateLimiting = "ENABLE_RATE_LIMITING"
    case requestsPerMinute = "REQUESTS_PER_MINUTE"
    case enableCostTracking = "ENABLE_COST_TRACKING"
    case userCostShare = "USER_COST_SHARE"
    case defaultTier = "DEFAULT_TIER"
    case healthHost = "HEALTH_HOST"
    case healthPort = "HEALTH_PORT"
    case healthPortFile = "HEALTH_PORT_FILE"
    case consoleToken = "CONSOLE_TOKEN"
    case consoleTLSCert = "CONSOLE_TLS_CERT"
    case consoleTLSKey = "CONSOLE_TLS_KEY"
    case consolePlaintext = "CONSOLE_PLAINTEXT"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"
    case faultAt = "FAULT_AT"

    var standard: String? {
        switch self {
        case .redisHost: "localhost"
        case .redisPort: "6379"
        case .outboxMaxBytes: "1073741824"
        case .streamPrefix: "strategy"
        case .partitions: "1"
        case .heartbeatTTL: "5"
        case .maxAttempts: "5"
        case .requestTimeout: "30"
        case .batchTimeout: "3600"
        case .replyTTL: "600"
        case .dedupeTTL: "86400"
        case .maxPayloadBytes: "262144"
        case .authMode: "none"
        case .maxWaiting: "2000000"
        case .memoryWatermark: "0.9"
        case .priorityWeights: "high:16,normal:4,low:1"
        case .enableRateLimiting, .enableCostTracking: "true"
        case .userCostShare: "1"
        case .defaultTier: "free"
        case .requestsPerMinute: "50"
        case .maxBatchBytes: "4194304"
        case .maxBatch: "1000"
        case .healthHost: "127.0.0.1"
        case .healthPort: "8006"
        case .logLevel: "info"
        case .logFormat: "json"
        case .consolePlaintext: "false"
        case .redisURL, .databaseURL, .databaseReadURL, .supervisorName, .healthPortFile,
            .faultAt, .consoleToken, .consoleTLSCert, .consoleTLSKey, .authSecret, .authKeys,
            .authAudience,
            .authIssuer, .caFile:
            nil
        }
    }

    var meaning: String {
        switch self {
        case .redisURL: "redis://, rediss:// or unix:// address; wins over the next two"
        case .redisHost: "host of Redis"
        case .redisPort: "port of Redis"
        case .databaseURL:
            "postgresql:// address of the ledger, as the role that may add; without it nothing is carried"
        case .databaseReadURL:
            "the same of a role that reads, for usage; by default that one"
        case .outboxMaxBytes:
            "bytes of rows not carried yet above which new entries are turned away"
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
        case .authMode: "none, hs256 or jwks: how the token in the field authorization is verified"
        case .authSecret: "secret that tokens are signed with, at least 32 bytes, for hs256"
        case .authKeys:
            "file or https URL of the public keys, for jwks; read again when they rotate"
        case .authAudience: "audience that tokens must name; any when it is not set"
        case .authIssuer: "issuer that tokens must name; any when it is not set"
        case .caFile: "PEM file of the authorities to trust, in place of the system's"
        case .maxWaiting: "entries of a partition that may wait; those added later are turned away"
        case .memoryWatermark: "share of Redis' maxmemory above which new entries are turned away"
        case .priorityWeights: "shares of the priorities while all wait; the workers' own"
        case .enableRateLimiting: "whether requests an hour and calls a minute are limited"
        case .enableCostTracking: "whether cost an hour is limited; the workers' own"
        case .userCostShare:
            "share of COST_PER_HOUR_LIMIT that one user may have; the workers' own"
        case .defaultTier: "tier of users without a profile; the workers' own"
        case .requestsPerMinute:
            "calls to the model that all workers make a minute; the workers' own"
        case .maxBatchBytes: "bytes of one batch's payload"
        case .maxBatch: "requests in one batch"
        case .healthHost: "address of /health, /metrics and the console"
        case .healthPort: "port of the same; 0 takes a free one"
        case .healthPortFile: "file to write that port to"
        case .consoleToken:
            "what operators sign in with; without it and AUTH_MODE only /health answers"
        case .consoleTLSCert: "PEM file of the certificate that all of it is served with"
        case .consoleTLSKey: "PEM file of its key"
        case .consolePlaintext: "true: plain HTTP also where HEALTH_HOST is not this machine alone"
        case .logLevel: "trace, debug, info, notice, warning, error or critical"
        case .logFormat: "json or text"
        case .faultAt: "for tests of faults: POINT=kill or POINT=freeze, @N for the Nth time"
        }
    }

    var isSecret: Bool {
        [.redisURL, .databaseURL, .databaseReadURL, .consoleToken, .authSecret].contains(self)
    }
}
