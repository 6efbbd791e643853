package import Contract
package import Options
package import Policy

/// Where entries come from and answers go: what the pipeline asks of the stream store.
///
/// Each of these happens as a whole or not at all, and is harmless when repeated.
package protocol Streams: Sendable {
    /// Takes a request into the books: whose it is, its place in the user's hour, what it may cost.
    func admit(_ accepted: Accepted, _ bid: Bid) async throws(StreamFailure) -> Admittance

    /// Takes a batch's envelope into the books: whose it is. It takes no place in its user's hour.
    func admit(_ batch: AcceptedBatch) async throws(StreamFailure) -> Admittance

    /// Adds some members of a batch to their stream.
    func expand(_ step: ExpansionStep) async throws(StreamFailure) -> Expanded

    /// Marks that the model is about to be called, and what the call may cost.
    ///
    func mark(
        _ standing: Standing,
        of accepted: Accepted,
        attempt: Int
    )
        async throws(StreamFailure) -> Marking

    /// Writes the terminal event, acknowledges the entry, deletes it, settles what it cost.
    func commit(_ event: TerminalEvent) async throws(StreamFailure) -> Receipt

    /// Tells who asks again that the request has ended and its answer is gone.
    func remind(_ reminder: Reminder) async throws(StreamFailure) -> Receipt

    /// Moves an entry that cannot be answered to the dead letters.
    func bury(_ letter: DeadLetter) async throws(StreamFailure) -> Receipt

    /// Hands an entry back: another worker reads it at once, and no attempt is charged.
    ///
    /// - Returns: What a call that was under way is charged at.
    func release(
        _ entry: RawEntry,
        of identity: Identity?
    )
        async throws(StreamFailure) -> Charge?

    /// Adds an event that ends nothing. Best effort: who misses it still gets the terminal one.
    func announce(_ event: InterimEvent) async

    /// Returns when another try makes sense: the store is back, or has had time to recover.
    ///
    /// - Parameter tries: How often it has failed for the same purpose, at least 1; the pause grows
    ///   with it, so that nobody asks in a loop.
    func untilWorthAnotherTry(
        after failure: StreamFailure,
        tries: Int
    ) async throws(CancellationError)
}

/// What the whole fleet may do: its calls a minute, its cost an hour.
package protocol Fleet: Sendable {
    func reserve(_ reservation: Reservation) async throws(StreamFailure) -> Turn

    /// Puts what a call cost in place of what was reserved for it. Whoever comes second adds nothing.
    func settle(_ name: String, cost: NanoUSD) async throws(StreamFailure)
}

/// Where requests wait that cannot start yet: they hold no run slot meanwhile.
package protocol Parking: Sendable {
    /// Whether one more request of this user may wait.
    func hasRoom(for user: String) async -> Bool

    /// Takes a place among this user's requests that wait, until `leavePlace`; false when none is left.
    func takePlace(of user: String) async -> Bool

    func leavePlace(of user: String) async

    /// Waits, in its place, until this user's reservations may have been settled, or for `ms` at the
    /// most.
    func waitForUser(_ user: String, _ priority: Queue, ms: Int64) async throws(CancellationError)

    /// Waits for a turn: one request at a time, by weight among the priorities, once the fleet may go
    /// on with this one, which is `ms` from now where the caller has just been told so.
    ///
    /// - Returns: True when it is the caller's turn: it asks the fleet, and says what came of it by
    ///   `fleetAnswered`. False when `atMostMs` have passed before.
    func waitForFleet(
        _ priority: Queue,
        ms: Int64,
        atMostMs: Int64
    ) async throws(CancellationError) -> Bool

    /// Whether others of this priority wait for the fleet already, so that asking now would jump the
    /// queue.
    func isFleetBusy(for priority: Queue) async -> Bool

    /// What the fleet said to whom a turn was given: go on with the next, or wait so long first.
    func fleetAnswered(_ priority: Queue, _ answer: FleetAnswer) async

    /// Whether nothing of this partition may start: an operator has paused it.
    func isPaused(_ partition: Int) async -> Bool

    /// Waits until the partition may go on, or for `ms` at the most.
    func waitWhilePaused(
        _ partition: Int,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError)

    /// A reservation of this user was settled.
    func settled(_ user: String) async

    /// Waits until there may be an answer to this question, or nobody who asks it, or for `ms` at the
    /// most.
    func waitForAnswer(
        _ question: String,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError)

    /// There is an answer to this question, for all who wait for it.
    func answerCame(_ question: String) async
}

/// What came of a turn.
package enum FleetAnswer: Sendable {
    case granted
    /// It was not used: the caller has ended, or could not ask.
    case unused
    /// The next of this priority may ask then.
    case nextIn(ms: Int64)
}

/// What the first call of a request may cost: between the least that is useful and all it asks for.
package struct Bid: Sendable {
    package let least: NanoUSD
    package let most: NanoUSD
    package let mayWait: Bool

    package init(least: NanoUSD, most: NanoUSD, mayWait: Bool) {
        self.least = least
        self.most = most
        self.mayWait = mayWait
    }
}

