/// What a payoff at one expiry is worth on average, and how often it earns.
package enum Chances {
    /// P(P&L > 0): the underlying where the profit is strictly positive.
    package static func ofProfit(_ payoff: Payoff, under law: LogNormal) -> Double {
        guard law.deviation > 0 else { return payoff.worthMicros(at: law.forward).sign > 0 ? 1 : 0 }
        return ofProfit(in: payoff.profitIntervals, under: law)
    }

    package static func ofProfit(
        in intervals: [(low: Double, high: Double)],
        under law: LogNormal
    ) -> Double {
        min(1, intervals.reduce(0) { $0 + law.probability(from: $1.low, to: $1.high) })
    }

    /// The undiscounted mean of profit and loss, premiums at face value.
    package static func expectedValue(of legs: [Leg], under law: LogNormal) -> Double {
        var sum = TwoDouble.zero
        for leg in legs {
            let payoff: Double
            switch leg.instrument {
            case .stock: payoff = law.forward
            case .option(let right, let strike):
                payoff = law.expectedPayoff(right, strike: strike.dollars)
            }
            let gain = TwoDouble(payoff) + -TwoDouble(leg.price.dollars)
            sum = sum + gain * Double(leg.signedShares)
        }
        return sum.value
    }
}

extension Payoff {
    /// The open stretches of prices, in dollars and ascending, over which the profit is positive.
    package var profitIntervals: [(low: Double, high: Double)] {
        var intervals: [(low: Double, high: Double)] = []
        func add(_ low: Double, _ high: Double) {
            if let last = intervals.last, last.high == low {
                intervals[intervals.count - 1].high = high
            } else if low < high {
                intervals.append((low, high))
            }
        }
        for (index, knot) in knots.enumerated() {
            let start = knot.priceDollars
            let isLast = index + 1 == knots.count
            let end = isLast ? Double.infinity : knots[index + 1].priceDollars
            let first = knot.worth.sign
            let last = isLast ? signAtInfinity : knots[index + 1].worth.sign
            switch (first > 0, last > 0) {
            case (true, true): add(start, end)
            case (true, false): add(start, last == 0 ? end : Self.zero(of: knot).dollars)
            case (false, true): add(first == 0 ? start : Self.zero(of: knot).dollars, end)
            case (false, false): break
            }
        }
        return intervals
    }

    private var signAtInfinity: Int {
        let slope = slopeAtInfinity
        return slope > 0 ? 1 : slope < 0 ? -1 : knots.last?.worth.sign ?? 0
    }
}
