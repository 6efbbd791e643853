/// The numbers that may be said: what was asked, and what was computed from it. Most sentences say
/// none, so nothing is gathered before.
struct Facts {
    private let known: Evidence
    /// Whole numbers up to this one count things: legs, contracts, steps.
    private static let countsMax = 4.0

    init(_ known: Evidence) { self.known = known }

    /// What a sentence says that nobody gave and nothing computed; nil when all is well.
    func ungrounded(in sentence: String) -> String? {
        let stated = StatedNumber.all(in: sentence)
        if let date = stated.dates.first(where: { !isKnown($0) }) { return "\(date)" }
        let loose = stated.numbers.first { number in
            if number.unit == 1, number.value <= Self.countsMax, !number.isPercent { return false }
            return !isKnown(number)
        }
        return loose.map { Wording.plain($0.value, decimals: 4) }
    }

    private func isKnown(_ date: CivilDate) -> Bool {
        date == known.today || known.subject.legs.contains { $0.expiry == date }
    }

    private func isKnown(_ number: StatedNumber) -> Bool {
        func states(_ fact: Double?) -> Bool { fact.map { number.states($0) } ?? false }
        let market = known.subject.market
        if states(market.spot) || states(market.rate) || states(market.dividendYield)
            || states(known.subject.volatility) || states(100) || states(known.subject.maxLossUSD)
            || states(known.subject.maxDebitUSD) || states(known.subject.vix)
            || states(known.subject.account.equityUSD)
            || states(known.subject.account.buyingPowerUSD)
            || known.subject.facts.contains(where: number.states)
        {
            return true
        }
        let premium = known.payoff.netPremium.dollars
        if states(known.margin.usd) || states(known.addedLoss) || states(premium)
            || states(premium / 100) || states(known.maxProfit)
            || states(known.maxLoss)
            || known.statedLosses.contains(where: number.states)
            || known.breakevens.contains(where: number.states)
            || states(known.chances?.ofProfit) || states(known.chances?.mean)
        {
            return true
        }
        let greeks = known.greeks
        return states(greeks.delta) || states(greeks.gamma) || states(greeks.thetaPerDay)
            || states(greeks.vegaPerPoint) || states(greeks.rhoPerPoint)
            || known.subject.legs.contains { isKnown(number, of: $0) }
            || known.held.contains { isKnown(number, of: $0) }
    }

    private func isKnown(_ number: StatedNumber, of leg: Leg) -> Bool {
        if number.states(leg.price.dollars) || number.states(Double(leg.quantity))
            || number.states(Double(leg.signedShares))
        {
            return true
        }
        if let expiry = leg.expiry {
            let days = known.today.days(until: expiry)
            if number.states(Double(days)) || number.states(Double(expiry.day))
                || number.states(Double(expiry.year))
            {
                return true
            }
        }
        guard let strike = leg.instrument.strike?.dollars else { return false }
        return number.states(strike)
            || known.subject.legs.contains { other in
                guard let second = other.instrument.strike?.dollars, other != leg else {
                    return false
                }
                return number.states((strike - second).magnitude)
            }
    }
}
