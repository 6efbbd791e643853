/// What is tried for a menu, and in which order: the same for all requests of one view, tolerance
/// and market, so it is put together once.
enum MenuOrder {
    typealias Attempt = (choice: Choice, later: Int)

    static func choices(_ request: CandidateRequest) -> [Attempt] {
        let holds = request.freeShares >= Limits.standardMultiplier
        return all[place(request.trend, holds, request.regime, request.tolerance)]
    }

    private static let all: [[Attempt]] = Trend.allCases.flatMap { trend in
        [false, true].flatMap { holds in
            VolatilityRegime.allCases.flatMap { regime in
                Tolerance.allCases.map { tolerance in choices(trend, holds, regime, tolerance) }
            }
        }
    }

    private static func place(
        _ trend: Trend,
        _ holds: Bool,
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> Int {
        let trends = trend == .bullish ? 0 : trend == .neutral ? 1 : 2
        let regimes = regime == .low ? 0 : regime == .normal ? 1 : regime == .high ? 2 : 3
        let tolerances = tolerance == .low ? 0 : tolerance == .medium ? 1 : 2
        return ((trends * 2 + (holds ? 1 : 0)) * 4 + regimes) * 3 + tolerances
    }

    /// The cell of the table, then more careful customers' cells, then the same view's
    /// in other markets, and all of them further from the money and one expiry later.
    private static func choices(
        _ trend: Trend,
        _ holds: Bool,
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Attempt] {
        func cell(_ holds: Bool, _ regime: VolatilityRegime, _ tolerance: Tolerance) -> [Choice] {
            FallbackTable.choices(trend, holdsShares: holds, regime: regime, tolerance: tolerance)
        }
        let own = cell(holds, regime, tolerance)
        // Where the table says to do nothing, there is no menu beside it.
        guard !own.isEmpty else { return [] }
        let calmer = Tolerance.allCases.filter { $0 < tolerance }.reversed()
        var near = calmer.flatMap { cell(holds, regime, $0) }
        if holds { near += ([tolerance] + calmer).flatMap { cell(false, regime, $0) } }
        // What suits the same view when options are cheaper or dearer, but for a panic.
        for other in VolatilityRegime.allCases where other != .extreme {
            near += ([tolerance] + calmer).flatMap { cell(false, other, $0) }
        }
        let further = (own + near).compactMap(Self.further)
        var all: [Attempt] = []
        func add(_ choices: [Choice], later: Int) {
            for choice in choices
            where !all.contains(where: { $0.later == later && $0.choice == choice }) {
                all.append((choice, later))
            }
        }
        add(own + near + further, later: 0)
        add(own + near + further, later: 1)
        add(own, later: 2)
        return all
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
