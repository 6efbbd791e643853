internal import Contract
internal import Options
internal import Policy

/// Decides once more what a record says was decided: the same stages, with the record in the place of
/// the world. What asks the world, the books and the models alone, is believed; all else is computed.
///
/// ```
///  request ─▶ intake ─▶ screening ─▶ enrichment ─▶ proposing ─▶ validation ─▶ payload ─┐
///     │ hash      │         │ verdict                  │ rules, menu   or fallback     │
///     ▼           ▼         ▼                          ▼                               ▼
///  record ──────────────── each is held against the record; the first difference ends it
/// ```
package struct Replay: Sendable {
    private let record: ReplayRecord
    private let settings: DecisionSettings

    package init(_ record: ReplayRecord, under settings: DecisionSettings) {
        (self.record, self.settings) = (record, settings)
    }

    package enum Outcome: Equatable, Sendable {
        /// Byte for byte.
        case same
        /// The first thing that came out otherwise.
        case differs(String)
        /// Nothing was computed for it, or what it was computed from is not there.
        case impossible(String)
    }

    private struct Stop: Error {
        let outcome: Outcome

        static func differs(_ what: String) -> Stop { Stop(outcome: .differs(what)) }
        static func impossible(_ why: String) -> Stop { Stop(outcome: .impossible(why)) }
    }

    package func run() async -> Outcome {
        do throws(Stop) {
            let payload = try await decide()
            guard payload == record.reply else {
                throw .differs(Self.difference(payload, record.reply))
            }
            return .same
        } catch {
            return error.outcome
        }
    }

    /// - Returns: What the caller is told.
    private func decide() async throws(Stop) -> [UInt8] {
        guard ["result", "rejected"].contains(record.event) else {
            throw .impossible("it ended as \(record.event), and nothing was computed for it")
        }
        let accepted = try accept()
        switch try await screen(accepted) {
        case .blocked(let rejection, _), .restricted(let rejection, _, _):
            return rejection.payload
        case .passed(let screened):
            return try payload(of: screened)
        }
    }

    private func payload(of screened: Screened) throws(Stop) -> [UInt8] {
        guard let limits = record.limits else {
            throw .impossible(
                "it was screened to the same verdict; then the books refused it, and they are not here"
            )
        }
        let grant = Grant(
            attempt: record.attempt,
            reserved: .zero,
            deadlineMs: record.times.deadlineMs,
            limits: limits,
            inherited: nil,
            approvalLevel: record.approvedFor
        )
        let registered = Admission.recalled(screened.accepted, grant)
        if record.event == "rejected" {
            guard let refusal = Admission.tierRefusal(of: registered) else {
                throw .impossible("it was in the books, and its time was up: the clock decided")
            }
            return refusal.payload
        }
        let world = Enrichment(
            rules: .init(rate: settings.rate),
            clock: FixedClock(record.times.pricedMs)
        ).enrich(registered, screened)
        let proposed = Proposing(rules: settings.rules)
            .propose(world, nowMs: record.times.proposedMs)
        try check(proposed)
        return try judge(proposed).payload(requestID: record.requestID)
    }
}

// MARK: - Stages

extension Replay {
    private struct FixedClock: StoreClock {
        private let ms: Int64

        init(_ ms: Int64) { self.ms = ms }

        func nowMs() -> Int64 { ms }
    }

    private struct FixedList: Restrictions {
        let list: RestrictedList

        func inForce() async throws(CancellationError) -> RestrictedList { list }
    }

    /// The most that `MAX_PAYLOAD_BYTES` can be.
    private static let requestBytesMax = 8_388_608

    private func accept() throws(Stop) -> Accepted {
        guard PayloadHash(of: record.request).text == record.payloadHash else {
            throw .differs("request: it is not what its hash was taken of")
        }
        let rules = Intake.Rules(
            payloadBytesMax: Self.requestBytesMax,
            requestTimeoutMs: 1,
            batchTimeoutMs: 1,
            partition: 0,
            partitions: 1
        )
        // As an entry that was handed on, whose times are told and not counted.
        let fields = [
            ("request_id", record.requestID.text), ("attempt", "\(record.attempt)"),
            ("requeued_from", "\(record.times.addedMs)-0"),
            ("deadline_at", "\(record.times.deadlineMs)"),
        ]
        let entry = RawEntry(
            queue: .retry,
            id: EntryID(milliseconds: UInt64(clamping: record.times.addedMs), sequence: 0),
            fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
                + [Array("payload".utf8), record.request]
        )
        let intake = Intake(rules: rules, clock: FixedClock(record.times.readMs))
        guard case .accepted(let accepted) = intake.accept(entry) else {
            throw .differs("request: it is not in order")
        }
        return accepted
    }

