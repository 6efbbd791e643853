internal import Glibc

/// The binomial tree of Leisen and Reimer, centred so that the strike falls between two nodes of
/// the last row (“Binomial models for option valuation”, Applied Mathematical Finance 3, 1996).
///
/// Its error falls like 1/n, smoothly enough that two trees give the third: 2·V(801) − V(401).
struct LeisenReimerTree {
    /// Values at the root, in the tree's own first rows.
    struct Reading {
        var price: Double
        var delta: Double
        var gamma: Double
        /// Exercising at once pays at least as much as waiting.
        var exercisesNow: Bool
    }

    private let spot: Double
    private let strike: Double
    private let w: Double
    private let steps: Int
    private let up: Double
    private let down: Double
    /// Risk-neutral weights of a step up and down, discounted by one step.
    private let upWeight: Double
    private let downWeight: Double

    /// Nil where the probabilities leave the doubles: so far from the money that nothing moves.
    init?(
        _ option: Option,
        volatility: Double,
        in market: Conditions,
        steps: Int
    ) {
        let terms = BlackScholes.Terms(option, volatility, market)
        let h = terms.x / terms.s
        let (d1, d2) = (h + 0.5 * terms.s, h - 0.5 * terms.s)
        guard terms.s > 0, d1.magnitude < 200, d2.magnitude < 200 else { return nil }
        let step = option.years / Double(steps)
        let growth = exp((market.rate - market.dividendYield) * step)
        let discount = exp(-market.rate * step)
        let (p, rest) = Self.probabilities(d2, steps)
        let (stockP, stockRest) = Self.probabilities(d1, steps)
        spot = market.spot
        strike = option.strike
        w = Double(option.right.sign)
        self.steps = steps
        up = growth * stockP / p
        down = growth * stockRest / rest
        upWeight = discount * p
        downWeight = discount * rest
        guard up.isFinite, down > 0, up > down,
            Double(steps) * log(up / down) < 600, Double(steps) * log(down) > -600
        else { return nil }
    }

    /// Peizer and Pratt's second inversion of the binomial law: p and 1 − p, both to full
    /// relative accuracy.
    private static func probabilities(_ z: Double, _ steps: Int) -> (Double, Double) {
        let n = Double(steps)
        let scaled = z / (n + 1.0 / 3 + 0.1 / (n + 1))
        let decay = exp(-scaled * scaled * (n + 1.0 / 6))
        let root = (1 - decay).squareRoot()
        let (large, small) = (0.5 + 0.5 * root, 0.5 * decay / (1 + root))
        return z > 0 ? (large, small) : (small, large)
    }

    /// The American value, by backward induction in one row of `steps` + 1 numbers.
    ///
    /// Of each row only what lies within six deviations of its mean is looked at. What is left
    /// out weighs 2 × 10⁻⁹; where a neighbour is missing, its value one row later stands in.
    func american() -> Reading {
        let row = steps + 1
        return unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * row) { scratch in
            // SAFETY: both rows lie inside the allocation, `row` numbers each, all initialised by
            // `fill`; no step looks beyond node `steps`.
            let values = unsafe scratch.baseAddress.unsafelyUnwrapped
            let ladder = unsafe values + row
            unsafe fill(values, ladder)
            let p = upWeight / (upWeight + downWeight)
            let spread = 6 * (p * (1 - p)).squareRoot()
            var lowest = spot * exp(Double(steps) * log(down))
            var second = (0.0, 0.0, 0.0)
            var first = (0.0, 0.0)
            for i in stride(from: steps - 1, through: 1, by: -1) {
                lowest /= down
                let (mean, reach) = (p * Double(i), spread * Double(i).squareRoot() + 1)
                let start = max(0, Int(mean - reach))
                let end = min(i, Int(mean + reach) + 1)
                unsafe stepBack(values, ladder, from: start, through: end, scale: w * lowest)
                if i == 2 { second = unsafe (values[0], values[1], values[2]) }
                if i == 1 { first = unsafe (values[0], values[1]) }
            }
            return root(first: first, second: second)
        }
    }

    /// The last row's payoffs, and the powers of up/down that every row's prices are made of.
    private func fill(
        _ values: UnsafeMutablePointer<Double>,
        _ ladder: UnsafeMutablePointer<Double>
    ) {
        let ratio = up / down
        let lowest = spot * exp(Double(steps) * log(down))
        var power = 1.0
        for j in 0...steps {
            unsafe (ladder + j).initialize(to: power)
            unsafe (values + j).initialize(to: max(0, w * (lowest * power - strike)))
            power *= ratio
        }
    }

    /// One row earlier: wait or exercise, whichever is worth more. Written so that the compiler
    /// takes several nodes at a time: no bounds, no overflow checks, no branch.
    private func stepBack(
        _ values: UnsafeMutablePointer<Double>,
        _ ladder: UnsafePointer<Double>,
        from start: Int,
        through end: Int,
        scale: Double
    ) {
        let struck = w * strike
        var j = start
        while j <= end {
            let wait = unsafe upWeight * values[j &+ 1] + downWeight * values[j]
            let exercise = unsafe scale * ladder[j] - struck
            unsafe values[j] = wait > exercise ? wait : exercise
            j &+= 1
        }
    }

    /// Delta from the row after one step, gamma from the row after two; both are off by a step's
    /// worth of time, which the extrapolation takes out with the rest of the 1/n.
    private func root(
        first: (Double, Double),
        second: (Double, Double, Double)
    ) -> Reading {
        let wait = upWeight * first.1 + downWeight * first.0
        let exercise = w * (spot - strike)
        let (high, middle, low) = (spot * up * up, spot * up * down, spot * down * down)
        let upper = (second.2 - second.1) / (high - middle)
        let lower = (second.1 - second.0) / (middle - low)
        return Reading(
            price: max(wait, exercise),
            delta: (first.1 - first.0) / (spot * (up - down)),
            gamma: (upper - lower) / (0.5 * (high - low)),
            exercisesNow: exercise >= wait
        )
    }
}
