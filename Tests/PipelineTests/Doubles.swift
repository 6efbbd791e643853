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

    init(
        failures: [StreamFailure] = [],
        receipts: [Receipt] = [],
        admittances: [Admittance] = [],
        tier: Tier = .free
    ) {
        self.tier = tier
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
                    inherited: nil
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
    ) async throws(StreamFailure) -> Bool {
        state.withLock { $0.marks.append(standing) }
        return true
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
}

/// What a model was asked, and on which terms.
struct Asked: Sendable {
    let question: Question
    let terms: CallTerms
}

/// A model that answers what it was given, and remembers what it was asked.
final class FakeModel: Model {
    private let answer: @Sendable (Asked) async -> Completion
    private let state = Mutex<(prepared: Question?, asked: [Asked])>((nil, []))
    var asked: [Asked] { state.withLock { $0.asked } }

    init(_ answer: @escaping @Sendable (Asked) async -> Completion) { self.answer = answer }

    convenience init(proposing proposal: String) {
        self.init { _ in
            .answer(
                .init(
                    proposal: Array(proposal.utf8),
                    modelName: "fake-1",
                    spend: .metered(
                        TokenUsage(promptTokens: 898, completionTokens: 228),
                        NanoUSD(15_820_000)
                    )
                )
            )
        }
    }

    convenience init(failing failure: ModelFailure, _ spend: Spend = .nothing) {
        self.init { _ in .failure(failure, spend) }
    }

    func prepare(_ question: Question) -> PreparedCall {
        state.withLock { $0.prepared = question }
        return PreparedCall(
            prompt: [],
            quote: Quote(
                promptTokensMax: 4_000,
                outputTokensMax: question.outputTokensMax,
                outputTokensMin: 600,
                price: Price(
                    inputPerMillion: NanoUSD(10 * NanoUSD.perDollar),
                    outputPerMillion: NanoUSD(30 * NanoUSD.perDollar)
                )
            )
        )
    }

    func complete(_ call: PreparedCall, _ terms: CallTerms) async -> Completion {
        guard let question = state.withLock({ $0.prepared }) else {
            return .failure(.unusable, .nothing)
        }
        let asked = Asked(question: question, terms: terms)
        state.withLock { $0.asked.append(asked) }
        return await answer(asked)
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
    func reached(_ step: Step) {}
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
    var partition = 0
    var partitions = 1
    var restricted = RestrictedList.empty
    var proposing = Proposing.Rules()

    init(
        streams: FakeStreams = FakeStreams(),
        model: FakeModel = FakeModel(proposing: soundProposal),
        clock: FakeClock = FakeClock(at: noon),
        fleet: FakeFleet = FakeFleet()
    ) {
        self.fleet = fleet
        self.streams = streams
        self.model = model
        self.clock = clock
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
            screening: Screening(restrictions: FakeRestrictions(list: restricted)),
            admission: Admission(
                streams: streams,
                fleet: fleet,
                parking: parking,
                clock: clock,
                watch: watch,
                partition: partition
            ),
            enrichment: Enrichment(rules: .init(rate: 0.04), clock: clock),
            proposing: Proposing(rules: proposing),
            expansion: Expansion(streams: streams, clock: clock, watch: watch),
            generation: Generation(
                model: model,
                clock: clock,
                rules: .init(outputTokensMax: 4_000)
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
