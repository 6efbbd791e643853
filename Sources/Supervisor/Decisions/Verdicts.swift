package import Contract
package import Gateways
package import Telemetry

/// Why an entry is ended that its worker left behind.
package struct Hopeless: Equatable, Sendable {
    package let failure: Failure
    package let label: SupervisorMetrics.DeadLetterReason
    /// For the person who looks at dead letters.
    package let reason: String

    package init(
        _ hopelessness: Supervision.Hopelessness,
        because reason: SupervisorMetrics.Reason,
        attempts: Int
    ) {
        switch (hopelessness, reason) {
        case (.exhausted, .dead):
            failure = Failure(.attemptsExhausted, "no worker could finish it")
            label = .attemptsExhausted
            self.reason = "\(attempts) attempts were not finished by their workers"
        case (.exhausted, .overdue):
            failure = Failure(.deadline, "the deadline passed before there was an answer")
            label = .deadline
            self.reason = "its deadline is long past after \(attempts) attempts"
        case (.poison, _):
            failure = Failure(.poison, "it stopped every worker that ran it")
            label = .poison
            self.reason = "its worker died while it ran nothing else"
        case (.unwieldy, _):
            failure = Failure(.internal, "it could not be tried again")
            label = .internal
            self.reason = "it has more fields than can be added to the retry stream"
        }
    }
}

/// What to do with a request whose deadline is long past and that has not ended.
package enum OverdueStep: Equatable, Sendable {
    /// Its worker has it still: take it from him.
    case takeBack(Supervision.HeldEntry)
    /// Nobody has it.
    case abandon(Failure)
    /// Its worker may still be on the way.
    case leave

    package enum Limits {
        /// Past a deadline at which nobody answers any more who was not at it in time.
        package static let unreadMs: Int64 = 5_000
        /// Past a deadline at which a worker that lives should have answered long ago.
        package static let marginMs: Int64 = 10_000
    }

    package init(_ due: Supervision.Due, _ record: Supervision.Record?, nowMs: Int64) {
        let isLongPast = due.deadlineMs + Limits.marginMs < nowMs
        guard let record, record.state != "ended" else {
            self = isLongPast ? .abandon(Self.nobody) : .leave
            return
        }
        // A batch's envelope ends with its last member; until then nobody has its entry.
        guard record.state != "expanded" else {
            self = .leave
            return
        }
        guard record.state != "waiting" else {
            self = .abandon(Failure(.deadline, "the deadline passed before another worker read it"))
            return
        }
        guard isLongPast else {
            self = .leave
            return
        }
        guard let queue = record.queue, let entry = record.entry, let owner = record.owner else {
            self = .abandon(Self.nobody)
            return
        }
        self = .takeBack(
            .init(queue: queue, id: entry, owner: owner, requestID: due.requestID)
        )
    }

    /// Its entry is nowhere: deleted by somebody, or lost with a stream.
    package static let nobody = Failure(.internal, "it was lost on its way")
}

/// What a reservation's name says: `p:request_id:attempt:call`; the id may hold colons itself.
package struct ReservationName: Equatable, Sendable {
    package let partition: Int
    package let requestID: RequestID
    package let attempt: Int
    package let call: Int

    /// Nil for anything else.
    package init?(_ name: String) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 4, let partition = Int(parts[0]),
            let attempt = Int(parts[parts.count - 2]), let call = Int(parts[parts.count - 1]),
            let id = RequestID(parts[1..<(parts.count - 2)].joined(separator: ":"))
        else { return nil }
        self.partition = partition
        requestID = id
        self.attempt = attempt
        self.call = call
    }

    package enum Limits {
        /// Past a call's deadline at which its worker should have settled it long ago.
        package static let marginMs: Int64 = 60_000
    }

    /// What a reservation is settled at that nobody settled; nil while its attempt may still run.
    ///
    /// Only for one that is past its deadline and margin.
    package func settlement(
        of reserved: NanoUSD,
        _ record: Supervision.Record?
    ) -> NanoUSD? {
        guard let record, record.attempt == attempt else { return reserved }
        guard record.state == "ended" else { return record.state == "waiting" ? reserved : nil }
        // A request that was ended in its worker's place costs its user nothing, and its calls what
        // was reserved for them.
        guard record.cost > .zero else {
            return FailureCode(rawValue: record.code) == nil ? .zero : reserved
        }
        // The cost is that of all its calls.
        return min(record.cost, reserved)
    }
}
