internal import Contract
internal import JSON
internal import Options
internal import Policy

/// What led to an ending, for the audit trail: what was asked, when, what the model said, and what was
/// at work. What was told stands beside it.
package struct Evidence: Sendable {
    private let versions: [UInt8]
    private let bytesMax: Int

    package enum Limits {
        /// Of a record without the request and the model's answer.
        static let frameBytes = 2_048
    }

    /// - Parameters:
    ///   - versions: What is at work here: release, prompts, prices, settings; a JSON object.
    ///   - bytesMax: `AUDIT_MAX_BYTES`. A request, then an answer, that would not fit is left out and
    ///     named in `cut`; the request's hash is always there.
    package init(versions: [UInt8], bytesMax: Int) {
        self.versions = versions
        self.bytesMax = bytesMax
    }

    func record(
        _ books: Books,
        _ grounds: Grounds,
        _ entry: RawEntry,
        _ identity: Identity
    ) -> [UInt8] {
        let (registered, draft) = (books.registered, books.draft)
        // Only what was read as JSON is known to be some.
        let request = grounds.accepted == nil ? nil : entry.first("payload")
        let answer = draft?.said ?? books.shared?.said
        let room = max(bytesMax - Limits.frameBytes - versions.count, 0)
        // Quoted, an answer grows by half at the most, as JSON in JSON does.
        let answerBytes = (answer?.count ?? 0) * 3 / 2
        let keepsAnswer = answerBytes <= room
        let requestBytes = request?.count ?? 0
        let keepsRequest = requestBytes <= room - (keepsAnswer ? answerBytes : 0)
        return JSONWriter.bytes(
            reserving: Limits.frameBytes + versions.count + (keepsRequest ? requestBytes : 0)
                + (keepsAnswer ? answerBytes : 0)
        ) { writer in
            writer.beginObject()
            writer.field("v", 2)
            writer.key("versions")
            writer.raw(versions)
            writer.field("entry_id", entry.id.description)
            writer.field("queue", entry.queue.rawValue)
            writer.field("payload_hash", identity.payloadHash.text)
            if let accepted = grounds.accepted { Self.write(accepted.times, to: &writer) }
            grounds.write(to: &writer)
            if let registered { Self.write(registered, to: &writer) }
            if let draft { Self.write(draft, to: &writer) }
            if let shared = books.shared { Self.write(shared, to: &writer) }
            if let answer, keepsAnswer {
                writer.key("answer")
                writer.value(utf8: answer.span)
            }
            if let request, keepsRequest {
                writer.key("request")
                writer.raw(request)
            }
            if !keepsAnswer || !keepsRequest {
                writer.key("cut")
                writer.beginArray()
                if !keepsRequest { writer.value("request") }
                if !keepsAnswer { writer.value("answer") }
                writer.endArray()
            }
            writer.endObject()
        }
    }

    private static func write(_ registered: Registered, to writer: inout JSONWriter) {
        let grant = registered.grant
        writer.field("attempt", grant.attempt)
        writer.key("limits")
        write(grant.limits, to: &writer)
        if let level = grant.approvalLevel { writer.field("approved_for", level) }
        writer.field("reserved_nanousd", grant.reserved.amount)
    }

    /// What the books said was left, in the whole nano-dollars that they count in.
    private static func write(_ limits: LimitsPayload, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("tier", limits.tier)
        if let left = limits.requestsLeft { writer.field("requests_left", left) }
        if let left = limits.costLeft { writer.field("cost_left_nanousd", left.amount) }
        if let ms = limits.resetsAtMs { writer.field("resets_at", ms) }
        writer.endObject()
    }

    private static func write(_ times: Accepted.Times, to writer: inout JSONWriter) {
        writer.field("added_at", times.addedMs)
        writer.field("read_at", times.nowMs)
        writer.field("deadline_at", times.deadlineMs)
    }

    private static func write(_ draft: Draft, to writer: inout JSONWriter) {
        // Each call has a row of its own beside this; here stands when the last one ran.
        if let call = draft.calls.last {
            writer.field("asked_at", call.askedMs)
            writer.field("answered_at", call.answeredMs)
            writer.field("prompt_version", call.promptVersion)
            if let model = call.modelName { writer.field("model", model) }
        }
        if case .failed(let reason) = draft.verdict { writer.field("failure", reason.rawValue) }
    }
}

extension Evidence {
    /// Who was told it first is nobody's business but theirs.
    private static func write(_ shared: SharedAnswer, to writer: inout JSONWriter) {
        writer.field("cache_age_ms", shared.ageMs)
        writer.field("model", shared.modelName)
        writer.field("endpoint", shared.endpoint)
    }
}

extension Books {
    var shared: SharedAnswer? {
        if case .answeredByShared(_, let shared) = self { shared } else { nil }
    }

    var registered: Registered? {
        switch self {
        case .none: nil
        case .uncalled(let registered), .answeredUncalled(let registered),
            .answeredByShared(let registered, _):
            registered
        case .called(let admitted, _): admitted.registered
        }
    }

    var draft: Draft? {
        if case .called(_, let draft) = self { draft } else { nil }
    }
}

extension Grounds {
    /// What stages saw, and the clock's readings that they went by.
    fileprivate func write(to writer: inout JSONWriter) {
        if let screening {
            writer.key("screening")
            writer.beginObject()
            writer.field("level", screening.level.rawValue)
            writer.field("score", screening.score)
            writer.key("reasons")
            writer.beginArray()
            for reason in screening.reasons { writer.value(reason.code) }
            writer.endArray()
            writer.endObject()
        }
        if restricted != .empty { writer.field("restricted", restricted.text) }
        guard let proposed else { return }
        writer.field("priced_at", proposed.world.asOf.milliseconds)
        writer.field("proposed_at", proposed.nowMs)
        writer.field("rule_day", "\(proposed.judge.pack.date)")
        guard proposed.world.request.mode == .menu else { return }
        writer.field("candidates", proposed.menu.candidates.count)
        writer.field("menu", proposed.menu.fingerprint)
    }
}

extension UTCInstant {
    /// Unix milliseconds; what is finer is left out.
    var milliseconds: Int64 { Int64(seconds) * 1_000 + Int64(nanoseconds / 1_000_000) }
}