/// What the books say to a request.
package enum Admittance: Sendable {
    case granted(Grant)
    /// Only other requests' unsettled reservations keep it out.
    case wait(ms: Int64)
    indirect case refused(Rejection)
    /// It was taken back before anybody had read it; nothing was kept.
    case cancelled(Cancellation)
    /// This entry adds nothing, or is somebody else's.
    case dropped(Receipt)
    /// The id is another request's.
    case conflict
}

/// A request's place in the books.
package final class Grant: Sendable {
    package let attempt: Int
    package let reserved: NanoUSD
    /// Unix milliseconds.
    package let deadlineMs: Int64
    /// What the user has left beside this reservation.
    package let limits: LimitsPayload
    /// What an attempt that died at the model is charged at.
    package let inherited: Charge?
    /// Calls that this attempt has made before it was handed back. Their names in the fleet's books are
    /// theirs, whoever settles them when.
    package let callsMade: Int
    /// What the user's profile approves him for, 1–4; nil where it says nothing.
    package let approvalLevel: Int?

    package init(
        attempt: Int,
        reserved: NanoUSD,
        deadlineMs: Int64,
        limits: LimitsPayload,
        inherited: Charge?,
        callsMade: Int = 0,
        approvalLevel: Int? = nil
    ) {
        self.attempt = attempt
        self.reserved = reserved
        self.deadlineMs = deadlineMs
        self.limits = limits
        self.inherited = inherited
        self.callsMade = callsMade
        self.approvalLevel = approvalLevel
    }
}

/// What a call is charged at whose usage nobody knows.
package struct Charge: Sendable {
    /// The reservation's name in the fleet's books.
    package let name: String
    package let cost: NanoUSD

    package init(name: String, cost: NanoUSD) {
        self.name = name
        self.cost = cost
    }
}

/// A call's claim on what the whole fleet may do.
package struct Reservation: Sendable {
    package let name: String
    package let priority: Queue
    package let least: NanoUSD
    package let most: NanoUSD
    package let deadlineMs: Int64

    package init(
        name: String,
        priority: Queue,
        least: NanoUSD,
        most: NanoUSD,
        deadlineMs: Int64
    ) {
        self.name = name
        self.priority = priority
        self.least = least
        self.most = most
        self.deadlineMs = deadlineMs
    }
}

/// What the fleet's limits say to a call.
package enum Turn: Sendable {
    case granted(NanoUSD)
    /// The minute is full; nil when there is never a turn.
    case pace(ms: Int64?)
    /// The hour is full of reservations that are not settled yet.
    case wait(ms: Int64)
    case refused(left: NanoUSD, retryAfterMs: Int64?)
}

/// How an admitted request stands in the books.
package enum Standing: Sendable {
    /// It waits for its turn.
    case parked
    /// It waits for what another is answered that asks the same: nothing is set aside for it.
    case following
    /// At the model.
    ///
    /// - Parameters:
    ///   - reserved: The most that the call may cost.
    ///   - spent: What this attempt's calls before it cost, or may have cost. The user's share of both
    ///     is set aside before the call is made.
    case calling(number: Int, reserved: NanoUSD, spent: NanoUSD)
}

/// What the books say to a standing.
package enum Marking: Equatable, Sendable {
    case marked
    /// The request is no longer this attempt's.
    case lost
    /// The user's hour does not cover the call.
    case unaffordable
}

/// Why the store did not do what it was asked. What cannot be repeated is a receipt, not a failure.
package enum StreamFailure: Error, Sendable {
    /// Not reached, or lost on the way: it may have happened. Ask again.
    case unreachable
    /// It answered, and refused: full, read-only, loading, or misused. Ask again, later.
    case refused(String)
    case cancelled
}

/// What the store said.
package enum Receipt: Equatable, Sendable {
    case committed
    /// An earlier try, or somebody else, had ended the entry. Nothing was written.
    case already
    /// The reply's key holds something that is no stream; nothing was written.
    case replyUnwritable
    /// The id is another request's; nothing was written.
    case conflict
    /// A later attempt owns the request; nothing was written.
    case superseded
    /// The entry is not this worker's any more; nothing was written.
    case lost
    /// The request has ended, and its answer is gone; nothing was written.
    case expired(code: String, cost: NanoUSD)
    /// Another entry of a request that has one already; acknowledged.
    case duplicate
    /// Given back to its living owner.
    case returned
    case buried
    case reminded
    /// A batch's members are in their stream; its envelope has gone, and lives on in the books.
    case expanded
    /// Handed back, for another worker.
    case released
}

/// What the house offers to nobody, as it stands now.
package protocol Restrictions: Sendable {
    /// Waits only until the list has been read for the first time.
    func inForce() async throws(CancellationError) -> RestrictedList
}

