package import Contract
package import Redis
import Telemetry

/// What a supervisor looks at before it does anything.
extension Supervision {
    /// Those that a supervisor runs and no worker.
    package static let scripts = [
        Scripts.lease, Scripts.measure, Scripts.held, Scripts.requeue, Scripts.fail, Scripts.peek,
        Scripts.expire, Scripts.abandon, Scripts.reap, Scripts.settleGlobal, Scripts.control,
        Scripts.load,
        Scripts.expire, Scripts.abandon, Scripts.reap, Scripts.settleGlobal, Scripts.cancel,
        Scripts.cancelBatch, Scripts.closeBatch,
    ]

    /// Makes the group on the streams that lack it, from their beginning: what was acknowledged is
    /// deleted, so nothing of it is read again.
    /// The corresponding Redis command is `XGROUP CREATE`.
    package func ensureGroups(
        on queues: [Queue]
    ) async throws(RedisError) -> [Queue] {
        let answers = try await pipeline(
            queues.map { queue in
                RedisCommand(
                    "XGROUP",
                    "CREATE",
                    .text(keys.requests(queue)),
                    .text(Keys.workersGroup),
                    "0",
                    "MKSTREAM"
                )
            }
        )
        return zip(queues, answers).filter { $0.1.isOK }.map(\.0)
    }

    /// A partition's books, all of one moment.
    package func measure() async throws(RedisError) -> Measurement {
        let answer = try await run(
            Scripts.measure,
            .measure,
            keys: Measurement.keys(keys),
            arguments: [.text(Keys.workersGroup)]
        )
        guard let measurement = Measurement(answer) else {
            throw Self.unknownAnswer(of: Scripts.measure)
        }
        return measurement
    }

    /// What is remembered of a request.
    package struct Record: Equatable, Sendable {
        package let state: String
        package let user: String
        package let payloadHash: String
        package let attempt: Int
        package let entry: EntryID?
        package let queue: Queue?
        package let owner: String?
        package let cost: NanoUSD
        package let code: String
        /// Its place in a batch; an ended request has none any more.
        package let member: BatchMember?
        /// It has the claims of who asked, sealed.
        package let isSealed: Bool

        package init(
            state: String,
            user: String,
            payloadHash: String,
            attempt: Int,
            entry: EntryID?,
            queue: Queue?,
            owner: String?,
            cost: NanoUSD,
            code: String,
            member: BatchMember? = nil,
            isSealed: Bool = false
        ) {
            self.state = state
            self.user = user
            self.payloadHash = payloadHash
            self.attempt = attempt
            self.entry = entry
            self.queue = queue
            self.owner = owner
            self.cost = cost
            self.code = code
            self.member = member
            self.isSealed = isSealed
        }
    }

    /// The records of some requests; nil where there is none.
    package func records(of ids: [RequestID]) async throws(RedisError) -> [Record?] {
        try await records(at: ids.map { keys.record($0) })
    }

    /// - Parameter keys: Records' keys, of any partition.
    func records(at keys: [String]) async throws(RedisError) -> [Record?] {
        let answers = try await pipeline(
            keys.map { key in
                RedisCommand(
                    "HMGET",
                    .text(key),
                    "state",
                    "user",
                    "hash",
                    "attempt",
                    "entry",
                    "queue",
                    "owner",
                    "cost",
                    "code",
                    "batch",
                    "seal"
                )
            }
        )
        return answers.map(Record.init)
    }

    /// A request that has not ended, and by when it was to end, Unix milliseconds.
    package struct Due: Equatable, Sendable {
        package let requestID: RequestID
        package let deadlineMs: Int64

        package init(requestID: RequestID, deadlineMs: Int64) {
            self.requestID = requestID
            self.deadlineMs = deadlineMs
        }
    }

    /// Requests that have not ended although their deadline is before `ms`, oldest first.
    ///
    /// - Parameter offset: How many of them to leave out.
    package func due(before ms: Int64, offset: Int) async throws(RedisError) -> [Due] {
        let answer = try await send(
            RedisCommand(
                "ZRANGEBYSCORE",
                .text(keys.due),
                "-inf",
                .text("(\(ms)"),
                "WITHSCORES",
                "LIMIT",
                .number(offset),
                .number(Limits.pageMax)
            )
        )
        return (answer.pairs ?? []).compactMap { name, score in
            guard let id = RequestID(name), let deadline = score.int else { return nil }
            return Due(requestID: id, deadlineMs: Int64(deadline))
        }
    }

