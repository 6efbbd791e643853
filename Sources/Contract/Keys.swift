/// Where the service keeps what it keeps: every key's name, in one place (`streams.md`, "Keys").
///
/// Every key of one request carries the hash tag of its partition, so that one script commits it,
/// on one node or on a cluster.
package struct Keys: Sendable {
    /// `<prefix>:{<partition>}:`, before every key of the partition.
    private let stem: String
    package let partition: Int

    /// - Parameter prefix: `STREAM_PREFIX`; has no braces, which would move the hash tag.
    package init(prefix: String, partition: Int) {
        stem = "\(prefix):{\(partition)}:"
        self.partition = partition
    }

    package func requests(_ queue: Queue) -> String { name("requests:", queue.rawValue) }
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
    package var dead: String { stem + "dead" }
    /// Orders to take requests back.
    package var cancel: String { stem + "cancel" }

    /// Set while a request is taken back that nobody has read yet: who took it back, a JSON value.
    package func cancelMark(_ id: RequestID) -> String { name("cancelled:", id.text) }
    /// The same of a whole batch.
    package func batchCancelMark(_ id: BatchID) -> String { "\(stem)batch-cancelled:\(id.text)" }

    /// Set as long as any mark of either kind may stand: whoever reads looks for marks only then.
    package var cancelMarks: String { stem + "cancelled" }

    /// A batch's size, its cursor and its totals.
    package func batch(_ id: BatchID) -> String { "\(stem)batch:\(id.text)" }
    /// A bit for each member that has ended.
    package func batchEnded(_ id: BatchID) -> String { "\(stem)batch-ended:\(id.text)" }
    /// The members that have come and have not ended.
    package func batchOpen(_ id: BatchID) -> String { "\(stem)batch-open:\(id.text)" }
    /// The events of one batch.
    package func batchReply(_ id: BatchID) -> String { "\(stem)batch-reply:\(id.text)" }
    /// The scores of batches that are not complete: until when their members are waited for.
    package var batches: String { stem + "batches" }

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
    /// The scores of requests that have not ended: their deadlines, Unix milliseconds.
    package var due: String { stem + "due" }
    /// The outbox: one row for every attempt that ended.
    package var ledger: String { stem + "ledger" }
    /// Which of Redis' lives this is; absent when it has lost its books.
    package var epoch: String { stem + "epoch" }
    /// What the scripts count, for the conservation law and the fleet's metrics.
    package var counters: String { stem + "counters" }
    /// What operators ask of the supervisor: to pause, to go on.
    package var control: String { stem + "control" }
    /// Who has paused the partition, and when; absent while it goes on.
    package var paused: String { stem + "paused" }
    /// How much waits and for how long, for orchestrators.
    package var load: String { stem + "load" }
    /// Which supervisor may write, and by which token.
    package var lease: String { stem + "lease" }

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
package struct GlobalKeys: Sendable {
    private let stem: String

    package init(prefix: String) { stem = "\(prefix):{global}:" }

    /// How many partitions there are, and what this data is written like.
    package var config: String { stem + "config" }
    package var cost: String { stem + "cost" }
    package var reservations: String { stem + "reservations" }
    /// Nano-dollars by the second in which they were settled.
    package var spend: String { stem + "spend" }
    /// The partitions whose books are open: which epoch and run of Redis they were opened for.
    package var books: String { stem + "books" }
    /// Calls by the second in which they got their turn.
    package var pace: String { stem + "pace" }
    /// The key by which verified claims are sealed: 64 hex digits.
    package var seal: String { stem + "seal" }
    /// What the fleet has seen of one way to a model; `breakers` names them all.
    package func breaker(_ way: String) -> String { "\(stem)breaker:\(way)" }
    package var breakers: String { stem + "breakers" }
    /// Calls beyond one a request that the fleet may still make, by kind.
    package var allowances: String { stem + "allowances" }
    /// What is offered to nobody: a set of lines such as `symbol XYZ`.
    package var restricted: String { stem + "restricted" }

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
