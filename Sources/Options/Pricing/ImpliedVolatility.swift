internal import Glibc

/// The volatility at which a model gives a price.
package enum ImpliedVolatility {
    /// Why there is none. A price at a bound is as far from an answer as one outside it.
    package enum Failure: String, Error, Hashable, Sendable, CaseIterable {
        /// Not above what exercise is worth for sure.
        case belowIntrinsic = "below_intrinsic"
        /// Not below the share itself (call) or the strike (put), discounted where European.
        case aboveBound = "above_bound"
        /// T = 0: every volatility gives the same price.
        case expired
    }

    /// To the last digits that the price determines.
    package static func european(
        _ option: Option,
        price: Double,
        in market: Conditions
    ) throws(Failure) -> Double {
        guard option.years > 0 else { throw .expired }
        let terms = BlackScholes.Terms(option, 0, market)
        let timeValue = price - terms.forwardIntrinsic
        let bound = option.right == .call ? terms.stock : terms.strike
        guard timeValue > 0 else { throw .belowIntrinsic }
        guard price < bound else { throw .aboveBound }
        let x = -terms.x.magnitude
        // The option out of the money on the other side has the same time value.
        let target = timeValue / terms.unit
        let room = (bound - price) / terms.unit
        let s = target < 0.5 * exp(0.5 * x) ? lower(x, target) : upper(x, room)
        return s / option.years.squareRoot()
    }

    /// To 10⁻⁹ of the volatility, on the values of `American`.
    package static func american(
        _ option: Option,
        price: Double,
        in market: Conditions
    ) throws(Failure) -> Double {
        guard American.isOwnCase(option, in: market) else {
            return try european(option, price: price, in: market)
        }
        let bound = option.right == .call ? market.spot : option.strike
        guard price > American.certain(option, in: market) else { throw .belowIntrinsic }
        guard price < bound else { throw .aboveBound }
        return root(of: { American.price(option, volatility: $0, in: market) - price })
    }

    /// b(x, s) = target, for a target below half of what b can reach.
    ///
    /// Newton's steps on ln b, kept inside a bracket: ln b is increasing and, as a function of
    /// s, concave, so that from the left no step overshoots.
    private static func lower(_ x: Double, _ target: Double) -> Double {
        let goal = log(target)
        return search { s in
            let price = NormalisedBlack.price(x, s)
            guard price > 0 else { return (-.infinity, 0) }
            return (log(price) - goal, NormalisedBlack.slope(x, s) / price)
        }
    }

    /// The same by what is missing to the limit, where b itself hardly moves.
    private static func upper(_ x: Double, _ room: Double) -> Double {
        let goal = log(room)
        return search { s in
            let missing = NormalisedBlack.complement(x, s)
            guard missing > 0 else { return (.infinity, 0) }
            return (goal - log(missing), NormalisedBlack.slope(x, s) / missing)
        }
    }

    /// The zero of an increasing function of s > 0 that comes with its slope.
    private static func search(_ function: (Double) -> (value: Double, slope: Double)) -> Double {
        var (low, high) = (0.0, 1.0)
        while function(high).value < 0, high < 0x1p40 { (low, high) = (high, 2 * high) }
        var s = low == 0 ? 0.5 : 0.5 * (low + high)
        for _ in 0..<200 {
            let (value, slope) = function(s)
            if value == 0 { return s }
            if value < 0 { low = s } else { high = s }
            let step = slope > 0 && value.isFinite ? value / slope : .infinity
            var next = s - step
            if !(next > low && next < high) {
                // By halves of the exponent while the bracket spans decades, else of the value.
                next =
                    low == 0
                    ? high * 0x1p-4
                    : high > 4 * low
                        ? (low * high).squareRoot()
                        : 0.5 * (low + high)
            }
            if (next - s).magnitude <= 2e-16 * s || next == low || next == high { return next }
            s = next
        }
        return s
    }

    /// The zero of an increasing function of the volatility that costs much: a bracket by
    /// doubling, then Illinois' variant of the false position.
    private static func root(of function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, 0.25)
        var (below, above) = (-Double.infinity, function(0.25))
        while above < 0, high < 100 {
            (low, below) = (high, above)
            high *= 2
            above = function(high)
        }
        while low == 0, high > 1e-6 {
            let middle = 0.5 * high
            let value = function(middle)
            if value < 0 { (low, below) = (middle, value) } else { (high, above) = (middle, value) }
        }
        // Nothing below a millionth, or nothing up to 100: the end of the bracket is the answer.
        guard below.isFinite, above > 0 else { return high }
        return FalsePosition.root(
            from: (low, below),
            to: (high, above),
            tolerance: 1e-10,
            of: function
        )
    }
}
