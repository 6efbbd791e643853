/// Where the service keeps what it keeps: every key's name, in one place (`streams.md`, "Keys").
///
/// Every key of one request carries the hash tag of its partition, so that one script commits it,
/// on one node or on a cluster.
///
/// A class, and the names that every request needs are made once.
package final class Keys: Sendable {
    /// `<prefix>:{<partition>}:`, before every key of the partition.
    private let stem: String
    package let partition: Int

    private let streams: (retry: String, high: String, normal: String, low: String)
    package let dead: String
    /// Orders to take requests back.
    package let cancel: String
    /// Set as long as any mark of either kind may stand: whoever reads looks for marks only then.
    package let cancelMarks: String
    /// The scores of batches that are not complete: until when their members are waited for.
    package let batches: String
    /// The scores of requests that have not ended: their deadlines, Unix milliseconds.
    package let due: String
    /// The outbox: one row for every attempt that ended.
    package let ledger: String
    /// Which of Redis' lives this is; absent when it has lost its books.
    package let epoch: String
    /// What the scripts count, for the conservation law and the fleet's metrics.
    package let counters: String
    /// What operators ask of the supervisor: to pause, to go on.
    package let control: String
    /// Who has paused the partition, and when; absent while it goes on.
    package let paused: String
    /// How much waits and for how long, for orchestrators.
    package let load: String
    /// Which supervisor may write, and by which token.
    package let lease: String

    /// - Parameter prefix: `STREAM_PREFIX`; has no braces, which would move the hash tag.
    package init(prefix: String, partition: Int) {
        let stem = "\(prefix):{\(partition)}:"
        self.stem = stem
        self.partition = partition
        func stream(_ queue: Queue) -> String { "\(stem)requests:\(queue.rawValue)" }
        streams = (stream(.retry), stream(.high), stream(.normal), stream(.low))
        dead = stem + "dead"
        cancel = stem + "cancel"
        cancelMarks = stem + "cancelled"
        batches = stem + "batches"
        due = stem + "due"
        ledger = stem + "ledger"
        epoch = stem + "epoch"
        counters = stem + "counters"
        control = stem + "control"
        paused = stem + "paused"
        load = stem + "load"
        lease = stem + "lease"
    }

    package func requests(_ queue: Queue) -> String {
        switch queue {
        case .retry: streams.retry
        case .high: streams.high
        case .normal: streams.normal
        case .low: streams.low
        }
    }
    package func reply(_ id: RequestID) -> String { name("reply:", id.text) }

    /// In one piece: several such names are made for each step of a request.
    private func name(_ kind: StaticString, _ id: String, _ end: StaticString = "") -> String {
        let parts = (stem.utf8.count, kind.utf8CodeUnitCount, id.utf8.count, end.utf8CodeUnitCount)
        var text = ""
        text.reserveCapacity(parts.0 + parts.1 + parts.2 + parts.3)
        text += stem
        text += kind.description
        text += id
        if parts.3 > 0 { text += end.description }
        return text
    }

    /// Set while a request is taken back that nobody has read yet: who took it back, a JSON value.
    package func cancelMark(_ id: RequestID) -> String { name("cancelled:", id.text) }
    /// The same of a whole batch.
    package func batchCancelMark(_ id: BatchID) -> String { "\(stem)batch-cancelled:\(id.text)" }

    /// A batch's size, its cursor and its totals.
    package func batch(_ id: BatchID) -> String { "\(stem)batch:\(id.text)" }
    /// A bit for each member that has ended.
    package func batchEnded(_ id: BatchID) -> String { "\(stem)batch-ended:\(id.text)" }
    /// The members that have come and have not ended.
    package func batchOpen(_ id: BatchID) -> String { "\(stem)batch-open:\(id.text)" }
    /// The events of one batch.
    package func batchReply(_ id: BatchID) -> String { "\(stem)batch-reply:\(id.text)" }

    /// What the scripts touch of a batch, in their order (`ending.lua`).
    package func batch(_ id: BatchID, envelope: RequestID?) -> [String] {
        [
            batch(id), batchEnded(id), batchOpen(id), batchReply(id), batches,
            "\(stem)reply:\(envelope?.text ?? "")", record(named: envelope?.text ?? ""), due,
            ledger, counters,
        ]
    }

    /// The same for a request that may be a member of one; empty when it is not.
    package func batch(of member: BatchMember?) -> [String] {
        member.map { batch($0.batchID, envelope: $0.envelope) } ?? []
    }

    /// The marks by which a request may have been taken back, and what is touched of its batch.
    package func marks(of id: RequestID, _ member: BatchMember?) -> [String] {
        guard let member else { return [cancelMark(id)] }
        return [cancelMark(id), batchCancelMark(member.batchID)] + batch(of: member)
    }

    /// The hash that holds a request's state, attempt and owner.
    package func record(_ id: RequestID) -> String { record(named: id.text) }
    /// - Parameter name: A `request_id`, or nothing where an entry has none: no record is there.
    package func record(named name: String) -> String { self.name("request:", name) }

    package func userRequests(_ user: String) -> String { name("user:", user, ":requests") }
    package func userCost(_ user: String) -> String { name("user:", user, ":cost") }
    package func userCostLog(_ user: String) -> String { name("user:", user, ":costlog") }
    /// What stands before and behind a user's name in the key of his cost log.
    package var userCostLogAffixes: (String, String) { ("\(stem)user:", ":costlog") }
    package func userProfile(_ user: String) -> String { name("user:", user, ":profile") }

    /// A consumer's sign of life, for `HEARTBEAT_TTL`.
    package func worker(_ consumer: String) -> String { name("worker:", consumer) }
    /// What was taken from a consumer, until it has read so.
    package func revoked(_ consumer: String) -> String { "\(stem)revoked:\(consumer)" }
    /// The entry that a consumer runs while it runs nothing else.
    package func alone(_ consumer: String) -> String { "\(stem)alone:\(consumer)" }

    /// The group by which all workers read the request streams.
    package static let workersGroup = "workers"
    /// The group by which supervisors read what others ask of them.
    package static let supervisorGroup = "supervisor"
}