/// Who may ask in whose name. Nothing of a token goes further than this.
package protocol Authority: Sendable {
    /// - Parameter atMs: When the credentials were presented, Unix milliseconds.
    func permit(
        _ credentials: RequestEntry.Credentials,
        for identity: Identity,
        atMs: Int64
    ) async throws(CancellationError) -> Permission

    /// What goes on in the token's place with a member of a batch whose token was verified.
    func seal(_ identity: Identity, as tier: String?) async throws(CancellationError) -> String
}

package enum Permission: Sendable {
    /// With the tier that is claimed, if one is, and the claims as they go on, sealed.
    case granted(tier: String?, seal: String)
    /// `unauthorized`: nothing is proved. `forbidden`: somebody else is.
    case refused(Rejection)
}

/// Models that write strategies: what the pipeline asks of them.
package protocol Model: Sendable {
    /// The ways to a model, in the order in which they are tried; at least one.
    var routes: [Route] { get }

    /// What asking such a question may cost there, whatever its menu turns out to be.
    func quote(_ outline: Outline, by route: Route) -> Quote

    /// Of the templates that go with such a question: it stands in every row of usage.
    func version(of form: Question.Form) -> String

    /// Writes the question down.
    func prepare(_ question: Question) -> PreparedCall

    /// What asking it may cost there: no more than its outline's, but for the complaint.
    func quote(_ call: PreparedCall, by route: Route) -> Quote

    /// One call, ended within `timeLeftMs` at the latest. Cancelled, its transfer is closed at once.
    func complete(_ call: consuming PreparedCall, _ terms: CallTerms) async -> Completion
}

/// Which ways to a model are open: what the whole fleet has seen of each.
package protocol Switchboard: Sendable {
    /// Whether a call may go by this way now. A probe is the only one in the fleet.
    func passage(_ route: Route, for kind: Ladder.Kind) async -> Passage

    /// What became of a call that was let through.
    func report(_ route: Route, _ passage: Passage, _ report: CallReport) async

    /// Takes one of the fleet's repeats, or of its calls beside others; false when there is none left.
    func take(_ allowance: Allowance) async -> Bool
}

package enum Passage: Equatable, Sendable {
    case open
    case probe
    case closed
}

/// Calls beyond one a request, each a share of all the fleet's requests at the most.
package enum Allowance: String, CaseIterable, Sendable {
    case repeats
    case besides
}

/// Answers that models gave, for whoever asks the same; and who asks, while there is none.
package protocol SharedAnswers: Sendable {
    /// Looks for an answer, and takes the lead where there is none and nobody has it.
    func join(_ question: AnswerKey, as seat: Seat, mayLead: Bool) async -> Joined

    /// The leader's answer, for all.
    ///
    /// - Returns: False when it does not lead any more, or nobody could be told.
    func share(_ answer: SharedAnswer, to question: AnswerKey, by seat: Seat) async -> Bool

    /// The leader has none. Told soon, also when the leader's task was cancelled.
    func leave(_ question: AnswerKey, by seat: Seat)
}

/// Waiting and chance, handed in.
package protocol Pauses: Sendable {
    func pause(ms: Int64) async throws(CancellationError)
    /// From 0 up to 1.
    func chance() -> Double
}

/// The present by the store's clock, in Unix milliseconds; deadlines are counted by it.
package protocol StoreClock: Sendable {
    func nowMs() -> Int64
}

/// Who watches requests on their way: for metrics and logs, never for decisions.
package protocol Watch: Sendable {
    func begin() -> ContinuousClock.Instant
    func end(_ stage: Stage, since start: ContinuousClock.Instant)
    /// A request is in order and begins; `Accepted.times` tell how long it waited.
    func started(_ accepted: Accepted)
    /// A request's words were looked at.
    func screened(_ accepted: Accepted, _ verdict: ScreeningVerdict)
    /// A request asks for what is on the restricted list.
    func restricted(_ accepted: Accepted, _ hit: RestrictedList.Hit)
    /// A batch's members are in their stream.
    func expanded(_ batch: AcceptedBatch)
    /// The store has said what became of a request.
    func ended(_ address: Address, _ ending: Ending, _ receipt: Receipt)
    /// A model is called, for this reason.
    func calls(_ kind: Ladder.Kind)
    /// What came of looking for an answer to the same question.
    func shares(_ outcome: SharingOutcome)
    /// A step was taken: where tests stop the process.
    func reached(_ step: Step)
}

/// The steps of a request between reading its entry and the end of its commit, in their order.
package enum Step: String, CaseIterable, Sendable {
    case read
    case decoded
    case admitted
    case reserved
    case marked
    case answered
    case judged
    case committed
    case settled
    /// Some of a batch's members have been added.
    case expanded
    /// A request was handed back; its call is not settled.
    case released
}

extension Watch {
    func timed<Value>(_ stage: Stage, _ body: () -> Value) -> Value {
        let start = begin()
        defer { end(stage, since: start) }
        return body()
    }
}
