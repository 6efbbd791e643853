internal import Glibc

/// An options strategy that suits the facts: what a competent model would propose.
///
/// A credit spread on the side that the trend points away from, or both sides when there is no
/// trend. Strikes lie on the grid, out of the money; premiums are Black–Scholes without interest,
/// so that no leg is an arbitrage; the quantity keeps the loss within the caller's limit.
package struct Proposal: Sendable {
    package struct Leg: Sendable, Equatable {
        package let isSale: Bool
        package let isCall: Bool
        package let strike: Double
        /// USD per share, in whole cents.
        package let premium: Double
    }

    package let name: String
    package let outlook: String
    package let legs: [Leg]
    package let expiry: CivilDay
    package let daysToExpiry: Int
    package let quantity: Int
    /// USD per share, received.
    package let credit: Double
    /// USD per share between the strikes of one side.
    package let width: Double

    package var maxProfitUSD: Double { Self.cents(credit * 100 * Double(quantity)) }
    package var maxLossUSD: Double { Self.cents((width - credit) * 100 * Double(quantity)) }

    package var breakevens: [Double] {
        legs.filter(\.isSale).map { leg in
            Self.cents(leg.isCall ? leg.strike + credit : leg.strike - credit)
        }
    }

    /// Nil when nothing fits: no price, or not even the narrowest spread within the loss limit.
    package init?(_ facts: Facts) {
        guard let spot = facts.spot else { return nil }
        let today = facts.asOf ?? facts.expiries.first.map { $0 + -45 } ?? CivilDay(number: 20_000)
        let expiry = Self.expiry(facts, today: today)
        let years = Double(max(expiry - today, 1)) / 365
        let pricing = Pricing(
            spot: spot,
            years: years,
            volatility: facts.volatility,
            step: facts.strikeStep,
            distance: Self.distance(facts.tolerance)
        )
        let limit = facts.maxLossUSD ?? 1000
        let widest = max(1, Int((spot * 0.012 / facts.strikeStep).rounded()))
        for steps in stride(from: widest, through: 1, by: -1) {
            let puts = facts.trend == .down ? [] : pricing.spread(isCall: false, steps: steps)
            let calls = facts.trend == .up ? [] : pricing.spread(isCall: true, steps: steps)
            let legs = puts + calls
            guard legs.allSatisfy({ $0.strike > 0 }) else { continue }
            let credit = Self.cents(
                legs.reduce(0) { $0 + ($1.isSale ? $1.premium : -$1.premium) }
            )
            let width = pricing.grid(Double(steps))
            let unitLoss = (width - credit) * 100
            guard credit > 0, unitLoss > 0, unitLoss <= limit else { continue }
            self.legs = legs
            self.credit = credit
            self.width = width
            self.expiry = expiry
            daysToExpiry = expiry - today
            quantity = min(Self.quantityMax, Int(limit / unitLoss))
            (name, outlook) = Self.words(facts.trend)
            return
        }
        return nil
    }

    private static let quantityMax = 100

    /// Short strikes lie so many standard deviations out of the money.
    private static func distance(_ tolerance: Facts.Tolerance) -> Double {
        switch tolerance {
        case .low: 1.1
        case .medium: 0.8
        case .high: 0.5
        }
    }

    private static func words(_ trend: Facts.Trend) -> (name: String, outlook: String) {
        switch trend {
        case .up: ("bull_put_spread", "bullish")
        case .flat: ("iron_condor", "neutral")
        case .down: ("bear_call_spread", "bearish")
        }
    }

    /// The allowed expiry nearest to 45 days that is at least a week off; else that Friday.
    private static func expiry(_ facts: Facts, today: CivilDay) -> CivilDay {
        let allowed = facts.expiries.filter { $0 - today >= 7 }
        if let best = (allowed.isEmpty ? facts.expiries.suffix(1) : allowed[...])
            .min(by: { abs($0 - today - 45) < abs($1 - today - 45) })
        {
            return best
        }
        var day = today + 42
        while !day.isFriday { day = day + 1 }
        return day
    }

    static func cents(_ usd: Double) -> Double { (usd * 100).rounded() / 100 }
}

/// Strikes on the grid and what they cost.
private struct Pricing {
    let spot: Double
    let years: Double
    let volatility: Double
    let step: Double
    let distance: Double

    /// So many steps, in USD. Strikes are thousandths of a dollar at the finest.
    func grid(_ steps: Double) -> Double { (steps * step * 1000).rounded() / 1000 }

    /// A sale just out of the money and a purchase `steps` further out.
    func spread(isCall: Bool, steps: Int) -> [Proposal.Leg] {
        let deviation = volatility * years.squareRoot() * distance
        let target = spot * exp(isCall ? deviation : -deviation)
        let near: Double
        if isCall {
            near = max((target / step).rounded(.up), (spot / step).rounded(.down) + 1)
        } else {
            near = min((target / step).rounded(.down), (spot / step).rounded(.up) - 1)
        }
        let far = isCall ? near + Double(steps) : near - Double(steps)
        let sold = grid(near)
        let bought = grid(far)
        // A nickel between the legs at least, so that cheap wings still give a credit.
        let dear = max(price(strike: sold, isCall: isCall), 0.1)
        let cheap = max(min(price(strike: bought, isCall: isCall), dear - 0.05), 0.01)
        return [
            Proposal.Leg(
                isSale: true,
                isCall: isCall,
                strike: sold,
                premium: Proposal.cents(dear)
            ),
            Proposal.Leg(
                isSale: false,
                isCall: isCall,
                strike: bought,
                premium: Proposal.cents(cheap)
            ),
        ]
    }

    /// Black–Scholes with neither interest nor dividends.
    private func price(strike: Double, isCall: Bool) -> Double {
        guard strike > 0 else { return 0 }
        let spread = volatility * years.squareRoot()
        let d1 = log(spot / strike) / spread + spread / 2
        func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
        return isCall
            ? spot * normal(d1) - strike * normal(d1 - spread)
            : strike * normal(spread - d1) - spot * normal(-d1)
    }
}