    /// Entries as they stand in a stream, taken by nobody.
    ///
    /// - Parameters:
    ///   - start: Left out itself.
    ///   - end: Up to which; nil is the stream's end.
    package func peek(
        in queue: Queue,
        after start: EntryID,
        upTo end: EntryID? = nil
    ) async throws(RedisError) -> [RawEntry] {
        try await peek(in: queue, from: "(\(start)", to: end.map { "\($0)" } ?? "+")
    }

    /// One entry; nil when it is gone.
    package func peek(at id: EntryID, in queue: Queue) async throws(RedisError) -> RawEntry? {
        try await peek(in: queue, from: "\(id)", to: "\(id)").first
    }

    private func peek(
        in queue: Queue,
        from start: String,
        to end: String
    ) async throws(RedisError) -> [RawEntry] {
        let answer = try await run(
            Scripts.peek,
            .peek,
            keys: [keys.requests(queue)],
            arguments: [
                .text(start), .text(end), .number(Limits.pageMax), .number(Limits.entryBytesMax),
                .number(Limits.pageBytesMax),
            ],
            timeout: Limits.readingTime
        )
        return (answer.array ?? []).compactMap { row in
            guard let parts = row.array, parts.count == 3, let idBytes = parts[0].bytes,
                let id = EntryID(idBytes), let bytes = parts[1].int, let fields = parts[2].array
            else { return nil }
            return RawEntry(
                queue: queue,
                id: id,
                fields: fields.map { $0.bytes ?? [] },
                bytesLeftOut: bytes
            )
        }
    }
}

extension Supervision.Record {
    init?(_ answer: RedisValue) {
        guard let fields = answer.array, fields.count == 11, let state = fields[0].text else {
            return nil
        }
        self.state = state
        user = fields[1].text ?? ""
        payloadHash = fields[2].text ?? ""
        attempt = fields[3].int ?? 1
        entry = fields[4].bytes.flatMap { EntryID($0) }
        queue = fields[5].text.flatMap { Queue(rawValue: $0) }
        owner = fields[6].text
        cost = NanoUSD(Int64(fields[7].int ?? 0))
        code = fields[8].text ?? ""
        member = fields[9].text.flatMap { BatchMember($0) }
        isSealed = fields[10].text?.isEmpty == false
    }
}

/// What a partition holds and what was counted in it, all of one moment.
package struct Measurement: Equatable, Sendable {
    /// Redis' clock, Unix milliseconds.
    package let nowMs: Int64
    /// What the scripts count.
    package let counters: [String: Int]
    /// Requests that were admitted and have not ended.
    package let openRequests: Int
    package let streams: [Queue: Stream]

    package struct Stream: Equatable, Sendable {
        package let added: Int
        package let length: Int
        package let pending: Int
        /// What Redis says is not delivered; nil when it does not know.
        package let lag: Int?
        package let lastDelivered: EntryID
        package let oldestWaiting: EntryID?
        package let hasGroup: Bool

        package init(
            added: Int,
            length: Int,
            pending: Int,
            lag: Int?,
            lastDelivered: EntryID,
            oldestWaiting: EntryID?,
            hasGroup: Bool
        ) {
            self.added = added
            self.length = length
            self.pending = pending
            self.lag = lag
            self.lastDelivered = lastDelivered
            self.oldestWaiting = oldestWaiting
            self.hasGroup = hasGroup
        }
    }

    package init(
        nowMs: Int64,
        counters: [String: Int],
        openRequests: Int,
        streams: [Queue: Stream]
    ) {
        self.nowMs = nowMs
        self.counters = counters
        self.openRequests = openRequests
        self.streams = streams
    }

    init?(_ answer: RedisValue) {
        guard let parts = answer.array, parts.count == 3 + Queue.allCases.count,
            let now = parts[0].int, let counters = parts[1].pairs, let open = parts[2].int
        else { return nil }
        var streams: [Queue: Stream] = [:]
        for (queue, row) in zip(Queue.allCases, parts.dropFirst(3)) {
            guard let stream = Stream(row) else { return nil }
            streams[queue] = stream
        }
        self.init(
            nowMs: Int64(now),
            counters: counters.reduce(into: [:]) { all, pair in
                all[String(decoding: pair.key, as: UTF8.self)] = pair.value.int ?? 0
            },
            openRequests: open,
            streams: streams
        )
    }
}

