/// What new legs can lose beyond what held shares lose by themselves.
enum AddedLoss {
    /// Dollars; nil when unbounded.
    ///
    /// A covered call adds none: a rising share costs it profit and no money. With several
    /// expiries the bound does not ask a model: a later leg may be given up for nothing, so the
    /// debit and the gaps between the strikes are the most that is lost.
    static func of(_ legs: [Leg], over held: [Leg]) -> Double? {
        let ranked = RankedLeg.rank(legs + held)
        if Set(legs.compactMap(\.expiry)).count > 1 {
            let shares = held.reduce(0) { $0 + $1.signedShares }
            let pairs = Pairing(ranked.filter { $0.leg.instrument != .stock }, stock: shares)
            guard Cover(ranked).uncoveredCallShares == 0 else { return nil }
            let bare = pairs.bare.reduce(0) {
                $0 + ($1.leg.instrument.strike?.dollars ?? 0) * Double($1.shares)
            }
            return max(0, pairs.gapUSD + bare - Payoff(legs: legs).netPremium.dollars)
        }
        guard let together = Payoff(legs: legs + held).maxLoss else { return nil }
        guard !held.isEmpty else { return together.dollars }
        guard let alone = Payoff(legs: held).maxLoss else { return nil }
        return max(0, (together - alone).dollars)
    }
}
