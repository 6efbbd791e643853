package import Contract
package import Redis
package import Telemetry

/// What a supervisor asks of one partition: each verb is one script, or commands that only look.
///
/// Whatever writes carries the token of the lease, and is refused when another supervisor has it.
package struct Supervision: Sendable {
    package let keys: Keys
    private let connection: RedisConnection
    let terms: Terms
    private let metrics: SupervisorMetrics

    /// What an operator may set.
    package struct Terms: Sendable {
        /// `MAX_ATTEMPTS`.
        package let attemptsMax: Int
        /// `REPLY_TTL`.
        package let replyTTLMs: Int64
        /// `DEDUPE_TTL`: how long an ended request is remembered.
        package let rememberedMs: Int64
        /// `BATCH_TIMEOUT`: how long members of a burst are waited for, and orders to take back what
        /// nobody has read are remembered.
        package let batchTimeoutMs: Int64

        package init(
            attemptsMax: Int,
            replyTTLMs: Int64,
            rememberedMs: Int64,
            batchTimeoutMs: Int64
        ) {
            self.attemptsMax = attemptsMax
            self.replyTTLMs = replyTTLMs
            self.rememberedMs = rememberedMs
            self.batchTimeoutMs = batchTimeoutMs
        }
    }

    package enum Limits {
        /// Entries that one script looks at, or one page holds.
        package static let pageMax = 100
        /// Bytes of an entry that an answer can bring, and as a worker sees it: both must take the
        /// same entries for readable.
        package static let entryBytesMax = RedisLimits.replyBytesMax / 2
        /// Bytes of a page of entries, to which one more entry may come.
        package static let pageBytesMax = 8 << 20
        /// Reading a hundred entries of many MiB takes Redis some seconds.
        package static let readingTime = Duration.seconds(30)
    }

    package init(
        connection: RedisConnection,
        keys: Keys,
        terms: Terms,
        metrics: SupervisorMetrics
    ) {
        self.connection = connection
        self.keys = keys
        self.terms = terms
        self.metrics = metrics
    }

    /// The number under which this supervisor leads: who leads later has a higher one.
    package struct Token: Hashable, Sendable {
        package let number: Int
        package init(number: Int) { self.number = number }
    }

    /// What a call is charged at whose usage nobody knows, and its reservation's name.
    package struct Charge: Equatable, Sendable {
        package let reservation: String
        package let cost: NanoUSD
    }
}

// MARK: - Leadership

extension Supervision {
    /// Takes or renews the lease.
    ///
    /// - Parameter holder: A name that no other process has, and this one after a restart neither.
    /// - Returns: Nil while another holds it.
    package func lease(
        as holder: String,
        for duration: Duration,
        over connection: RedisConnection
    ) async throws(RedisError) -> Token? {
        let milliseconds = Int(duration / .milliseconds(1))
        let answer = try await run(
            Scripts.lease,
            .lease,
            keys: [keys.lease, keys.counters],
            arguments: [.text(holder), .number(milliseconds)],
            over: connection
        )
        guard let number = answer.int, number > 0 else { return nil }
        return Token(number: number)
    }

    /// Gives the lease back, if it is still this holder's.
    package func giveBack(as holder: String) async throws(RedisError) {
        try await run(
            Scripts.lease,
            .lease,
            keys: [keys.lease, keys.counters],
            arguments: [.text(holder), .number(0)]
        )
    }

    /// How long Redis itself has been up, in whole seconds.
    /// The corresponding Redis command is `INFO server`.
    package static func uptime(
        over connection: RedisConnection
    ) async throws(RedisError) -> Duration {
        let answer = try await connection.send(RedisCommand("INFO", "server"))
        let name = "uptime_in_seconds:"
        let line = answer.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name) }
        guard let seconds = line.flatMap({ Int($0.dropFirst(name.count)) }) else {
            throw .server(RedisServerError(prefix: "", message: "INFO tells no uptime"))
        }
        return .seconds(seconds)
    }
}

// MARK: - Taking back

extension Supervision {
    /// An entry that a consumer has and has not ended.
    package struct HeldEntry: Equatable, Sendable {
        package let queue: Queue
        package let id: EntryID
        package let owner: String
        /// Nil where it names no request that could be answered.
        package let requestID: RequestID?

        package init(queue: Queue, id: EntryID, owner: String, requestID: RequestID?) {
            self.queue = queue
            self.id = id
            self.owner = owner
            self.requestID = requestID
        }
    }

    /// What became of an entry that was to be taken back.
    package enum Takeover: Equatable, Sendable {
        case requeued(attempt: Int, Charge?)
        /// It may not be tried again; it is there still, and `fail` ends it.
        case hopeless(Hopelessness, attempts: Int)
        /// It was ended already, or adds nothing, and is gone.
        case ended
        /// Its content was gone; acknowledged.
        case ghost
        /// It is not its owner's any more, or its record has changed: look again.
        case moved
        /// Its owner shows signs of life.
        case alive
        case fenced
    }

    package enum Hopelessness: Equatable, Sendable {
        case exhausted
        case poison
        case unwieldy
    }

