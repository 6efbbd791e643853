/// A request entry whose fields are in order; its payload has not been looked at.
package struct RequestEntry: Sendable {
    package let id: EntryID
    package let queue: Queue
    package let requestID: RequestID
    package let kind: Kind
    /// Its place in a batch; a batch's envelope has none.
    package let member: BatchMember?
    /// The request that it asks again, as `strategyctl dead replay` says it.
    package let replayOf: RequestID?
    package let payload: [UInt8]
    /// What the caller asked for, in milliseconds from the first entry's ID; nil takes the default.
    package let deadlineMs: Int64?
    package let wantsAllEvents: Bool
    package let history: History
    package let trace: Trace
    package let credentials: Credentials

    /// Its caller expects to wait: `BATCH_TIMEOUT` is its deadline when it does not say.
    package var mayWaitLong: Bool {
        history.priority == .low || member != nil || kind == .batch
    }

    /// What an entry asks for.
    package enum Kind: Sendable {
        case generate
        case batch
        /// What a user asked for, and what it cost.
        case usage
    }

    /// What a requeue says of the deliveries before this one; on any stream but `retry` its fields
    /// are ignored.
    package struct History: Sendable {
        /// 1 for the first delivery.
        package let attempt: Int
        /// The entry that the orchestrator added, from whose ID the deadline is counted.
        package let firstID: EntryID
        /// The stream that it was added to.
        package let priority: Queue
        /// The deadline that was in force, Unix milliseconds; nil when nobody had counted it yet.
        package let deadlineAtMs: Int64?
        /// Workers that died while they held it.
        package let deaths: Int
    }

    /// What is to prove who asks: never logged, and in no record.
    package struct Credentials: Sendable {
        /// `authorization`: a bearer token. Printable ASCII, or it is none.
        package let authorization: String?
        /// `sealed`: claims that were verified before, sealed by the service.
        package let sealed: String?
        package static let none = Credentials(authorization: nil, sealed: nil)

        package init(authorization: String?, sealed: String?) {
            self.authorization = authorization
            self.sealed = sealed
        }
    }

    /// W3C trace context as it came in, where it could be one. Who passes it on reads it closely.
    package struct Trace: Sendable {
        package let parent: String?
        package let state: String?
        package static let none = Trace(parent: nil, state: nil)
    }
}

/// Why an entry is not a request.
package enum EntryDefect: Error, Sendable {
    /// It names no request: nobody can be answered, so it becomes a dead letter.
    case nameless(reason: String)
    /// It names a request, whose caller is told.
    case refused(
        RequestID,
        Rejection,
        RequestEntry.History,
        RequestEntry.Trace,
        BatchMember?,
        payload: [UInt8]
    )
}

