/// How to build a strategy once spot, volatility and calendar are known: a form and the deltas
/// of its strikes (absolute values).
package enum Recipe: Hashable, Sendable {
    /// Sells the option at a delta and buys the next ones outward: bull put or bear call.
    case creditSpread(Right, delta: Double)
    /// Buys near the money, sells further out: bull call or bear put.
    case debitSpread(Right)
    case long(Right, delta: Double)
    case ironCondor(delta: Double)
    case ironButterfly
    case callButterfly
    case callCalendar
    /// Sells the front option out of the money, buys the next expiry's nearer one.
    case diagonal(Right)
    case poorMansCoveredCall
    case cashSecuredPut(delta: Double)
    // On shares that are held: the shares are not traded.
    case coveredCall(delta: Double)
    case collar
    case putSpreadCollar
    case protectivePut(delta: Double)

    /// What the days to expiry aim at: 30–50 for credits, 45–75 for debits, 60–100 for hedges.
    var days: Int {
        switch self {
        case .creditSpread, .ironCondor, .ironButterfly, .cashSecuredPut, .coveredCall: 45
        case .callCalendar, .diagonal, .poorMansCoveredCall: 35
        case .debitSpread, .long, .callButterfly: 60
        case .collar, .putSpreadCollar, .protectivePut: 80
        }
    }

    /// Needs shares that no other short call is written on.
    package var needsShares: Bool {
        switch self {
        case .coveredCall, .collar, .putSpreadCollar, .protectivePut: true
        case .creditSpread, .debitSpread, .long, .ironCondor, .ironButterfly, .callButterfly,
            .callCalendar, .diagonal, .poorMansCoveredCall, .cashSecuredPut:
            false
        }
    }
}

/// A recipe in its place in the table, and whether to do only half of what the budget allows.
package struct Choice: Hashable, Sendable {
    package let recipe: Recipe
    package let half: Bool

    init(_ recipe: Recipe, half: Bool = false) {
        self.recipe = recipe
        self.half = half
    }
}
