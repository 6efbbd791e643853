import Contract
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
        /// Failures still to come, then `receipts`, then success.
        var failures: [StreamFailure] = []
        var receipts: [Receipt] = []
    }
    let state: Mutex<State>

    init(failures: [StreamFailure] = [], receipts: [Receipt] = []) {
        state = Mutex(State(failures: failures, receipts: receipts))
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

/// A model that answers what it was given, and remembers what it was asked.
final class FakeModel: Model {
    private let answer: @Sendable (Question) async -> Completion
    private let questions = Mutex<[Question]>([])
    var asked: [Question] { questions.withLock { $0 } }

    init(_ answer: @escaping @Sendable (Question) async -> Completion) { self.answer = answer }

    convenience init(proposing proposal: String) {
        self.init { _ in
            .answer(
                .init(
                    proposal: Array(proposal.utf8),
                    modelName: "fake-1",
                    usage: TokenUsage(promptTokens: 898, completionTokens: 228),
                    cost: NanoUSD(15_820_000)
                )
            )
        }
    }

    convenience init(failing failure: ModelFailure) { self.init { _ in .failure(failure) } }

    func complete(_ question: Question) async -> Completion {
        questions.withLock { $0.append(question) }
        return await answer(question)
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

/// A watch that writes down what it saw, in order.
final class FakeWatch: Watch {
    private let seen = Mutex<[String]>([])
    var notes: [String] { seen.withLock { $0 } }

    func begin() -> ContinuousClock.Instant { .now }
    func end(_ stage: Stage, since start: ContinuousClock.Instant) { note(stage.rawValue) }
    func started(_ accepted: Accepted) { note("started") }
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
    let watch = FakeWatch()
    var partition = 0
    var partitions = 1

    init(
        streams: FakeStreams = FakeStreams(),
        model: FakeModel = FakeModel(proposing: soundProposal),
        clock: FakeClock = FakeClock(at: noon)
    ) {
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
            generation: Generation(
                model: model,
                clock: clock,
                rules: .init(outputTokensMax: 4_000)
            ),
            validation: Validation(),
            settlement: Settlement(
                streams: streams,
                clock: clock,
                replyTTLMs: 600_000,
                worker: "worker-1"
            ),
            watch: watch
        )
        return try await pipeline.run(Lease(on: entry))
    }

    var commits: [TerminalEvent] { streams.state.withLock { $0.commits } }
    var letters: [DeadLetter] { streams.state.withLock { $0.letters } }
    var announced: [InterimEvent] { streams.state.withLock { $0.announced } }
    var waits: [Int] { streams.state.withLock { $0.waits } }
}