    private func screen(_ accepted: Accepted) async throws(Stop) -> Screening.Verdict {
        let list: RestrictedList
        do throws(RestrictedList.Fault) {
            list = try RestrictedList(text: record.restricted)
        } catch {
            throw .differs("restricted: \(error.message)")
        }
        let stage = Screening(
            restrictions: FixedList(list: list),
            screener: settings.screensTexts ? Screener() : nil,
            rules: .init(refusesFlagged: settings.refusesFlagged)
        )
        let verdict: Screening.Verdict
        do throws(CancellationError) {
            verdict = try await stage.screen(accepted)
        } catch {
            throw .impossible("it was stopped")
        }
        let seen: ScreeningVerdict? =
            switch verdict {
            case .passed(let screened): screened.verdict
            case .blocked(_, let verdict): verdict
            case .restricted(_, _, let verdict): verdict
            }
        let found = seen.map {
            ReplayRecord.Screening(
                level: $0.level.rawValue,
                score: $0.score,
                reasons: $0.reasons.map(\.code)
            )
        }
        guard found == record.screening else {
            throw .differs(
                "screening: \(record.screening?.level ?? "none") in the record, "
                    + "\(found?.level ?? "none") now, by score or reasons"
            )
        }
        return verdict
    }

    private func check(_ proposed: Proposed) throws(Stop) {
        let day = "\(proposed.judge.pack.date)"
        guard day == record.ruleDay else {
            throw .impossible(
                "it was judged by the rules of \(record.ruleDay ?? "no day"), and these are of \(day)"
            )
        }
        guard proposed.world.request.mode == .menu else { return }
        let menu = ReplayRecord.Menu(
            count: proposed.menu.candidates.count,
            fingerprint: proposed.menu.fingerprint
        )
        guard menu == record.menu else {
            throw .differs(
                "candidates: \(record.menu.map { "\($0.count)" } ?? "none") in the record, "
                    + "\(menu.count) now, or others"
            )
        }
    }

    private func judge(_ proposed: Proposed) throws(Stop) -> ResultPayload {
        let clock = FixedClock(record.times.repliedMs)
        let calls = record.calls.enumerated().map { CallRecord($1, number: $0 + 1) }
        let reason = record.degraded.flatMap { Degradation(rawValue: $0) }
        guard (reason?.rawValue ?? "") == record.degraded ?? "" else {
            throw .differs("degraded: no reason is called \(record.degraded ?? "")")
        }
        if let found = record.found, let answer = record.answer {
            return try judge(found, answer, calls, reason, proposed)
        }
        guard record.source != "cache" else {
            throw .impossible("what was passed on is kept where it was said, in another's record")
        }
        if let answer = record.answer, let last = calls.last {
            let verdict = Validation(clock: clock).judge(
                Completion.Answer(
                    proposal: answer,
                    modelName: last.modelName ?? "",
                    spend: last.spend
                ),
                calls,
                in: proposed
            )
            switch verdict {
            case .passed(let payload) where record.source == "model": return payload
            case .passed: throw .differs("verdict: the model's answer passes now, and did not")
            case .failed(let now) where record.source != "model" && now != reason:
                throw .differs(
                    "degraded: \(record.degraded ?? "none") in the record, \(now.rawValue) now"
                )
            case .failed, .defective, .abandoned: break
            }
        }
        guard record.source != "model" else {
            throw .differs("verdict: the model's answer passed, and does not now")
        }
        if reason == .nothingToChoose, proposed.hasChoice {
            throw .differs("candidates: there was nothing to choose from, and now there is")
        }
        return Fallback(clock: clock).answer(proposed, because: reason, after: calls)
    }

    private func judge(
        _ found: ReplayRecord.Found,
        _ answer: [UInt8],
        _ calls: [CallRecord],
        _ reason: Degradation?,
        _ proposed: Proposed
    ) throws(Stop) -> ResultPayload {
        let shared = SharedAnswer(
            said: answer,
            endpoint: found.endpoint,
            modelName: found.modelName,
            ageMs: found.ageMs
        )
        let clock = FixedClock(record.times.repliedMs)
        let verdict = Validation(clock: clock).judge(shared, calls, reason, in: proposed)
        guard case .passed(let payload) = verdict else {
            throw .differs("verdict: the answer that was found passed, and does not now")
        }
        return payload
    }

    /// The place where two documents first differ, with some of what stands there.
    private static func difference(_ now: [UInt8], _ then: [UInt8]) -> String {
        let place = zip(now, then).enumerated().first { $1.0 != $1.1 }?.offset
        let from = max((place ?? min(now.count, then.count)) - 24, 0)
        func text(_ bytes: [UInt8]) -> String {
            String(decoding: bytes.dropFirst(from).prefix(64), as: UTF8.self)
        }
        return "reply, from byte \(from): '\(text(then))' in the record, '\(text(now))' now"
    }
}

extension CallRecord {
    fileprivate init(_ call: ReplayRecord.Call, number: Int) {
        self.init(
            route: call.route,
            kind: Ladder.Kind(rawValue: call.kind) ?? .first,
            hold: Hold(number: number, name: call.reservation, amount: call.cost),
            modelName: call.modelName,
            promptVersion: call.promptVersion,
            spend: call.isEstimated
                ? .unknown
                : call.usage.map { .metered($0, call.cost) }
                    ?? .nothing,
            askedMs: call.askedMs,
            answeredMs: call.answeredMs
        )
    }
}
