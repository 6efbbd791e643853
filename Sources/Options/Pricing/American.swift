internal import Glibc

/// Options that may be exercised at any time before expiry.
///
/// Where early exercise cannot pay they are European ones, priced as such. Elsewhere the boundary
/// of early exercise is computed (`ExerciseBoundary`), and values are within a twentieth of a
/// basis point of spot of the exact ones; where that finds no end, as with negative rates, two trees
/// of Leisen and Reimer are extrapolated.
package enum American {
    static let coarseSteps = 401
    static let fineSteps = 801

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
        AmericanOption(option, volatility: volatility, in: market).price(at: market.spot)
    }

    package static func value(
        _ option: Option,
        volatility: Double,
        in market: Conditions
    ) -> (price: Double, greeks: Greeks) {
        guard isOwnCase(option, in: market) else {
            return BlackScholes.value(option, volatility: volatility, in: market)
        }
        let contract = AmericanOption(option, volatility: volatility, in: market)
        guard let reading = contract.reading(at: market.spot) else {
            return limitValue(option, volatility, market)
        }
        let w = Double(option.right.sign)
        if reading.exercisesNow { return (reading.price, Greeks(delta: w)) }
        // In the region where one waits, the value obeys the Black–Scholes equation.
        let spot = market.spot
        let decay =
            market.rate * reading.price
            - (market.rate - market.dividendYield) * spot * reading.delta
            - 0.5 * volatility * volatility * spot * spot * reading.gamma
        func slope(_ x: Double, _ step: Double, _ price: (Double) -> Double) -> Double {
            (price(x + step) - price(x - step)) / (2 * step)
        }
        let vega = slope(volatility, 0.01 * volatility) {
            AmericanOption(option, volatility: $0, in: market, near: contract).price(at: spot)
        }
        // A step across 0 would change the rules of exercise.
        let rate = market.rate.magnitude
        let rho = slope(market.rate, rate > 0 ? min(0.001, 0.5 * rate) : 0.001) {
            var market = market
            market.rate = $0
            return AmericanOption(option, volatility: volatility, in: market, near: contract)
                .price(at: spot)
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

    private static func limitValue(
        _ option: Option,
        _ volatility: Double,
        _ market: Conditions
    ) -> (price: Double, greeks: Greeks) {
        let price = limit(option, volatility, market)
        let european = BlackScholes.value(option, volatility: volatility, in: market)
        let exercised = price > european.price && price <= option.intrinsic(at: market.spot)
        let delta = Greeks(delta: Double(option.right.sign))
        return (price, exercised ? delta : european.greeks)
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

    /// Beyond any method: a share that goes everywhere, or one that goes nowhere.
    static func limit(_ option: Option, _ volatility: Double, _ market: Conditions) -> Double {
        if volatility * option.years.squareRoot() > 10 {
            return option.right == .call ? market.spot : option.strike
        }
        return max(
            certain(option, in: market),
            BlackScholes.price(option, volatility: volatility, in: market)
        )
    }
}

/// One contract in one market but for the spot: what its values at all spots have in common is
/// computed once.
struct AmericanOption: Sendable {
    let option: Option
    let volatility: Double
    let market: Conditions
    /// Of the put, or of the put that a call is when shares and money change places; nil where
    /// there is none, or where it was not found.
    private let boundary: ExerciseBoundary?

    /// - Parameter neighbour: The same contract in nearly the same market.
    init(
        _ option: Option,
        volatility: Double,
        in market: Conditions,
        near neighbour: AmericanOption? = nil
    ) {
        self.option = option
        self.volatility = volatility
        self.market = market
        guard American.isOwnCase(option, in: market) else {
            boundary = nil
            return
        }
        let isPut = option.right == .put
        boundary = ExerciseBoundary(
            ExerciseBoundary.Terms(
                rate: isPut ? market.rate : market.dividendYield,
                yield: isPut ? market.dividendYield : market.rate,
                volatility: volatility,
                years: option.years
            ),
            near: neighbour?.boundary
        )
    }

    func price(at spot: Double) -> Double {
        let market = at(spot)
        guard American.isOwnCase(option, in: market) else {
            return BlackScholes.price(option, volatility: volatility, in: market)
        }
        return reading(at: spot)?.price ?? American.limit(option, volatility, market)
    }

    /// Nil where no method reaches, and where early exercise cannot pay.
    func reading(at spot: Double) -> LeisenReimerTree.Reading? {
        let market = at(spot)
        let european = BlackScholes.price(option, volatility: volatility, in: market)
        var reading: LeisenReimerTree.Reading
        if let boundary {
            reading = boundary.reading(of: option, at: spot)
        } else {
            guard let fine = tree(American.fineSteps, market),
                let coarse = tree(American.coarseSteps, market)
            else { return nil }
            if fine.exercisesNow { return fine }
            reading = LeisenReimerTree.Reading(
                price: 2 * fine.price - coarse.price,
                delta: 2 * fine.delta - coarse.delta,
                gamma: max(0, 2 * fine.gamma - coarse.gamma),
                exercisesNow: false
            )
        }
        reading.price = max(reading.price, european, American.certain(option, in: market))
        return reading
    }

    private func tree(_ steps: Int, _ market: Conditions) -> LeisenReimerTree.Reading? {
        LeisenReimerTree(option, volatility: volatility, in: market, steps: steps)?.american()
    }

    private func at(_ spot: Double) -> Conditions {
        Conditions(spot: spot, rate: market.rate, dividendYield: market.dividendYield)
    }
}

extension ExerciseBoundary {
    /// In dollars: a put's values are in strikes; a call is a put on the strike, struck at the
    /// spot.
    fileprivate func reading(of option: Option, at spot: Double) -> LeisenReimerTree.Reading {
        let strike = option.strike
        guard option.right == .call else {
            let put = reading(at: spot / strike)
            return LeisenReimerTree.Reading(
                price: put.exercisesNow ? strike - spot : put.price * strike,
                delta: put.slope,
                gamma: max(0, put.curvature / strike),
                exercisesNow: put.exercisesNow
            )
        }
        let share = strike / spot
        let put = reading(at: share)
        return LeisenReimerTree.Reading(
            price: put.exercisesNow ? spot - strike : put.price * spot,
            delta: put.price - share * put.slope,
            gamma: max(0, share * share / spot * put.curvature),
            exercisesNow: put.exercisesNow
        )
    }
}
