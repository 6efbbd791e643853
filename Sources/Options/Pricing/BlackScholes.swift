internal import Glibc

/// What the market is taken to be while options on one underlying are priced.
package struct Conditions: Hashable, Sendable {
    /// Dollars per share.
    package var spot: Double
    /// Continuous, per year.
    package var rate: Double
    /// Continuous, per year.
    package var dividendYield: Double

    package init(spot: Double, rate: Double = 0, dividendYield: Double = 0) {
        self.spot = spot
        self.rate = rate
        self.dividendYield = dividendYield
    }
}

/// An option as the formulas see it.
package struct Option: Hashable, Sendable {
    package var right: Right
    /// Dollars per share.
    package var strike: Double
    /// To expiry, in years of 365 days; never negative.
    package var years: Double

    package init(_ right: Right, strike: Double, years: Double) {
        self.right = right
        self.strike = strike
        self.years = years
    }

    /// What exercising now would pay, never below 0.
    package func intrinsic(at spot: Double) -> Double {
        max(0, right == .call ? spot - strike : strike - spot)
    }
}

/// How a value moves, per share of one long unit.
package struct Greeks: Hashable, Sendable {
    package var delta = 0.0
    package var gamma = 0.0
    /// Per calendar day.
    package var thetaPerDay = 0.0
    /// Per percentage point of volatility.
    package var vegaPerPoint = 0.0
    /// Per percentage point of the rate.
    package var rhoPerPoint = 0.0

    package static let zero = Greeks()

    package var isFinite: Bool {
        delta.isFinite && gamma.isFinite && thetaPerDay.isFinite && vegaPerPoint.isFinite
            && rhoPerPoint.isFinite
    }

    package init(
        delta: Double = 0,
        gamma: Double = 0,
        thetaPerDay: Double = 0,
        vegaPerPoint: Double = 0,
        rhoPerPoint: Double = 0
    ) {
        self.delta = delta
        self.gamma = gamma
        self.thetaPerDay = thetaPerDay
        self.vegaPerPoint = vegaPerPoint
        self.rhoPerPoint = rhoPerPoint
    }

    package static func + (a: Self, b: Self) -> Self {
        Greeks(
            delta: a.delta + b.delta,
            gamma: a.gamma + b.gamma,
            thetaPerDay: a.thetaPerDay + b.thetaPerDay,
            vegaPerPoint: a.vegaPerPoint + b.vegaPerPoint,
            rhoPerPoint: a.rhoPerPoint + b.rhoPerPoint
        )
    }

    package static func * (a: Self, factor: Double) -> Self {
        Greeks(
            delta: a.delta * factor,
            gamma: a.gamma * factor,
            thetaPerDay: a.thetaPerDay * factor,
            vegaPerPoint: a.vegaPerPoint * factor,
            rhoPerPoint: a.rhoPerPoint * factor
        )
    }
}

/// European options by Black, Scholes and Merton: constant volatility, continuous dividend yield.
///
///     price = w (S e^−qT N(w d₁) − K e^−rT N(w d₂)),   w = +1 for a call, −1 for a put
///
/// At T = 0 the price is the intrinsic value and every Greek 0 but delta's step; at σ = 0 it is
/// the discounted intrinsic value of the forward, with N = 0, ½ or 1.
package enum BlackScholes {
    package static func price(
        _ option: Option,
        volatility: Double,
        in market: Conditions
    ) -> Double {
        guard option.years > 0 else { return option.intrinsic(at: market.spot) }
        let terms = Terms(option, volatility, market)
        return terms.outOfTheMoney + terms.forwardIntrinsic
    }

    package static func value(
        _ option: Option,
        volatility: Double,
        in market: Conditions
    ) -> (price: Double, greeks: Greeks) {
        let w = Double(option.right.sign)
        guard option.years > 0 else {
            let side = w * (market.spot - option.strike)
            let delta = side > 0 ? w : side == 0 ? 0.5 * w : 0
            return (option.intrinsic(at: market.spot), Greeks(delta: delta))
        }
        let terms = Terms(option, volatility, market)
        let price = terms.outOfTheMoney + terms.forwardIntrinsic
        let (stockPart, strikePart): (Double, Double)
        var density = 0.0
        if terms.s > 0 {
            let h = terms.x / terms.s
            stockPart = Normal.cumulative(w * (h + 0.5 * terms.s))
            strikePart = Normal.cumulative(w * (h - 0.5 * terms.s))
            density = Normal.density(h + 0.5 * terms.s)
        } else {
            stockPart = w * terms.x > 0 ? 1 : terms.x == 0 ? 0.5 : 0
            strikePart = stockPart
        }
        let root = option.years.squareRoot()
        let decay = terms.stock * density * volatility / (2 * root)
        let carry =
            market.dividendYield * terms.stock * stockPart
            - market.rate * terms.strike * strikePart
        let gamma = terms.s > 0 ? terms.stock * density / (market.spot * terms.s) / market.spot : 0
        let vega = terms.s > 0 ? terms.stock * density * root / 100 : 0
        return (
            price,
            Greeks(
                delta: w * terms.stockDiscount * stockPart,
                gamma: gamma,
                thetaPerDay: (w * carry - decay) / 365,
                vegaPerPoint: vega,
                rhoPerPoint: w * terms.strike * option.years * strikePart / 100
            )
        )
    }

    /// The pieces of the formula, for T > 0.
    struct Terms {
        /// ln(F/K), accurate also where F is near K.
        let x: Double
        /// σ√T.
        let s: Double
        let stockDiscount: Double
        /// S e^−qT.
        let stock: Double
        /// K e^−rT.
        let strike: Double
        /// √(S e^−qT · K e^−rT): the unit of the normalised price.
        let unit: Double
        /// w (S e^−qT − K e^−rT) where positive, without cancellation near the money.
        let forwardIntrinsic: Double

        init(_ option: Option, _ volatility: Double, _ market: Conditions) {
            let (rate, yield, years) = (market.rate, market.dividendYield, option.years)
            let (spot, struck) = (market.spot, option.strike)
            let drift = (rate - yield) * years
            let near = spot > 0.5 * struck && spot < 2 * struck
            // S − K is exact within a factor of two, and S/K is not.
            x = (near ? log1p((spot - struck) / struck) : log(spot / struck)) + drift
            s = volatility * years.squareRoot()
            stockDiscount = exp(-yield * years)
            stock = spot * stockDiscount
            strike = struck * exp(-rate * years)
            unit = spot.squareRoot() * struck.squareRoot() * exp(-0.5 * (rate + yield) * years)
            let w = Double(option.right.sign)
            let difference =
                near && drift.magnitude < 0.5
                ? (spot - struck) * stockDiscount + strike * expm1(drift)
                : stock - strike
            forwardIntrinsic = max(0, w * difference)
        }

        var outOfTheMoney: Double { unit * NormalisedBlack.price(-x.magnitude, s) }
    }
}
