package import Contract
package import Redis

/// A worker's sign of life in one partition, and what was taken from it meanwhile.
///
/// One key that expires: renewing it costs the same however much is in flight. It is renewed by
/// `PEXPIRE`, which a full Redis allows, and set again only where it has gone.
package struct Presence: Sendable {
    private let keys: Keys
    private let own: RedisStreams.Own
    private let release: String
    private let ttlMs: Int64
    private let slots: Int

    /// What this data is written like; a process that does not know it does not start.
    package static let schema = 1

    private enum Limits {
        /// Taken entries read with one sign of life; more come with the next.
        static let revokedPerBeat = 1_000
    }

    /// - Parameters:
    ///   - release: The version of this process.
    ///   - ttlMs: `HEARTBEAT_TTL`.
    ///   - slots: Requests that this process runs at once.
    package init(
        keys: Keys,
        own: RedisStreams.Own,
        release: String,
        ttlMs: Int64,
        slots: Int
    ) {
        self.keys = keys
        self.own = own
        self.release = release
        self.ttlMs = ttlMs
        self.slots = slots
    }

    /// Says for the first time, or after a loss, that this process lives.
    ///
    /// - Returns: False when another process of the same name does.
    /// The corresponding Redis command is `SET … NX GET PX`.
    package func claim(by connection: RedisConnection) async throws(RedisError) -> Bool {
        let key = keys.worker(own.consumer)
        let found = try await connection.send(
            RedisCommand(
                "SET",
                .text(key),
                .text(value),
                "NX",
                "GET",
                "PX",
                .number(Int(ttlMs))
            )
        )
        guard let found = found.text else { return true }
        guard isOwn(found) else { return false }
        try await connection.send(RedisCommand("PEXPIRE", .text(key), .number(Int(ttlMs))))
        return true
    }

    /// How long the sign of life of whoever has the name now lasts, in milliseconds.
    /// The corresponding Redis command is `PTTL`.
    package func expiresInMs(by connection: RedisConnection) async throws(RedisError) -> Int {
        try await connection.send(RedisCommand("PTTL", .text(keys.worker(own.consumer)))).int ?? 0
    }

    /// An entry that was taken from this process.
    package struct Taken: Sendable {
        package let queue: Queue
        package let id: EntryID
        /// Its caller took it back; else a supervisor did.
        package let isCancelled: Bool

        /// `queue id`, and `cancelled` behind it where it is.
        init?(_ text: String) {
            let words = text.split(separator: " ")
            guard words.count >= 2, let queue = Queue(rawValue: String(words[0])),
                let id = EntryID(Array(words[1].utf8))
            else { return nil }
            self.queue = queue
            self.id = id
            isCancelled = words.count == 3 && words[2] == "cancelled"
        }
    }

    /// What came of a sign of life.
    package enum Beat: Sendable {
        /// Renewed. These were taken from this process meanwhile, and this is how the partition stands.
        case renewed(taken: [Taken], Pause?, outboxIsFull: Bool)
        /// The sign had gone: the name has to be claimed again.
        case gone
        /// It is another process'.
        case taken
    }

    /// Renews the sign of life, and keeps this process among the group's consumers: Redis makes one
    /// only when it delivers something to it, and supervisors count the workers by them. Without it
    /// orchestrators that obey `load` would wait for a worker, and the workers for a first entry.
    ///
    /// The corresponding Redis commands are `GET`, `PEXPIRE`, `LPOP`, `HMGET`, `HGET` and
    /// `XGROUP CREATECONSUMER`.
    package func beat(by connection: RedisConnection) async throws(RedisError) -> Beat {
        let key = keys.worker(own.consumer)
        let answers = try await connection.pipeline([
            RedisCommand("GET", .text(key)),
            RedisCommand("PEXPIRE", .text(key), .number(Int(ttlMs))),
            RedisCommand(
                "LPOP",
                .text(keys.revoked(own.consumer)),
                .number(Limits.revokedPerBeat)
            ),
            Pause.command(keys.paused),
            RedisCommand("HGET", .text(keys.load), "outbox_full"),
            // Without a group it is refused, and said again with the next sign.
            RedisCommand(
                "XGROUP",
                "CREATECONSUMER",
                .text(keys.requests(.normal)),
                .text(Keys.workersGroup),
                .text(own.consumer)
            ),
        ])
        guard answers.count == 6, let found = answers[0].text else { return .gone }
        guard isOwn(found) else { return .taken }
        return .renewed(
            taken: (answers[2].array ?? []).compactMap { $0.text.flatMap { Taken($0) } },
            Pause(answers[3]),
            outboxIsFull: answers[4].text == "1"
        )
    }

    /// Whether an operator has paused the partition.
    /// The corresponding Redis command is `HMGET`.
    package func pause(by connection: RedisConnection) async throws(RedisError) -> Pause? {
        Pause(try await connection.send(Pause.command(keys.paused)))
    }

    private func isOwn(_ value: String) -> Bool {
        value.split(separator: " ").first.map(String.init) == own.boot
    }

    /// Takes the sign of life away: what is still pending here may be taken at once.
    package func leave(by connection: RedisConnection) async throws(RedisError) {
        try await connection.send(RedisCommand("DEL", .text(keys.worker(own.consumer))))
    }

    /// Marks the entry that runs while nothing else does, or that none does.
    package func mark(
        alone entry: EntryID?,
        by connection: RedisConnection
    ) async throws(RedisError) {
        let key = keys.alone(own.consumer)
        if let entry {
            // Outlives its worker by far, and does not stay for ever.
            try await connection.send(
                RedisCommand("SET", .text(key), .text(entry.description), "EX", 86_400)
            )
        } else {
            try await connection.send(RedisCommand("DEL", .text(key)))
        }
    }

    private var value: String { "\(own.boot) \(release) \(Self.schema) \(slots)" }
}