extension RequestEntry {
    /// Reads the fields of an entry, as `streams.md`, "The request entry", describes them.
    ///
    /// - Parameters:
    ///   - payloadBytesMax: `MAX_PAYLOAD_BYTES`.
    ///   - batchBytesMax: `MAX_BATCH_BYTES`.
    package init(
        _ raw: RawEntry,
        payloadBytesMax: Int = ContractLimits.payloadBytesMax,
        batchBytesMax: Int = ContractLimits.batchBytesMax
    ) throws(EntryDefect) {
        let fields = KnownFields(raw)
        guard let name = fields.requestID else {
            throw .nameless(reason: "the entry has no request_id")
        }
        guard fields.requestIDCount == 1 else {
            throw .nameless(reason: "request_id stands twice")
        }
        guard let requestID = RequestID(name) else {
            throw .nameless(reason: "request_id is not 1–128 of A–Z a–z 0–9 _ - . :")
        }
        let trace = Trace(
            parent: fields.traceparent.flatMap(Self.traceText),
            state: fields.tracestate.flatMap(Self.traceText)
        )
        let history = raw.queue == .retry ? fields.history(of: raw) : History(firstOf: raw)
        let member = fields.member.place
        do throws(Rejection) {
            guard raw.bytesLeftOut == 0 else {
                throw Rejection(
                    .payloadTooLarge,
                    "the entry has \(raw.bytesLeftOut) bytes, more than can be read",
                    field: "payload"
                )
            }
            let kind = try fields.checkNames()
            _ = try fields.member.checked()
            let payload = try fields.checkedPayload(
                bytesMax: kind == .batch ? batchBytesMax : payloadBytesMax
            )
            let deadlineMs = try fields.checkedDeadline()
            let wantsAllEvents = try fields.checkedEvents()
            let replayOf = try fields.checkedReplay()
            self.init(
                id: raw.id,
                queue: raw.queue,
                requestID: requestID,
                kind: kind,
                member: kind == .batch ? nil : member,
                replayOf: replayOf,
                payload: payload,
                deadlineMs: deadlineMs,
                wantsAllEvents: wantsAllEvents,
                history: history,
                trace: trace,
                credentials: Credentials(
                    authorization: fields.authorization.flatMap(Self.credentialText),
                    sealed: fields.sealed.flatMap(Self.credentialText)
                )
            )
        } catch {
            throw .refused(
                requestID,
                error,
                history,
                trace,
                member,
                payload: fields.payload ?? []
            )
        }
    }

