import Contract
import Options
import Pipeline
import Policy
import Synchronization

/// A stream store that remembers what it was told, and fails as often as it is asked to.
final class FakeStreams: Streams {
    struct State {
        var commits: [TerminalEvent] = []
        var letters: [DeadLetter] = []
        var announced: [InterimEvent] = []
        var waits: [Int] = []
        var releases: [RawEntry] = []
        var marks: [Standing] = []
        /// What the books still have to say to standings; then all are marked.
        var markings: [Marking] = []
        var bids: [Bid] = []
        /// What the books still have to say, in turn; then they grant all that is asked for.
        var admittances: [Admittance] = []
        /// Steps of an expansion that were asked for, and what is still to be said to some of them.
        var steps: [ExpansionStep] = []
        var expansions: [Expanded] = []
        /// Failures still to come, then `receipts`, then success.
        var failures: [StreamFailure] = []
        var receipts: [Receipt] = []
    }
    let state: Mutex<State>

    private let tier: Tier
    /// Of the user's profile.
    private let approvalLevel: Int?

    init(
        failures: [StreamFailure] = [],
        receipts: [Receipt] = [],
        admittances: [Admittance] = [],
        tier: Tier = .free,
        approvalLevel: Int? = nil
    ) {
        self.tier = tier
        self.approvalLevel = approvalLevel
        state = Mutex(
            State(admittances: admittances, failures: failures, receipts: receipts)
        )
    }

    private var limits: LimitsPayload {
        LimitsPayload(
            tier: tier.rawValue,
            requestsLeft: 9,
            costLeft: NanoUSD(900_000_000),
            resetsAtMs: Bench.noon + 3_600_000
        )
    }

    func admit(_ accepted: Accepted, _ bid: Bid) async throws(StreamFailure) -> Admittance {
        state.withLock { state in
            state.bids.append(bid)
            if !state.admittances.isEmpty { return state.admittances.removeFirst() }
            return .granted(
                Grant(
                    attempt: accepted.entry.history.attempt,
                    reserved: bid.most,
                    deadlineMs: accepted.times.deadlineMs,
                    limits: limits,
                    inherited: nil,
                    approvalLevel: approvalLevel
                )
            )
        }
    }

    func admit(_ batch: AcceptedBatch) async throws(StreamFailure) -> Admittance {
        state.withLock { state in
            if !state.admittances.isEmpty { return state.admittances.removeFirst() }
            return .granted(
                Grant(
                    attempt: batch.entry.history.attempt,
                    reserved: .zero,
                    deadlineMs: batch.times.deadlineMs,
                    limits: limits,
                    inherited: nil
                )
            )
        }
    }

    func expand(_ step: ExpansionStep) async throws(StreamFailure) -> Expanded {
        let outcome: Result<Expanded, StreamFailure> = state.withLock { state in
            state.steps.append(step)
            if !state.failures.isEmpty { return .failure(state.failures.removeFirst()) }
            guard state.expansions.isEmpty else { return .success(state.expansions.removeFirst()) }
            return .success(.at(step.members.upperBound))
        }
        return try outcome.get()
    }

    func mark(
        _ standing: Standing,
        of accepted: Accepted,
        attempt: Int
    ) async throws(StreamFailure) -> Marking {
        state.withLock { state in
            state.marks.append(standing)
            return state.markings.isEmpty ? .marked : state.markings.removeFirst()
        }
    }

    func remind(_ reminder: Reminder) async throws(StreamFailure) -> Receipt { .reminded }

    func release(
        _ entry: RawEntry,
        of identity: Identity?
    ) async throws(StreamFailure) -> Charge? {
        state.withLock { $0.releases.append(entry) }
        return nil
    }

    func commit(_ event: TerminalEvent) async throws(StreamFailure) -> Receipt {
        let outcome: Result<Receipt, StreamFailure> = state.withLock { state in
            state.commits.append(event)
            if !state.failures.isEmpty { return .failure(state.failures.removeFirst()) }
            return .success(state.receipts.isEmpty ? .committed : state.receipts.removeFirst())
        }
        return try outcome.get()
    }

    func bury(_ letter: DeadLetter) async throws(StreamFailure) -> Receipt {
        let outcome: Result<Receipt, StreamFailure> = state.withLock { state in
            state.letters.append(letter)
            if !state.failures.isEmpty { return .failure(state.failures.removeFirst()) }
            return .success(.buried)
        }
        return try outcome.get()
    }

