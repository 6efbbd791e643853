internal import Contract
internal import Policy

/// The stage that asks once for all who ask the same: who finds an answer needs no call, and of those
/// who find none at a time one calls the model, while the others wait without a slot and without
/// anything set aside.
///
/// ```
///   join ──▶ an answer ──▶ judged like any other, for this request, against today's market
///     ├────▶ leads ──▶ the fleet's turn, the call ──▶ shares the answer, or leaves
///     └────▶ follows: parked, until there is an answer, nobody leads, or its own time is over
/// ```
/// Who has to wait for the fleet's turn gives up the lead meanwhile: nobody waits for one that waits.
package final class Sharing: Sendable {
    let answers: any SharedAnswers
    let parking: any Parking
    let watch: any Watch

    package init(answers: any SharedAnswers, parking: any Parking, watch: any Watch) {
        self.answers = answers
        self.parking = parking
        self.watch = watch
    }
}

/// One request's part in that. One task's own.
package final class Flight {
    private let stage: Sharing
    let question: AnswerKey
    private let seat: Seat
    private var isLeading = false
    /// Its answer was no good here: it asks for itself.
    private(set) var isOff = false
    /// Nothing is set aside for it in its user's hour, until it is admitted again.
    var isFreed = false
    /// What it proposed to begin with. Let go when it has to wait, in which the market moves.
    var proposed: Proposed?
    private(set) var hasAnnounced = false
    /// Told no longer fresh, it may still do where nobody answers.
    private(set) var old: SharedAnswer?
    /// Tells the caller that it has begun, before it waits for another.
    private let announce: (Registered, Proposed?) async -> Void

    init(
        _ stage: Sharing,
        _ question: AnswerKey,
        _ proposed: Proposed,
        announce: @escaping (Registered, Proposed?) async -> Void
    ) {
        let registered = proposed.world.registered
        self.stage = stage
        self.question = question
        self.proposed = proposed
        self.announce = announce
        seat = Seat(
            partition: registered.partition,
            requestID: registered.address.requestID,
            attempt: registered.attempt,
            untilMs: registered.deadlineMs
        )
    }

    func join(mayLead: Bool) async -> Joined {
        guard !isOff else { return .unknown }
        let joined = await stage.answers.join(question, as: seat, mayLead: mayLead)
        if case .leads(let old) = joined {
            isLeading = true
            self.old = old
        }
        return joined
    }

    /// It is going to wait for another: its caller is told that it has begun, once.
    func follows(_ registered: Registered) async {
        guard !hasAnnounced else { return }
        stage.watch.shares(.followed)
        hasAnnounced = true
        await announce(registered, proposed)
    }

    /// Waits for what another is answered, or for nobody to ask; no longer than `ms`.
    func wait(_ priority: Queue, ms: Int64) async throws(CancellationError) {
        proposed = nil
        try await stage.parking.waitForAnswer(question.hash, priority, ms: ms)
    }

    /// It waits for something else: another may ask meanwhile.
    func leave() {
        proposed = nil
        guard isLeading else { return }
        isLeading = false
        stage.answers.leave(question, by: seat)
    }

    /// What was found may not be passed on to this request, which asks for itself.
    func turnDown() {
        stage.watch.shares(.unfit)
        isOff = true
    }

    func served() { stage.watch.shares(.hit) }
    func servedOld() { stage.watch.shares(.stale) }

    /// The model was asked: what it said is for all, if it could be passed on.
    func land(_ draft: Draft) async {
        guard isLeading else { return }
        stage.watch.shares(.miss)
        guard case .passed = draft.verdict, let said = draft.said, let call = draft.calls.last,
            let name = call.modelName, said.count <= SharedAnswer.Limits.bytesMax
        else { return leave() }
        let answer = SharedAnswer(said: said, endpoint: call.route.endpoint, modelName: name)
        guard await stage.answers.share(answer, to: question, by: seat) else { return leave() }
        isLeading = false
        await stage.parking.answerCame(question.hash)
    }
}