extension Measurement {
    fileprivate static func keys(_ keys: Keys) -> [String] {
        Queue.allCases.map { keys.requests($0) } + [keys.counters, keys.due]
    }

    /// A partition's books, for who only looks at them. Nil when they cannot be read as such.
    package static func read(
        _ keys: Keys,
        by connection: RedisConnection
    ) async throws(RedisError) -> Measurement? {
        Measurement(
            try await connection.eval(
                Scripts.measure,
                keys: Self.keys(keys).map { .text($0) },
                arguments: [.text(Keys.workersGroup)]
            )
        )
    }
}

extension Measurement.Stream {
    init?(_ row: RedisValue) {
        guard let parts = row.array, parts.count == 7, let added = parts[0].int,
            let length = parts[1].int, let pending = parts[2].int, let lag = parts[3].int,
            let last = parts[4].bytes.flatMap({ EntryID($0) })
        else { return nil }
        self.init(
            added: added,
            length: length,
            pending: pending,
            lag: lag < 0 ? nil : lag,
            lastDelivered: last,
            oldestWaiting: parts[5].bytes.flatMap { EntryID($0) },
            hasGroup: parts[6].int == 1
        )
    }
}

/// The fleet's reservations, as the supervisor sees them that looks after what nobody settled.
package struct ReservationBook: Sendable {
    private let supervision: Supervision
    private let global: GlobalKeys
    private let prefix: String

    /// - Parameter supervision: Of any partition: it lends its connection.
    package init(over supervision: Supervision, prefix: String) {
        self.supervision = supervision
        self.prefix = prefix
        global = GlobalKeys(prefix: prefix)
    }

    /// One call's claim on the fleet's hour.
    package struct Reservation: Equatable, Sendable {
        package let name: String
        package let amount: NanoUSD
        package let deadlineMs: Int64
    }

    /// A part of all reservations, and where to go on; 0 is the end, and the beginning.
    /// The corresponding Redis command is `HSCAN`.
    package func page(
        from cursor: UInt64
    ) async throws(RedisError) -> (reservations: [Reservation], next: UInt64) {
        let answer = try await supervision.send(
            RedisCommand(
                "HSCAN",
                .text(global.reservations),
                .text("\(cursor)"),
                "COUNT",
                .number(Supervision.Limits.pageMax)
            )
        )
        guard let parts = answer.array, parts.count == 2, let next = parts[0].text,
            let rows = parts[1].pairs
        else { return ([], 0) }
        let found = rows.compactMap { name, value -> Reservation? in
            let halves = value.text?.split(separator: ":") ?? []
            guard halves.count == 2, let amount = Int64(halves[0]), let deadline = Int64(halves[1])
            else { return nil }
            return Reservation(
                name: String(decoding: name, as: UTF8.self),
                amount: NanoUSD(amount),
                deadlineMs: deadline
            )
        }
        return (found, UInt64(next) ?? 0)
    }

    /// The records of the requests that some reservations name; nil where there is none.
    package func records(
        of requests: [(partition: Int, id: RequestID)]
    ) async throws(RedisError) -> [Supervision.Record?] {
        try await supervision.records(
            at: requests.map { Keys(prefix: prefix, partition: $0.partition).record($0.id) }
        )
    }

    /// Puts a cost in a reservation's place, once.
    ///
    /// - Returns: False when somebody had settled it already.
    package func settle(_ name: String, at cost: NanoUSD) async throws(RedisError) -> Bool {
        let answer = try await supervision.run(
            Scripts.settleGlobal,
            .settleGlobal,
            keys: [global.cost, global.reservations, global.spend],
            arguments: [.text(name), .number(Int(cost.amount)), ""]
        )
        return answer.text == "settled"
    }
}