    func announce(_ event: InterimEvent) async { state.withLock { $0.announced.append(event) } }

    func untilWorthAnotherTry(
        after failure: StreamFailure,
        tries: Int
    ) async throws(CancellationError) {
        state.withLock { $0.waits.append(tries) }
    }
}

/// A fleet that grants what is asked, after what it still has to say, and remembers it.
final class FakeFleet: Fleet {
    struct State {
        var turns: [Turn] = []
        var reserved: [Reservation] = []
        var settled: [(name: String, cost: NanoUSD)] = []
    }
    let state: Mutex<State>

    private let whenAsked: @Sendable () -> Void

    init(turns: [Turn] = [], whenAsked: @escaping @Sendable () -> Void = {}) {
        state = Mutex(State(turns: turns))
        self.whenAsked = whenAsked
    }

    func reserve(_ reservation: Reservation) async throws(StreamFailure) -> Turn {
        whenAsked()
        return state.withLock { state in
            state.reserved.append(reservation)
            return state.turns.isEmpty ? .granted(reservation.most) : state.turns.removeFirst()
        }
    }

    func settle(_ name: String, cost: NanoUSD) async throws(StreamFailure) {
        state.withLock { $0.settled.append((name, cost)) }
    }
}

/// A car park where nobody waits: who asks goes on at once, and the waits are written down.
final class FakeParking: Parking {
    private let notes = Mutex<[String]>([])
    /// An operator has paused, until the first wait for him.
    let isPaused = Mutex(false)
    var waits: [String] { notes.withLock { $0 } }

    func hasRoom(for user: String) async -> Bool { true }
    func takePlace(of user: String) async -> Bool { true }
    func leavePlace(of user: String) async {}
    func waitForUser(
        _ user: String,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) { notes.withLock { $0.append("user \(ms)") } }
    func waitForFleet(
        _ priority: Queue,
        ms: Int64,
        atMostMs: Int64
    ) async throws(CancellationError) -> Bool {
        notes.withLock { $0.append("fleet \(ms)") }
        return true
    }
    func isFleetBusy(for priority: Queue) async -> Bool { false }
    func fleetAnswered(_ priority: Queue, _ answer: FleetAnswer) async {}
    func isPaused(_ partition: Int) async -> Bool { isPaused.withLock { $0 } }
    func waitWhilePaused(
        _ partition: Int,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) {
        notes.withLock { $0.append("paused \(ms)") }
        isPaused.withLock { $0 = false }
    }
    func settled(_ user: String) async {}

    // MARK: Who waits for another's answer

    /// In place of a wait, where a test says so.
    let whenFollowing = Mutex<(@Sendable () -> Void)?>(nil)
    private let followers = Mutex<[CheckedContinuation<Bool, Never>]>([])
    var following: Int { followers.withLock { $0.count } }

    func waitForAnswer(
        _ question: String,
        _ priority: Queue,
        ms: Int64
    ) async throws(CancellationError) {
        notes.withLock { $0.append("answer \(ms)") }
        if let act = whenFollowing.withLock({ $0 }) { return act() }
        let turn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                followers.withLock { $0.append(continuation) }
            }
        } onCancel: {
            nobodyAsks(false)
        }
        if !turn { throw CancellationError() }
    }

    func answerCame(_ question: String) async {
        for follower in followers.withLock({ all in
            defer { all = [] }
            return all
        }) {
            follower.resume(returning: true)
        }
    }

    /// As who watches for others does.
    func nobodyAsks(_ turn: Bool = true) {
        let next = followers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        next?.resume(returning: turn)
    }
}

/// A clock that a test sets, or moves with each look at it.
final class FakeClock: StoreClock {
    private let now: Mutex<Int64>
    private let step: Int64

    init(at now: Int64, step: Int64 = 0) {
        self.now = Mutex(now)
        self.step = step
    }

    func nowMs() -> Int64 {
        now.withLock { now in
            defer { now += step }
            return now
        }
    }

    func move(by ms: Int64) { now.withLock { $0 += ms } }
}

/// A restricted list that stays as it is.
struct FakeRestrictions: Restrictions {
    var list = RestrictedList.empty

    func inForce() async throws(CancellationError) -> RestrictedList { list }
}

/// A watch that writes down what it saw, in order.
final class FakeWatch: Watch {
    private let seen = Mutex<[String]>([])
    var notes: [String] { seen.withLock { $0 } }