/// What the data in Redis is written for, agreed by whoever comes first.
package struct Agreement: Sendable {
    private let partitions: Int
    private let keys: GlobalKeys
    private let needsAppendOnlyFile: Bool

    /// - Parameters:
    ///   - partitions: `PARTITIONS`, as this process has it.
    ///   - needsAppendOnlyFile: `AUDIT_MODE=required`: what is told must outlive Redis' process.
    package init(partitions: Int, keys: GlobalKeys, needsAppendOnlyFile: Bool) {
        self.partitions = partitions
        self.keys = keys
        self.needsAppendOnlyFile = needsAppendOnlyFile
    }

    /// - Returns: What Redis lacks, in words for an operator; nil when it lacks nothing.
    /// The corresponding Redis command is `INFO persistence`.
    package func lack(by connection: RedisConnection) async throws(RedisError) -> String? {
        guard needsAppendOnlyFile else { return nil }
        let answer = try await connection.send(RedisCommand("INFO", "persistence"))
        let lines = answer.text?.split(whereSeparator: \.isNewline) ?? []
        guard lines.contains("aof_enabled:0") else { return nil }
        return
            "required, and Redis keeps no append-only file: records of answers would be lost with "
            + "its process. Set appendonly yes, or AUDIT_MODE=best_effort"
    }

    /// - Returns: What is wrong, in words for an operator; nil when all is well.
    /// The corresponding Redis commands are `HSETNX` and `HMGET`.
    package func conflict(by connection: RedisConnection) async throws(RedisError) -> String? {
        let answers = try await connection.pipeline([
            RedisCommand("HSETNX", .text(keys.config), "partitions", .number(partitions)),
            RedisCommand("HSETNX", .text(keys.config), "schema", .number(Presence.schema)),
            RedisCommand("HMGET", .text(keys.config), "partitions", "schema"),
        ])
        guard let found = answers.last?.array, found.count == 2 else { return nil }
        if let agreed = found[0].number, agreed != partitions {
            return "the streams here have \(agreed) partitions, not \(partitions): all processes "
                + "must agree. To change it, let all requests end and delete \(keys.config)"
        }
        if let schema = found[1].number, schema != Presence.schema {
            return "the data here is of key schema \(schema), this release knows \(Presence.schema)"
        }
        return nil
    }
}
