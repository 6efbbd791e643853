/// What a broker would ask to be set aside for a strategy, and by which rule.
///
/// An estimate of the customer requirement less what the trade itself brings in, so for a debit
/// the debit, for a credit spread its width less the credit. Sources: FINRA Rule 4210(f)(2),
/// the Cboe margin manual, Regulation T; brokers may ask for more.
package struct Margin: Hashable, Sendable {
    package enum Rule: String, Hashable, Sendable, CaseIterable {
        /// The options are paid in full.
        case fullCost = "full_cost"
        /// The largest loss of a spread: its width less the credit, or its debit.
        case spreadLoss = "spread_largest_loss"
        /// Two wings of different width are two spreads.
        case twoSpreads = "two_spreads"
        /// Strike gaps against the holder plus the debit.
        case strikeGap = "strike_gap"
        /// The strike in cash less the premium.
        case cashSecured = "cash_secured"
        /// Half of the shares' value (Regulation T), and what the options cost.
        case stockInitial = "stock_initial"
        /// Half of the value of shares sold short, and what the put is in the money.
        case shortStock = "short_stock"
        /// Premium + max(20 % S − out of the money, 10 % of S or K); 15 % for a broad index.
        case naked = "naked"
        /// The greater naked side and the premium of the other.
        case greaterSide = "greater_side"
        /// A spread and a naked option beside it.
        case spreadAndNaked = "spread_and_naked"
        /// A tenth of the strike, and what a short option is in the money.
        case conversion
    }

    /// Dollars; never negative.
    package let usd: Double
    package let rule: Rule

    init(usd: Double, rule: Rule) {
        // Nothing is nothing, not minus nothing.
        self.usd = usd + 0
        self.rule = rule
    }
}

