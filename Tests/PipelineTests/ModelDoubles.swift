import Contract
import Pipeline
import Policy
import Synchronization

/// What a model was asked, and on which terms.
struct Asked: Sendable {
    let question: Question
    let terms: CallTerms
    let complaints: [String]
    /// How many were asked before.
    let number: Int
}

/// Models that answer what they were given, and remember what they were asked.
final class FakeModel: Model {
    let routes: [Route]
    private let answer: @Sendable (Asked) async -> Completion
    private let state = Mutex<(prepared: Question?, asked: [Asked])>((nil, []))
    private let priceFactors: [String: Int64]
    var asked: [Asked] { state.withLock { $0.asked } }

    /// - Parameter priceFactors: How much dearer a model is than the others.
    init(
        routes: [Route] = [Route(endpoint: "primary", model: "m1")],
        priceFactors: [String: Int64] = [:],
        _ answer: @escaping @Sendable (Asked) async -> Completion
    ) {
        self.routes = routes
        self.priceFactors = priceFactors
        self.answer = answer
    }

    convenience init(proposing proposal: String) {
        self.init { _ in Self.saying(proposal) }
    }

    convenience init(failing fault: CallFault, _ spend: Spend = .nothing) {
        self.init { _ in .failure(fault, spend) }
    }

    static func saying(_ proposal: String) -> Completion {
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

    func quote(_ outline: Outline, by route: Route) -> Quote {
        quote(outline.outputTokensMax, route)
    }

    func prepare(_ question: Question) -> PreparedCall {
        state.withLock { $0.prepared = question }
        return PreparedCall(question, prompt: [])
    }

    func version(of form: Question.Form) -> String { "test-1" }

    func quote(_ call: PreparedCall, by route: Route) -> Quote {
        quote(call.outputTokensMax, route)
    }

    private func quote(_ outputTokensMax: Int, _ route: Route) -> Quote {
        let factor = priceFactors[route.model] ?? 1
        return Quote(
            promptTokensMax: 4_000,
            outputTokensMax: outputTokensMax,
            outputTokensMin: 600,
            price: Price(
                inputPerMillion: NanoUSD(10 * NanoUSD.perDollar * factor),
                outputPerMillion: NanoUSD(30 * NanoUSD.perDollar * factor)
            )
        )
    }

    func complete(_ call: PreparedCall, _ terms: CallTerms) async -> Completion {
        guard let question = state.withLock({ $0.prepared }) else {
            return .failure(.cancelled, .nothing)
        }
        let asked = state.withLock { state in
            let asked = Asked(
                question: question,
                terms: terms,
                complaints: call.complaints,
                number: state.asked.count
            )
            state.asked.append(asked)
            return asked
        }
        return await answer(asked)
    }
}

/// A switchboard whose closed ways a test names, and that remembers what it was told.
final class FakeSwitchboard: Switchboard {
    struct State {
        var closed: Set<Route> = []
        var probing: Set<Route> = []
        var reports: [(route: Route, passage: Passage, report: CallReport)] = []
        var allowances: [Allowance: Int] = [.repeats: .max, .besides: .max]
    }
    let state = Mutex(State())

    func passage(_ route: Route, for kind: Ladder.Kind) async -> Passage {
        state.withLock { state in
            state.closed.contains(route) ? .closed : state.probing.contains(route) ? .probe : .open
        }
    }

    func report(_ route: Route, _ passage: Passage, _ report: CallReport) async {
        state.withLock { $0.reports.append((route, passage, report)) }
    }

    func take(_ allowance: Allowance) async -> Bool {
        state.withLock { state in
            guard let left = state.allowances[allowance], left > 0 else { return false }
            state.allowances[allowance] = left - 1
            return true
        }
    }
}

/// Pauses that move a clock and take no time.
final class FakePauses: Pauses {
    let clock: FakeClock
    private let taken = Mutex<[Int64]>([])
    var pauses: [Int64] { taken.withLock { $0 } }

    init(_ clock: FakeClock) { self.clock = clock }

    func pause(ms: Int64) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        taken.withLock { $0.append(ms) }
        clock.move(by: ms)
    }

    func chance() -> Double { 0.5 }
}
