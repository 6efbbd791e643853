internal import Glibc

/// How long a model takes to its last token: always the same, or log-normal.
///
/// Written `median` or `median,p99`, both in milliseconds. With two numbers, half the calls take
/// less than the first and one in a hundred more than the second.
package struct Latency: Sendable, Equatable {
    package let medianMs: Double
    package let p99Ms: Double?

    package static let zero = Latency(medianMs: 0, p99Ms: nil)

    package init(medianMs: Double, p99Ms: Double?) {
        self.medianMs = medianMs
        self.p99Ms = p99Ms
    }

    /// Nil unless `text` is one or two numbers ≥ 0, the second no smaller than the first, and a
    /// positive median where there are two: a log-normal has no other.
    package init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0.trimming(while: { $0 == " " }))
        }
        guard parts.count <= 2, let first = parts.first, let median = first, median >= 0,
            median.isFinite
        else { return nil }
        if parts.count == 1 {
            self.init(medianMs: median, p99Ms: nil)
        } else {
            guard let p99 = parts[1], p99.isFinite, p99 >= median, median > 0 else { return nil }
            self.init(medianMs: median, p99Ms: p99)
        }
    }

    /// The latency of the `call`-th call of a run with that seed.
    package func sample(seed: UInt64, call: UInt64) -> Duration {
        .nanoseconds(Int64(milliseconds(at: Dice.unit(Dice.roll(seed: seed, index: call))) * 1e6))
    }

    /// The quantile function, in milliseconds, for `probability` in (0, 1).
    package func milliseconds(at probability: Double) -> Double {
        guard let p99Ms, p99Ms > medianMs else { return medianMs }
        let sigma = log(p99Ms / medianMs) / Self.normalQuantile(0.99)
        return medianMs * exp(sigma * Self.normalQuantile(probability))
    }

    /// The standard normal distribution's quantile function: Acklam's rational approximation,
    /// relative error below 1.15e-9.
    package static func normalQuantile(_ p: Double) -> Double {
        let a = [
            -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
            1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00,
        ]
        let b = [
            -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
            6.680131188771972e+01, -1.328068155288572e+01,
        ]
        let c = [
            -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
            -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00,
        ]
        let d = [
            7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
            3.754408661907416e+00,
        ]
        func horner(_ coefficients: [Double], _ x: Double) -> Double {
            coefficients.reduce(0) { $0 * x + $1 }
        }
        if p < 0.02425 {
            let q = (-2 * log(p)).squareRoot()
            return horner(c, q) / (horner(d, q) * q + 1)
        }
        if p > 1 - 0.02425 { return -normalQuantile(1 - p) }
        let q = p - 0.5
        let r = q * q
        return horner(a, r) * q / (horner(b, r) * r + 1)
    }
}

extension StringProtocol {
    /// The text without the leading and trailing characters that match.
    func trimming(while drop: (Character) -> Bool) -> SubSequence {
        var rest = self[...]
        while let first = rest.first, drop(first) { rest = rest.dropFirst() }
        while let last = rest.last, drop(last) { rest = rest.dropLast() }
        return rest
    }
}
