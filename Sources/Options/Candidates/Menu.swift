/// The candidates for a request, best first: sized, priced, within every limit that is given.
package struct Menu: Sendable {
    /// 6–12 where as many fit, of different forms or strikes; may be empty.
    package let candidates: [Candidate]
    /// Why the first choice, or everything, was left out; nil when the first choice stands.
    package let noTrade: NoTrade?
    /// Why nothing is on it, where nothing is.
    package var decline: NoTrade {
        noTrade ?? NoTrade(reason: .nothingSuits, rule: "C10", needed: nil)
    }

    /// Of every choice that was left out, in the order in which they were tried.
    private let refusals: [NoTrade]

    /// Lines on a menu: enough to choose from, few enough to read.
    package static let candidatesMax = 12
    /// Of one name: a menu offers forms, not a price list.
    private static let alikeMax = 4

    package init(_ request: CandidateRequest) {
        let bench = Bench(request)
        var found: [Candidate] = []
        var refusals: [NoTrade] = []
        for (rank, choice) in Self.choices(request).enumerated() {
            guard found.count < Self.candidatesMax else { break }
            switch bench.build(choice.choice, later: choice.later, isFirst: rank == 0) {
            case .success(let candidate):
                if Self.isNews(candidate, beside: found, spot: request.market.spot) {
                    found.append(candidate)
                }
            case .failure(let refusal): refusals.append(refusal.noTrade)
            }
        }
        let first = found.first { $0.isFirstChoice }
        let rest = found.filter { !$0.isFirstChoice }
            .enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
            .map(\.element)
        candidates = (first.map { [$0] } ?? []) + rest
        noTrade =
            first == nil
            ? refusals.first ?? NoTrade(reason: .nothingSuits, rule: "C10", needed: nil) : nil
        self.refusals = refusals
    }

    /// What would put something on an empty menu: of each kind of limit the least that any
    /// choice asked for, the first of them that works by itself. Nil when none does, and where
    /// there is something to choose from.
    package func smallestChange(for request: CandidateRequest) -> SmallestChange? {
        guard candidates.isEmpty else { return nil }
        let bound = refusals.isEmpty ? noTrade.map { [$0] } ?? [] : refusals
        for reason in NoTrade.Reason.allCases {
            let least = bound.filter { $0.reason == reason }
                .min { ($0.needed ?? .infinity) < ($1.needed ?? .infinity) }
            if let least, let change = SmallestChange(for: request, least) { return change }
        }
        return nil
    }

    /// The cell of the table, then more careful customers' cells, then the same view's
    /// in other markets, and all of them further from the money and one expiry later.
    private static func choices(
        _ request: CandidateRequest
    ) -> [(choice: Choice, later: Int)] {
        let holds = request.freeShares >= Limits.standardMultiplier
        func cell(_ trend: Trend, _ holds: Bool, _ tolerance: Tolerance) -> [Choice] {
            FallbackTable.choices(
                trend,
                holdsShares: holds,
                regime: request.regime,
                tolerance: tolerance
            )
        }
        let own = cell(request.trend, holds, request.tolerance)
        // Where the table says to do nothing, there is no menu beside it.
        guard !own.isEmpty else { return [] }
        let calmer = Tolerance.allCases.filter { $0 < request.tolerance }.reversed()
        var near = calmer.flatMap { cell(request.trend, holds, $0) }
        if holds {
            near += [request.tolerance].flatMap { cell(request.trend, false, $0) }
            near += calmer.flatMap { cell(request.trend, false, $0) }
        }
        // What suits the same view when options are cheaper or dearer, but for a panic.
        for regime in VolatilityRegime.allCases where regime != .extreme {
            near += ([request.tolerance] + calmer).flatMap {
                FallbackTable.choices(
                    request.trend,
                    holdsShares: false,
                    regime: regime,
                    tolerance: $0
                )
            }
        }
        let further = (own + near).compactMap(Self.further)
        var all = own.map { ($0, 0) } + near.map { ($0, 0) } + further.map { ($0, 0) }
        all += (own + near).map { ($0, 1) } + further.map { ($0, 1) } + own.map { ($0, 2) }
        var seen: [Int: Set<Choice>] = [:]
        return all.filter { seen[$0.1, default: []].insert($0.0).inserted }
            .map { (choice: $0.0, later: $0.1) }
    }

    /// Of one name at one expiry, strikes must lie at least half a per cent of the spot apart.
    private static func isNews(
        _ candidate: Candidate,
        beside found: [Candidate],
        spot: Double
    ) -> Bool {
        let alike = found.filter { $0.name == candidate.name }
        func strikes(_ legs: [Leg]) -> [Double] { legs.compactMap(\.instrument.strike?.dollars) }
        return alike.count < alikeMax
            && alike.allSatisfy { other in
                other.legs.map(\.expiry) != candidate.legs.map(\.expiry)
                    || zip(strikes(other.legs), strikes(candidate.legs))
                        .contains { ($0 - $1).magnitude > 0.005 * spot }
            }
    }

    /// The same form with its short strike a little further out.
    private static func further(_ choice: Choice) -> Choice? {
        let recipe: Recipe
        switch choice.recipe {
        case .creditSpread(let right, let delta):
            recipe = .creditSpread(right, delta: 0.7 * delta)
        case .ironCondor(let delta): recipe = .ironCondor(delta: 0.7 * delta)
        case .cashSecuredPut(let delta): recipe = .cashSecuredPut(delta: 0.7 * delta)
        case .coveredCall(let delta): recipe = .coveredCall(delta: 0.7 * delta)
        case .long(let right, let delta): recipe = .long(right, delta: min(0.8, delta + 0.1))
        case .protectivePut(let delta): recipe = .protectivePut(delta: 0.7 * delta)
        case .debitSpread(.call): recipe = .creditSpread(.put, delta: 0.25)
        case .debitSpread(.put): recipe = .creditSpread(.call, delta: 0.25)
        case .ironButterfly: recipe = .ironCondor(delta: 0.25)
        case .callButterfly: recipe = .ironButterfly
        case .callCalendar, .diagonal, .poorMansCoveredCall, .collar, .putSpreadCollar: return nil
        }
        return Choice(recipe, half: choice.half)
    }
}

extension Candidate {
    /// Order on the menu behind the first choice: how often it earns, and what it is expected to
    /// earn or lose against what it risks.
    var score: Double {
        let risk = max(1, addedMaxLossUSD ?? margin.usd)
        return probabilityOfProfit + max(-0.5, min(0.5, expectedValueUSD / risk))
    }
}