/// What is the whole fleet's, in a slot of its own.
package final class GlobalKeys: Sendable {
    private let stem: String

    /// How many partitions there are, and what this data is written like.
    package let config: String
    package let cost: String
    package let reservations: String
    /// Nano-dollars by the second in which they were settled.
    package let spend: String
    /// The partitions whose books are open: which epoch and run of Redis they were opened for.
    package let books: String
    /// Calls by the second in which they got their turn.
    package let pace: String
    /// The key by which verified claims are sealed: 64 hex digits.
    package let seal: String
    /// The ways to a model of which the fleet has seen something; each has a key of its own.
    package let breakers: String
    /// Calls beyond one a request that the fleet may still make, by kind.
    package let allowances: String
    /// What is offered to nobody: a set of lines such as `symbol XYZ`.
    package let restricted: String

    package init(prefix: String) {
        let stem = "\(prefix):{global}:"
        self.stem = stem
        config = stem + "config"
        cost = stem + "cost"
        reservations = stem + "reservations"
        spend = stem + "spend"
        books = stem + "books"
        pace = stem + "pace"
        seal = stem + "seal"
        breakers = stem + "breakers"
        allowances = stem + "allowances"
        restricted = stem + "restricted"
    }

    /// What the fleet has seen of one way to a model; `breakers` names them all.
    package func breaker(_ way: String) -> String { "\(stem)breaker:\(way)" }

    /// A call's reservation, by a name that no other call has.
    package static func reservation(
        partition: Int,
        _ id: RequestID,
        attempt: Int,
        call: Int
    ) -> String { "\(partition):\(id.text):\(attempt):\(call)" }
}

/// What models answered, for whoever asks the same: each question in a slot of its own.
package struct CacheKeys: Sendable {
    private let prefix: String

    package init(prefix: String) { self.prefix = prefix }

    /// The answer to a question, and who asks it; by the question's hash.
    package func answer(_ hash: String) -> String { "\(prefix):{cache:\(hash)}" }
}

/// The streams that hold requests, in the order in which they are looked at.
package enum Queue: String, CaseIterable, Sendable {
    /// Written by scripts only: what was requeued or released, with its priority and deadline.
    case retry
    case high
    case normal
    case low

    /// Those that orchestrators add to.
    package static let ofOrchestrators: [Queue] = [.high, .normal, .low]
}
