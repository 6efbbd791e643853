internal import Glibc

/// Where the underlying will be at a horizon: log-normal with drift r − q.
package struct LogNormal: Hashable, Sendable {
    package let market: Conditions
    package let volatility: Double
    /// To the horizon.
    package let years: Double

    package init(_ market: Conditions, volatility: Double, years: Double) {
        self.market = market
        self.volatility = volatility
        self.years = years
    }

    /// The mean, F = S e^((r − q)T).
    package var forward: Double {
        market.spot * exp((market.rate - market.dividendYield) * years)
    }
    /// σ√T. At 0 the underlying is at the forward for sure.
    package var deviation: Double { years > 0 ? volatility * years.squareRoot() : 0 }

    /// P(low < S < high).
    package func probability(from low: Double, to high: Double) -> Double {
        guard deviation > 0 else {
            return forward > low && forward < high ? 1 : 0
        }
        return Normal.between(standardised(low), standardised(high))
    }

    /// How many deviations ln S lies above its own mean at a price of the underlying.
    package func standardised(_ price: Double) -> Double {
        guard price > 0 else { return -.infinity }
        guard price < .infinity else { return .infinity }
        let terms = BlackScholes.Terms(
            Option(.call, strike: price, years: years),
            volatility,
            market
        )
        return -(terms.x / terms.s - 0.5 * terms.s)
    }

    /// The price of the underlying so many deviations away.
    package func price(at deviations: Double) -> Double {
        forward * exp(deviation * (deviations - 0.5 * deviation))
    }

    /// E[max(w(S − K), 0)], not discounted.
    package func expectedPayoff(_ right: Right, strike: Double) -> Double {
        guard years > 0 else {
            return Option(right, strike: strike, years: 0).intrinsic(at: market.spot)
        }
        let option = Option(right, strike: strike, years: years)
        return BlackScholes.price(option, volatility: volatility, in: market)
            * exp(market.rate * years)
    }
}