    /// Printable ASCII of at most 8 KiB, which is more than any token has.
    private static func credentialText(_ bytes: [UInt8]) -> String? {
        guard (1...8_192).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            // Something was there, so that it is malformed rather than missing.
            return bytes.isEmpty ? nil : "-"
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Printable ASCII of at most 512 bytes, which is what both headers may hold at the most.
    private static func traceText(_ bytes: [UInt8]) -> String? {
        guard (1...512).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RequestEntry.History {
    init(firstOf raw: RawEntry) {
        self.init(attempt: 1, firstID: raw.id, priority: raw.queue, deadlineAtMs: nil, deaths: 0)
    }
}

/// The fields that we know, picked out in one pass; the rest are ignored, but may not stand twice.
private struct KnownFields {
    var requestID: [UInt8]?
    var requestIDCount = 0
    var version: [UInt8]?
    var type: [UInt8]?
    var payload: [UInt8]?
    var deadline: [UInt8]?
    var events: [UInt8]?
    var agentType: [UInt8]?
    var attempt: [UInt8]?
    var requeuedFrom: [UInt8]?
    var priority: [UInt8]?
    var deadlineAt: [UInt8]?
    var deaths: [UInt8]?
    var replayOf: [UInt8]?
    var member = MemberFields()
    var traceparent: [UInt8]?
    var tracestate: [UInt8]?
    var authorization: [UInt8]?
    var sealed: [UInt8]?
    /// The first name that stands twice, made printable.
    var repeated: String?

    init(_ raw: RawEntry) {
        var index = 0
        while index + 1 < raw.fields.count {
            take(raw.fields[index], raw.fields[index + 1])
            index += 2
        }
        repeated = Self.firstRepeated(raw.fields)
    }

    private mutating func take(_ name: [UInt8], _ value: [UInt8]) {
        if name.equals("request_id") {
            requestID = value
            requestIDCount += 1
        }
        if name.equals("payload") { payload = value }
        if name.equals("v") { version = value }
        if name.equals("type") { type = value }
        if name.equals("deadline_ms") { deadline = value }
        if name.equals("events") { events = value }
        if name.equals("agent_type") { agentType = value }
        if name.equals("attempt") { attempt = value }
        if name.equals("requeued_from") { requeuedFrom = value }
        if name.equals("priority") { priority = value }
        if name.equals("deadline_at") { deadlineAt = value }
        if name.equals("deaths") { deaths = value }
        if name.equals("replay_of") { replayOf = value }
        if name.equals("traceparent") { traceparent = value }
        if name.equals("tracestate") { tracestate = value }
        if name.equals("authorization") { authorization = value }
        if name.equals("sealed") { sealed = value }
        if name.equals("batch_id") { member.batchID = value }
        if name.equals("batch_index") { member.index = value }
        if name.equals("batch_size") { member.size = value }
        if name.equals("batch_envelope") { member.envelope = value }
    }

    /// An entry has a dozen fields, so comparing is cheaper than hashing; one with thousands of
    /// them is hashed, so that nobody can make us compare millions of times.
    private static func firstRepeated(_ fields: [[UInt8]]) -> String? {
        if fields.count <= 48 {
            for index in stride(from: 2, to: fields.count, by: 2) {
                for earlier in stride(from: 0, to: index, by: 2)
                where fields[earlier] == fields[index] { return printable(fields[index]) }
            }
            return nil
        }
        var seen: Set<[UInt8]> = []
        for index in stride(from: 0, to: fields.count, by: 2)
        where !seen.insert(fields[index]).inserted { return printable(fields[index]) }
        return nil
    }

    /// At most 32 characters of a name, nothing unprintable in them: names are the caller's own.
    private static func printable(_ name: [UInt8]) -> String {
        String(
            decoding: name.prefix(32).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self
        )
    }

    /// - Returns: What the entry asks for.
    func checkNames() throws(Rejection) -> RequestEntry.Kind {
        if let repeated { throw .invalid(repeated, "the field stands twice") }
        if let version, !version.equals("1") { throw .invalid("v", "expected 1") }
        if let agentType, !agentType.equals("gpt4_strategy") {
            throw .invalid("agent_type", "expected gpt4_strategy")
        }
        guard let type, !type.equals("generate") else { return .generate }
        if type.equals("batch") { return .batch }
        guard type.equals("usage") else {
            throw .invalid("type", "expected generate, batch or usage")
        }
        return .usage
    }

    func checkedPayload(bytesMax: Int) throws(Rejection) -> [UInt8] {
        guard let payload else { throw .invalid("payload", "is required") }
        guard payload.count <= bytesMax else {
            throw Rejection(
                .payloadTooLarge,
                "the payload has \(payload.count) bytes, at most \(bytesMax) are read",
                field: "payload"
            )
        }
        return payload
    }

    func checkedDeadline() throws(Rejection) -> Int64? {
        guard let deadline else { return nil }
        let range = ContractLimits.deadlineRange
        guard deadline.count <= 7, deadline.first != UInt8(ascii: "+"),
            let value = Int64(String(decoding: deadline, as: UTF8.self)), range.contains(value)
        else {
            throw .invalid(
                "deadline_ms",
                "expected milliseconds from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    func checkedEvents() throws(Rejection) -> Bool {
        guard let events, !events.equals("result") else { return false }
        guard events.equals("all") else { throw .invalid("events", "expected result or all") }
        return true
    }

    func checkedReplay() throws(Rejection) -> RequestID? {
        guard let replayOf else { return nil }
        guard let id = RequestID(replayOf) else {
            throw .invalid("replay_of", "expected the request_id that is asked again")
        }
        return id
    }

    /// Written by our own scripts, so anything odd in it counts as a first delivery's.
    func history(of raw: RawEntry) -> RequestEntry.History {
        RequestEntry.History(
            attempt: min(max(number(attempt) ?? 1, 1), ContractLimits.attemptsMax),
            firstID: requeuedFrom.flatMap { EntryID($0) } ?? raw.id,
            priority: priority.flatMap { Queue(rawValue: String(decoding: $0, as: UTF8.self)) }
                ?? .normal,
            deadlineAtMs: number(deadlineAt).map(Int64.init),
            deaths: max(number(deaths) ?? 0, 0)
        )
    }

    private func number(_ digits: [UInt8]?) -> Int? {
        digits.flatMap { Int(String(decoding: $0, as: UTF8.self)) }
    }
}
