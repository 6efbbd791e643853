internal import Glibc

/// The standard normal law.
package enum Normal {
    /// P(Z ≤ z). By `erfc`, never as 1 − N, so that both tails keep their relative accuracy.
    package static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }

    package static func density(_ z: Double) -> Double {
        exp(-0.5 * z * z) * 0.398_942_280_401_432_7
    }

    /// P(low < Z ≤ high), for low ≤ high, without loss in either tail.
    package static func between(_ low: Double, _ high: Double) -> Double {
        low > 0
            ? cumulative(-low) - cumulative(-high)
            : cumulative(high) - cumulative(low)
    }

    /// The z with P(Z ≤ z) = p, for 0 < p < 1; infinite at 0 and 1.
    ///
    /// Acklam's rational approximation, then two of Halley's steps to full precision.
    package static func quantile(_ p: Double) -> Double {
        guard p > 0 else { return -.infinity }
        guard p < 1 else { return .infinity }
        var z = approximateQuantile(p)
        for _ in 0..<2 {
            let error = p < 0.5 ? cumulative(z) - p : (1 - p) - cumulative(-z)
            let step = error / density(z)
            z -= step / (1 + 0.5 * z * step)
        }
        return z
    }

    private static func approximateQuantile(_ p: Double) -> Double {
        func tail(_ p: Double) -> Double {
            let q = (-2 * log(p)).squareRoot()
            let top = polynomial(
                [
                    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838,
                    -2.549732539343734, 4.374664141464968, 2.938163982698783,
                ],
                at: q
            )
            let bottom = polynomial(
                [
                    7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996,
                    3.754408661907416, 1,
                ],
                at: q
            )
            return top / bottom
        }
        if p < 0.02425 { return tail(p) }
        if p > 1 - 0.02425 { return -tail(1 - p) }
        let q = p - 0.5
        let top = polynomial(
            [
                -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2,
                1.383577518672690e2, -3.066479806614716e1, 2.506628277459239,
            ],
            at: q * q
        )
        let bottom = polynomial(
            [
                -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2,
                6.680131188771972e1, -1.328068155288572e1, 1,
            ],
            at: q * q
        )
        return top * q / bottom
    }

    /// Highest power first.
    private static func polynomial(_ coefficients: [Double], at x: Double) -> Double {
        coefficients.reduce(0) { $0 * x + $1 }
    }
}
