internal import Glibc

/// How an option may be exercised.
package enum ExerciseStyle: String, Hashable, Sendable, CaseIterable {
    case european
    case american

    /// The name of the model that values it.
    package var model: String { self == .european ? "black_scholes" : "andersen_lake" }
}

/// Profit and loss of a strategy with several expiries at the first of them, as a function of
/// the underlying's price: the front legs at what they pay, the later ones at what the model
/// gives for the time that is left to them. A model's figure, never a promise.
package struct FrontCurve: Sendable {
    /// A leg that lives on after the front expiry.
    package struct Later: Sendable {
        package let leg: Leg
        package let right: Right
        package let strike: Double
        /// From the front expiry to its own.
        package let years: Double
        package let volatility: Double

        /// Nil for stock.
        package init?(_ leg: Leg, years: Double, volatility: Double) {
            guard case .option(let right, let strike) = leg.instrument else { return nil }
            self.leg = leg
            self.right = right
            self.strike = strike.dollars
            self.years = years
            self.volatility = volatility
        }

        var shares: Double { Double(leg.signedShares) }
        var option: Option { Option(right, strike: strike, years: years) }
    }

    /// The front legs and the stock.
    let front: Payoff
    let frontLegs: [Leg]
    let later: [Later]
    /// Of the same legs, in order; empty when exercise is European.
    private let contracts: [AmericanOption]
    let market: Conditions
    let style: ExerciseStyle

    package init(
        front: [Leg],
        later: [Later],
        market: Conditions,
        style: ExerciseStyle
    ) {
        self.front = Payoff(legs: front)
        frontLegs = front
        self.later = later
        self.market = market
        self.style = style
        contracts =
            style == .european
            ? []
            : later.map { AmericanOption($0.option, volatility: $0.volatility, in: market) }
    }

    /// Dollars, at a price of the underlying ≥ 0.
    package func worth(at spot: Double) -> Double {
        var sum = front.worthMicros(at: spot) / 1_000_000
        for (index, leg) in later.enumerated() {
            let value = value(of: index, at: spot)
            sum = sum + (TwoDouble(value) + -TwoDouble(leg.leg.price.dollars)) * leg.shares
        }
        return sum.value
    }

    private func value(of index: Int, at spot: Double) -> Double {
        let leg = later[index]
        guard spot > 0 else { return worthless(leg) }
        guard style == .european else { return contracts[index].price(at: spot) }
        let market = Conditions(
            spot: spot,
            rate: market.rate,
            dividendYield: market.dividendYield
        )
        return BlackScholes.price(leg.option, volatility: leg.volatility, in: market)
    }

    /// At S = 0 a call is worth nothing, a put its strike: now, or at expiry.
    private func worthless(_ leg: Later) -> Double {
        guard leg.right == .put else { return 0 }
        let later = leg.strike * exp(-market.rate * leg.years)
        return style == .american ? max(leg.strike, later) : later
    }

    /// The line that the curve nears as the underlying grows without end: shares per dollar, and
    /// dollars at S = 0. Slopes that differ by rounding alone are 0.
    var asymptote: (slope: Double, intercept: Double) {
        var slope = Double(nearest: front.slopeAtInfinity)
        var gross = slope.magnitude
        let last = front.knots[front.knots.count - 1]
        var intercept = last.worth.dollars - Double(nearest: last.slope) * last.priceDollars
        for leg in later {
            intercept -= leg.shares * leg.leg.price.dollars
            guard leg.right == .call else { continue }
            let early = style == .american && American.exerciseCanPay(.call, in: market)
            let part = leg.shares * (early ? 1 : exp(-market.dividendYield * leg.years))
            slope += part
            gross += part.magnitude
            intercept -= leg.shares * leg.strike * (early ? 1 : exp(-market.rate * leg.years))
        }
        return (slope.magnitude <= 1e-12 * gross ? 0 : slope, intercept)
    }

    /// The undiscounted mean of the profit when the underlying follows a law until the front
    /// expiry, and each later leg its own volatility afterwards.
    package func expectedValue(under law: LogNormal) -> Double {
        var sum = Chances.expectedValue(of: frontLegs, under: law)
        for (index, leg) in later.enumerated() {
            sum += leg.shares * (mean(of: index, under: law) - leg.leg.price.dollars)
        }
        return sum
    }

    private func mean(of index: Int, under law: LogNormal) -> Double {
        let leg = later[index]
        guard law.deviation > 0 else { return value(of: index, at: law.forward) }
        // Two log-normal stretches make one: their variances add up.
        let years = law.years + leg.years
        let variance =
            law.deviation * law.deviation + leg.volatility * leg.volatility * leg.years
        let whole = LogNormal(
            law.market,
            volatility: (variance / years).squareRoot(),
            years: years
        )
        let european =
            whole.expectedPayoff(leg.right, strike: leg.strike) * exp(-market.rate * leg.years)
        guard style == .american, American.exerciseCanPay(leg.right, in: market)
        else { return european }
        // What early exercise adds is smooth: equal steps over ±8 deviations converge fast.
        var premium = 0.0
        for step in -64...64 {
            let z = Double(step) / 8
            let market = Conditions(
                spot: law.price(at: z),
                rate: market.rate,
                dividendYield: market.dividendYield
            )
            let extra =
                contracts[index].price(at: market.spot)
                - BlackScholes.price(leg.option, volatility: leg.volatility, in: market)
            premium += extra * Normal.density(z) / 8
        }
        return european + premium
    }
}

extension Payoff {
    /// In millionths, at any price of the underlying ≥ 0.
    func worthMicros(at spot: Double) -> TwoDouble {
        let knot = knots.last { $0.priceDollars <= spot } ?? knots[0]
        let gained = (TwoDouble(spot) + -TwoDouble(knot.priceDollars)) * Double(nearest: knot.slope)
        return knot.worth.total + gained * 1_000_000
    }
}
