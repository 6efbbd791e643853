internal import Glibc

/// Black's formula stripped to two numbers, for an option out of the money:
///
///     b(x, s) = e^(x/2) N(x/s + s/2) − e^(−x/2) N(x/s − s/2)
///
/// with x = −|ln(F/K)| ≤ 0 and s = σ√T ≥ 0. Its price is √(FK)·b, discounted. The difference
/// loses its digits when s is small beside 1 + |x/s|; there it is written, with h = x/s and
/// t = s/2, as
///
///     b(x, s) = e^(−(h² + t²)/2) / √2π · ∫ G(z) dz  over h − t … h + t,   G = 1 + z N(z)/n(z),
///
/// a sum of positive terms, good to about 10⁻¹³ relative however far out of the money.
/// (P. Jäckel, “Let's be rational”, Wilmott 2015, for b; the integral is d/dz of N(z)/n(z).)
enum NormalisedBlack {
    static func price(_ x: Double, _ s: Double) -> Double {
        guard s > 0 else { return 0 }
        let h = x / s
        // exp(−h²/2) is nothing in a double beyond this.
        guard h > -39 else { return 0 }
        let t = 0.5 * s
        // The difference keeps all but about log₁₀ of this factor of its digits.
        if t > 0.5 || 1 - h < 60 * s {
            let up = exp(0.5 * x) * Normal.cumulative(h + t)
            return max(0, up - exp(-0.5 * x) * Normal.cumulative(h - t))
        }
        return exp(-0.5 * (h * h + t * t)) * 0.398_942_280_401_432_7 * mean(h, t)
    }

    /// ∂b/∂s.
    static func slope(_ x: Double, _ s: Double) -> Double {
        guard s > 0 else { return x == 0 ? 0.398_942_280_401_432_7 : 0 }
        let h = x / s
        let t = 0.5 * s
        return exp(-0.5 * (h * h + t * t)) * 0.398_942_280_401_432_7
    }

    /// What is missing to the limit e^(x/2) at s → ∞, again without cancellation.
    static func complement(_ x: Double, _ s: Double) -> Double {
        let h = x / s
        let t = 0.5 * s
        return exp(0.5 * x) * Normal.cumulative(-h - t) + exp(-0.5 * x) * Normal.cumulative(h - t)
    }

    /// ∫ G over h ± t by Gauss and Legendre: 4 points up to t = 0.06, 8 up to ½.
    private static func mean(_ h: Double, _ t: Double) -> Double {
        if t < 0.06 {
            let inner = gain(h - t * 0.3399810435848563) + gain(h + t * 0.3399810435848563)
            let outer = gain(h - t * 0.8611363115940526) + gain(h + t * 0.8611363115940526)
            return t * (0.6521451548625461 * inner + 0.34785484513745385 * outer)
        }
        let first = gain(h - t * 0.18343464249564981) + gain(h + t * 0.18343464249564981)
        let second = gain(h - t * 0.525532409916329) + gain(h + t * 0.525532409916329)
        let third = gain(h - t * 0.7966664774136267) + gain(h + t * 0.7966664774136267)
        let fourth = gain(h - t * 0.9602898564975363) + gain(h + t * 0.9602898564975363)
        return t
            * (0.362683783378362 * first + 0.31370664587788727 * second
                + 0.22238103445337448 * third + 0.10122853629037626 * fourth)
    }

    /// G(z) = 1 + z N(z)/n(z) for z ≤ 0.6, to 10⁻¹⁴ of its size, which falls like 1/z².
    ///
    /// With v = 0.6 − z, (v + 5)² G is a Chebyshev series in (v − 5)/(v + 5), computed with 40
    /// digits; summed by Clenshaw's recurrence.
    private static func gain(_ z: Double) -> Double {
        let v = 0.6 - z
        let y = 2 * (v - 5) / (v + 5)
        var (a, b) = (0.0, 0.0)
        for index in stride(from: chebyshev.count - 1, to: 0, by: -1) {
            (a, b) = (chebyshev[index] + y * a - b, a)
        }
        return (chebyshev[0] + 0.5 * y * a - b) / ((v + 5) * (v + 5))
    }

    private static let chebyshev: [28 of Double] = [
        15.11515406791869, -22.55295936053667, 12.30509775989839,
        -5.2735378698251605, 1.811449865141718, -0.4944046403301311,
        0.10252683350421812, -0.014026672365041834, 0.00046681490456063177,
        0.0002951646495565374, -6.424008683820314e-05, 5.470471392231744e-07,
        2.0109836088136015e-06, -2.4727945206670744e-07, -4.69274821916574e-08,
        1.2956140176733464e-08, 8.953046997856997e-10, -5.592084811957969e-10,
        -1.210931998785434e-11, 2.3738040255517438e-11, 2.9397924031724244e-14,
        -1.0463568066323834e-12, -1.0544816440756195e-15, 4.8381840093588364e-14,
        9.360119515439387e-16, -2.3125925019056686e-15, -1.279584034428294e-16,
        1.107703242831944e-16,
    ]
}
