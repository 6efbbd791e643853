internal import Glibc

/// Options that may be exercised at any time before expiry.
///
/// Where early exercise cannot pay they are European ones, priced as such. Elsewhere two trees
/// of Leisen and Reimer, 101 and 201 steps, are extrapolated: within 0.2 basis points of spot of
/// the exact value nineteen times out of twenty.
package enum American {
    static let coarseSteps = 101
    static let fineSteps = 201

    /// Whether waiting can ever cost more than it brings.
    ///
    /// Exercising a call exchanges the interest on the strike for the dividends on the share,
    /// and a put the other way round; it pays somewhere only where the holder would receive more.
    package static func exerciseCanPay(_ right: Right, in market: Conditions) -> Bool {
        let (rate, yield) = (market.rate, market.dividendYield)
        return right == .call ? yield > 0 || rate < 0 : rate > 0 || yield < 0
    }

    package static func price(
        _ option: Option,
        volatility: Double,
        in market: Conditions
    ) -> Double {
        guard isOwnCase(option, in: market) else {
            return BlackScholes.price(option, volatility: volatility, in: market)
        }
        guard let reading = extrapolated(option, volatility, market) else {
            return limit(option, volatility, market)
        }
        return reading.price
    }

    package static func value(
        _ option: Option,
        volatility: Double,
        in market: Conditions
    ) -> (price: Double, greeks: Greeks) {
        guard isOwnCase(option, in: market) else {
            return BlackScholes.value(option, volatility: volatility, in: market)
        }
        let w = Double(option.right.sign)
        guard let reading = extrapolated(option, volatility, market) else {
            let price = limit(option, volatility, market)
            let european = BlackScholes.value(option, volatility: volatility, in: market)
            let exercised = price > european.price && price <= option.intrinsic(at: market.spot)
            return (price, exercised ? Greeks(delta: w) : european.greeks)
        }
        if reading.exercisesNow { return (reading.price, Greeks(delta: w)) }
        // In the region where one waits, the value obeys the Black–Scholes equation.
        let spot = market.spot
        let decay =
            market.rate * reading.price
            - (market.rate - market.dividendYield) * spot * reading.delta
            - 0.5 * volatility * volatility * spot * spot * reading.gamma
        let vega = slope(around: volatility, by: 0.02 * volatility) {
            price(option, volatility: $0, in: market)
        }
        let rho = slope(around: market.rate, by: 0.002) {
            var market = market
            market.rate = $0
            return price(option, volatility: volatility, in: market)
        }
        return (
            reading.price,
            Greeks(
                delta: reading.delta,
                gamma: reading.gamma,
                thetaPerDay: decay / 365,
                vegaPerPoint: vega / 100,
                rhoPerPoint: rho / 100
            )
        )
    }

    /// The most that is paid for sure: exercise at the best moment if the share only drifts.
    ///
    /// The value at σ = 0, and a lower bound for every other volatility.
    package static func certain(_ option: Option, in market: Conditions) -> Double {
        let w = Double(option.right.sign)
        let (rate, yield) = (market.rate, market.dividendYield)
        func exercised(after years: Double) -> Double {
            w * (market.spot * exp(-yield * years) - option.strike * exp(-rate * years))
        }
        var best = max(0, exercised(after: 0), exercised(after: option.years))
        // The slope of both exponentials is equal at one moment at most.
        let ratio = rate * option.strike / (yield * market.spot)
        if ratio > 0, rate != yield {
            let moment = log(ratio) / (rate - yield)
            if moment > 0, moment < option.years { best = max(best, exercised(after: moment)) }
        }
        return best
    }

    static func isOwnCase(_ option: Option, in market: Conditions) -> Bool {
        option.years > 0 && exerciseCanPay(option.right, in: market)
    }

    private static func limit(
        _ option: Option,
        _ volatility: Double,
        _ market: Conditions
    ) -> Double {
        // Beyond any tree: a share that goes everywhere, or one that goes nowhere.
        if volatility * option.years.squareRoot() > 10 {
            return option.right == .call ? market.spot : option.strike
        }
        return max(
            certain(option, in: market),
            BlackScholes.price(option, volatility: volatility, in: market)
        )
    }

    private static func extrapolated(
        _ option: Option,
        _ volatility: Double,
        _ market: Conditions
    ) -> LeisenReimerTree.Reading? {
        guard
            let fine = LeisenReimerTree(
                option,
                volatility: volatility,
                in: market,
                steps: fineSteps
            )?.american(),
            let coarse = LeisenReimerTree(
                option,
                volatility: volatility,
                in: market,
                steps: coarseSteps
            )?.american()
        else { return nil }
        if fine.exercisesNow { return fine }
        let european = BlackScholes.price(option, volatility: volatility, in: market)
        let floor = max(certain(option, in: market), european)
        return LeisenReimerTree.Reading(
            price: max(floor, 2 * fine.price - coarse.price),
            delta: 2 * fine.delta - coarse.delta,
            gamma: max(0, 2 * fine.gamma - coarse.gamma),
            exercisesNow: false
        )
    }

    private static func slope(
        around x: Double,
        by step: Double,
        of function: (Double) -> Double
    ) -> Double {
        (function(x + step) - function(x - step)) / (2 * step)
    }
}
