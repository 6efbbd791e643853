internal import Contract
internal import Options
package import Policy
internal import Synchronization

/// The stage that costs money: models are asked, one rung of the ladder after the other, within the
/// deadline, until one has answered something that may be passed on.
package final class Generation: Sendable {
    let model: any Model
    let streams: any Streams
    let fleet: any Fleet
    let switchboard: any Switchboard
    let pauses: any Pauses
    let clock: any StoreClock
    let watch: any Watch
    let rules: Rules
    private let expiries = ExpiriesOfToday()

    package init(
        model: any Model,
        streams: any Streams,
        fleet: any Fleet,
        switchboard: any Switchboard,
        pauses: any Pauses,
        clock: any StoreClock,
        watch: any Watch,
        rules: Rules
    ) {
        self.model = model
        self.streams = streams
        self.fleet = fleet
        self.switchboard = switchboard
        self.pauses = pauses
        self.clock = clock
        self.watch = watch
        self.rules = rules
    }

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `MAX_TOKENS`: the most an answer may have.
        package let outputTokensMax: Int
        /// `HEDGE_AFTER_MS`: how long a call may take before another endpoint is asked too; nil when
        /// none ever is.
        package let hedgeAfterMs: Int64?

        package init(outputTokensMax: Int, hedgeAfterMs: Int64? = nil) {
            self.outputTokensMax = outputTokensMax
            self.hedgeAfterMs = hedgeAfterMs
        }
    }

    /// What is going to be asked may cost, as far as it is known before there is a menu; nothing is
    /// sent yet.
    package func outline(_ accepted: Accepted) -> Quote {
        let form = Question.Form(accepted.request)
        let outline = Outline(
            form: form,
            intent: accepted.request.intent,
            outputTokensMax: min(rules.outputTokensMax, form.answerTokens.most)
        )
        return model.quote(outline, by: model.routes[0])
    }

    private func question(_ proposed: Proposed) -> Question {
        let today = Facts.today(at: proposed.world.registered.accepted.times.nowMs)
        return Question(
            proposed,
            expiries.from(today),
            outputTokensMax: rules.outputTokensMax
        )
    }

    /// By which all are known who ask the same.
    func key(of proposed: Proposed) -> AnswerKey {
        let question = question(proposed)
        return AnswerKey(
            question,
            of: proposed.world,
            version: model.version(of: question.form),
            models: model.routes.map(\.model)
        )
    }

    /// - Parameters:
    ///   - validation: What looks at each answer.
    ///   - onProgress: Told while an answer comes; nil where nobody wants to know.
    package func ask(
        _ admitted: Admitted,
        _ proposed: Proposed,
        _ validation: Validation,
        onProgress: ProgressListener? = nil
    ) async -> Draft {
        let question = question(proposed)
        let climb = Climb(
            self,
            admitted,
            proposed,
            validation,
            question,
            version: model.version(of: question.form),
            onProgress: onProgress
        )
        let verdict = await climb.run()
        return Draft(verdict, climb.calls, said: climb.said, unsettled: climb.unsettled)
    }
}

/// What came of asking. Only `Generation`, in this file, can make one.
package final class Draft: Sendable {
    package let verdict: Validation.Verdict
    package let calls: [CallRecord]
    /// What a model said last, as it said it; for the audit trail.
    package let said: [UInt8]?
    /// What is set aside in the fleet's books and not settled yet, and by what it is settled.
    package let unsettled: [Charge]

    fileprivate init(
        _ verdict: Validation.Verdict,
        _ calls: [CallRecord],
        said: [UInt8]?,
        unsettled: [Charge]
    ) {
        self.verdict = verdict
        self.calls = calls
        self.said = said
        self.unsettled = unsettled
    }
}

/// The expiries that may be used, worked out once a day.
private final class ExpiriesOfToday: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let known = Mutex<(today: CivilDate, expiries: [CivilDate])?>(nil)

    func from(_ today: CivilDate) -> [CivilDate] {
        known.withLock { known in
            if let known, known.today == today { return known.expiries }
            let expiries = Facts.expiries(from: today)
            known = (today, expiries)
            return expiries
        }
    }
}