    func begin() -> ContinuousClock.Instant { .now }
    func end(_ stage: Stage, since start: ContinuousClock.Instant) { note(stage.rawValue) }
    func started(_ accepted: Accepted) { note("started") }
    func calls(_ kind: Ladder.Kind) {}
    func shares(_ outcome: SharingOutcome) { note("shares \(outcome)") }
    func reached(_ step: Step) {}
    func screened(_ accepted: Accepted, _ verdict: ScreeningVerdict) {
        note("screened \(verdict.level)")
    }
    func restricted(_ accepted: Accepted, _ hit: RestrictedList.Hit) { note("restricted") }
    func expanded(_ batch: AcceptedBatch) { note("expanded") }
    func ended(_ address: Address, _ ending: Ending, _ receipt: Receipt) { note("ended") }
    private func note(_ word: String) { seen.withLock { $0.append(word) } }
}

/// A pipeline over doubles, and what it did.
struct Bench {
    /// 2026-11-24, 15:00 UTC: a trading day.
    static let noon: Int64 = 1_795_532_400_000

    let streams: FakeStreams
    let model: FakeModel
    let clock: FakeClock
    let fleet: FakeFleet
    let parking = FakeParking()
    let watch = FakeWatch()
    let switchboard = FakeSwitchboard()
    let pauses: FakePauses
    var hedgeAfterMs: Int64?
    var partition = 0
    var partitions = 1
    var restricted = RestrictedList.empty
    var authority: (any Authority)?
    /// Nil where each asks for itself.
    var answers: FakeAnswers?
    var usage: (any UsageBooks)?
    var proposing = Proposing.Rules()

    init(
        streams: FakeStreams = FakeStreams(),
        model: FakeModel = FakeModel(proposing: soundChoice),
        clock: FakeClock = FakeClock(at: noon),
        fleet: FakeFleet = FakeFleet()
    ) {
        self.fleet = fleet
        self.streams = streams
        self.model = model
        self.clock = clock
        pauses = FakePauses(clock)
    }

    func run(_ entry: RawEntry) async throws(CancellationError) -> Receipt {
        let rules = Intake.Rules(
            payloadBytesMax: 4_096,
            requestTimeoutMs: 30_000,
            batchTimeoutMs: 3_600_000,
            partition: partition,
            partitions: partitions
        )
        let pipeline = Pipeline(
            intake: Intake(rules: rules, clock: clock),
            authorizing: Authorizing(authority: authority),
            screening: Screening(restrictions: FakeRestrictions(list: restricted)),
            admission: Admission(
                streams: streams,
                fleet: fleet,
                parking: parking,
                clock: clock,
                watch: watch,
                partition: partition
            ),
            sharing: answers.map { Sharing(answers: $0, parking: parking, watch: watch) },
            enrichment: Enrichment(rules: .init(rate: 0.04), clock: clock),
            proposing: Proposing(rules: proposing),
            expansion: Expansion(streams: streams, clock: clock, watch: watch),
            reporting: Reporting(books: usage),
            generation: Generation(
                model: model,
                streams: streams,
                fleet: fleet,
                switchboard: switchboard,
                pauses: pauses,
                clock: clock,
                watch: watch,
                rules: .init(outputTokensMax: 4_000, hedgeAfterMs: hedgeAfterMs)
            ),
            validation: Validation(clock: clock),
            fallback: Fallback(clock: clock),
            settlement: Settlement(
                streams: streams,
                fleet: fleet,
                parking: parking,
                watch: watch,
                replyTTLMs: 600_000,
                worker: "worker-1"
            ),
            clock: clock,
            watch: watch
        )
        return try await pipeline.run(Lease(on: entry))
    }

    /// One whose user may ask for legs of the model's own.
    static func custom(_ model: FakeModel = FakeModel(proposing: soundProposal)) -> Bench {
        Bench(streams: FakeStreams(tier: .enterprise), model: model)
    }

    /// Runs one request, and reads the answer.
    func answer(
        _ payload: String = soundPayload
    ) async throws -> [String: Any] {
        _ = try await run(entry([("request_id", "r1"), ("payload", payload)]))
        return try members(commits.first)
    }

    var commits: [TerminalEvent] { streams.state.withLock { $0.commits } }
    var letters: [DeadLetter] { streams.state.withLock { $0.letters } }
    var announced: [InterimEvent] { streams.state.withLock { $0.announced } }
    var releases: [RawEntry] { streams.state.withLock { $0.releases } }
    var waits: [Int] { streams.state.withLock { $0.waits } }
}