    /// The consumers of a stream and how many entries each has. A missing group is nobody.
    /// The corresponding Redis command is `XINFO CONSUMERS`.
    package func consumers() async throws(RedisError) -> [(queue: Queue, name: String, held: Int)] {
        let answers = try await pipeline(
            Queue.allCases.map { queue in
                RedisCommand(
                    "XINFO",
                    "CONSUMERS",
                    .text(keys.requests(queue)),
                    .text(Keys.workersGroup)
                )
            }
        )
        var found: [(queue: Queue, name: String, held: Int)] = []
        for (queue, answer) in zip(Queue.allCases, answers) {
            for consumer in answer.array ?? [] {
                let facts = consumer.pairs ?? []
                let name = facts.first { $0.key == Array("name".utf8) }?.value.text
                let held = facts.first { $0.key == Array("pending".utf8) }?.value.int
                if let name, let held { found.append((queue, name, held)) }
            }
        }
        return found
    }

    /// Those of some consumers that show no sign of life.
    package func dead(among names: [String]) async throws(RedisError) -> Set<String> {
        let answers = try await pipeline(
            names.map { RedisCommand("EXISTS", .text(keys.worker($0))) }
        )
        return Set(zip(names, answers).filter { $0.1.int == 0 }.map(\.0))
    }

    /// A page of what a consumer has.
    package func held(
        by consumer: String,
        in queue: Queue,
        after id: EntryID?
    ) async throws(RedisError) -> [HeldEntry] {
        let answer = try await run(
            Scripts.held,
            .held,
            keys: [keys.requests(queue)],
            arguments: [
                .text(Keys.workersGroup), .text(consumer), .text(id.map { "(\($0)" } ?? "-"),
                .number(Limits.pageMax),
            ],
            timeout: Limits.readingTime
        )
        return (answer.array ?? []).compactMap { row in
            guard let parts = row.array, parts.count == 2, let idBytes = parts[0].bytes,
                let id = EntryID(idBytes)
            else { return nil }
            return HeldEntry(
                queue: queue,
                id: id,
                owner: consumer,
                requestID: parts[1].bytes.flatMap { RequestID($0) }
            )
        }
    }

    /// Takes an entry from its owner and adds it to the retry stream.
    package func requeue(
        _ entry: HeldEntry,
        user: String,
        because reason: SupervisorMetrics.Reason,
        seal: String = "",
        _ token: Token
    ) async throws(RedisError) -> Takeover {
        let name = entry.requestID?.text ?? ""
        let answer = try await run(
            Scripts.requeue,
            .requeue,
            keys: [
                keys.requests(entry.queue), keys.requests(.retry), keys.record(named: name),
                keys.userCost(user), keys.ledger, keys.counters, keys.worker(entry.owner),
                keys.revoked(entry.owner), keys.lease, keys.alone(entry.owner),
            ],
            arguments: [
                .text(Keys.workersGroup), .text(entry.id.description), .text(entry.queue.rawValue),
                .text(entry.owner), .text(reason.rawValue), .text(name), .text(user),
                .number(token.number), "", .number(terms.attemptsMax), "", .text(seal),
            ],
            timeout: Limits.readingTime
        )
        let parts = answer.array ?? []
        switch parts.first?.text {
        case "requeued":
            let charge = charge(entry.requestID, parts.dropFirst(3))
            return .requeued(attempt: parts.dropFirst(2).first?.int ?? 1, charge)
        case "exhausted": return .hopeless(.exhausted, attempts: attempts(parts))
        case "poison": return .hopeless(.poison, attempts: attempts(parts))
        case "unwieldy": return .hopeless(.unwieldy, attempts: attempts(parts))
        case "ended": return .ended
        case "ghost": return .ghost
        case "moved": return .moved
        case "alive": return .alive
        case "fenced": return .fenced
        default: throw Self.unknownAnswer(of: Scripts.requeue)
        }
    }

    private func attempts(_ parts: [RedisValue]) -> Int { parts.dropFirst().first?.int ?? 1 }

    /// Reads an attempt's number, its call's number and what that is charged at.
    func charge(_ id: RequestID?, _ parts: ArraySlice<RedisValue>) -> Charge? {
        let parts = Array(parts)
        guard let id, parts.count == 3, let attempt = parts[0].int, let call = parts[1].int,
            let cost = parts[2].int
        else { return nil }
        return Charge(
            reservation: GlobalKeys.reservation(
                partition: keys.partition,
                id,
                attempt: attempt,
                call: call
            ),
            cost: NanoUSD(Int64(cost))
        )
    }
}

// MARK: - Running a script

extension Supervision {
    @discardableResult
    func run(
        _ script: RedisScript,
        _ label: SupervisorMetrics.Script,
        keys: [String],
        arguments: [RedisCommand.Argument],
        timeout: Duration? = nil,
        over other: RedisConnection? = nil
    ) async throws(RedisError) -> RedisValue {
        let start = ContinuousClock.now
        defer { metrics.scriptDuration.record(label, ContinuousClock.now - start) }
        return try await (other ?? connection).eval(
            script,
            keys: keys.map { .text($0) },
            arguments: arguments,
            timeout: timeout
        )
    }

    func send(_ command: RedisCommand) async throws(RedisError) -> RedisValue {
        try await connection.send(command)
    }

    func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        try await connection.pipeline(commands)
    }

    static func unknownAnswer(of script: RedisScript) -> RedisError {
        .server(RedisServerError(prefix: "", message: "\(script.name) answered something unknown"))
    }
}

extension Scripts {
    package static let measure = RedisScript(
        name: "measure",
        source: PackageResources.measure_lua
    )
    package static let held = RedisScript(name: "held", source: PackageResources.held_lua)
    package static let peek = RedisScript(name: "peek", source: PackageResources.peek_lua)
    package static let abandon = ending("abandon", PackageResources.abandon_lua)
}