/// Applies the margin rules of the catalogue.
package struct MarginEstimate: Sendable {
    package let spot: Double
    /// Broad-based index options ask for 15 % where others ask for 20 %.
    package let isBroadIndex: Bool

    package init(spot: Double, isBroadIndex: Bool = false) {
        self.spot = spot
        self.isBroadIndex = isBroadIndex
    }

    /// - Parameters:
    ///   - maxLoss: Dollars at the front expiry; nil when unbounded.
    ///   - known: What the options cost, where that has been computed.
    package func margin(
        for legs: [RankedLeg],
        as classification: Classification,
        maxLoss: Double?,
        debit known: Double? = nil
    ) -> Margin {
        let debit = known ?? -Payoff(legs: legs.map(\.leg)).netPremium.dollars
        if legs.contains(where: { $0.leg.instrument == .stock }) {
            return withStock(legs, classification, debit: debit)
        }
        switch classification.name {
        case .cashSecuredPut:
            let strikes = legs.reduce(0) { $0 + (worthAtStrike($1.leg)) }
            return Margin(usd: max(0, strikes + debit), rule: .cashSecured)
        case .shortStraddle, .shortStrangle: return greaterSide(legs)
        case .ironCondor, .ironButterfly:
            let wings = Self.wings(legs)
            if let first = wings.first, wings.contains(where: { $0 != first }) {
                return Margin(usd: max(0, wings.reduce(debit, +)), rule: .twoSpreads)
            }
        default: break
        }
        let spread = classification.level <= 3
        if spread, !legs.contains(where: { $0.leg.action == .sell }) {
            return Margin(usd: max(0, debit), rule: .fullCost)
        }
        if spread, let maxLoss, legs.allSatisfy({ $0.expiry == legs[0].expiry }) {
            return Margin(usd: max(0, debit, maxLoss), rule: .spreadLoss)
        }
        let pairs = Pairing(legs)
        if spread {
            return Margin(usd: max(0, pairs.gapUSD + debit), rule: .strikeGap)
        }
        // A naked option is asked for with its premium on top, so that its credit stays in.
        let bare = pairs.bare.reduce(0) { $0 + naked($1.leg, shares: $1.shares) }
        let rest = pairs.bare.reduce(debit) { $0 + $1.leg.price.dollars * Double($1.shares) }
        let alone = pairs.bare.count == legs.count
        return Margin(
            usd: max(0, bare + pairs.gapUSD + rest),
            rule: alone ? .naked : .spreadAndNaked
        )
    }

    /// Premium + max(rate · S − out of the money, 10 % of S for a call, of K for a put), in
    /// dollars for so many shares.
    package func naked(_ leg: Leg, shares: Int) -> Double {
        guard case .option(let right, let strike) = leg.instrument else { return 0 }
        let struck = strike.dollars
        let away = max(0, right == .call ? struck - spot : spot - struck)
        let least = 0.1 * (right == .call ? spot : struck)
        let rate = isBroadIndex ? 0.15 : 0.2
        return (leg.price.dollars + max(rate * spot - away, least)) * Double(shares)
    }

    private func withStock(
        _ legs: [RankedLeg],
        _ classification: Classification,
        debit: Double
    ) -> Margin {
        let shares = legs.reduce(0) {
            $0 + ($1.leg.instrument == .stock ? $1.leg.signedShares : 0)
        }
        let half = 0.5 * spot * Double(abs(shares))
        switch classification.name {
        case .conversion, .reversal:
            let short = legs.filter { $0.leg.instrument != .stock && $0.leg.action == .sell }
            let inside = short.reduce(0) { $0 + intrinsic($1.leg) }
            let tenth = short.reduce(0) { $0 + 0.1 * worthAtStrike($1.leg) }
            return Margin(usd: tenth + inside, rule: .conversion)
        case .coveredPut:
            let inside = legs.reduce(0) { $0 + intrinsic($1.leg) }
            return Margin(usd: half + inside, rule: .shortStock)
        case .coveredStrangle:
            let puts = legs.filter { $0.leg.instrument.right == .put }
            let cash = puts.reduce(0) { $0 + worthAtStrike($1.leg) + cost($1.leg) }
            return Margin(usd: half + max(0, cash), rule: .stockInitial)
        default:
            let bare = Pairing(legs, stock: shares).bare
            let extra = bare.reduce(0) { $0 + naked($1.leg, shares: $1.shares) }
            let rule: Margin.Rule =
                !bare.isEmpty ? .spreadAndNaked : shares < 0 ? .shortStock : .stockInitial
            return Margin(usd: half + extra + max(0, debit), rule: rule)
        }
    }

    private func greaterSide(_ legs: [RankedLeg]) -> Margin {
        var sides: [(requirement: Double, premium: Double)] = []
        for ranked in legs {
            let shares = abs(ranked.leg.signedShares)
            sides.append(
                (naked(ranked.leg, shares: shares), ranked.leg.price.dollars * Double(shares))
            )
        }
        let premium = sides.reduce(0) { $0 + $1.premium }
        let usd = sides.map { $0.requirement + premium - $0.premium }.max() ?? 0
        return Margin(usd: usd, rule: .greaterSide)
    }

    /// The widths in dollars of the put spread and the call spread.
    private static func wings(_ legs: [RankedLeg]) -> [Double] {
        Right.allCases.map { right in
            let strikes = legs.filter { $0.leg.instrument.right == right }
            let sum = strikes.reduce(0.0) {
                $0 + Double($1.leg.signedShares) * ($1.leg.instrument.strike?.dollars ?? 0)
            }
            return sum.magnitude
        }
    }

    private func cost(_ leg: Leg) -> Double { leg.price.dollars * Double(leg.signedShares) }

    private func worthAtStrike(_ leg: Leg) -> Double {
        (leg.instrument.strike?.dollars ?? 0) * Double(abs(leg.signedShares))
    }

    private func intrinsic(_ leg: Leg) -> Double {
        guard case .option(let right, let strike) = leg.instrument else { return 0 }
        let value = Option(right, strike: strike.dollars, years: 0).intrinsic(at: spot)
        return value * Double(abs(leg.signedShares))
    }
}
