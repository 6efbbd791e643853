internal import Glibc

/// The price of the underlying at and below which a put is exercised at once, as a function of
/// the time that is left, and what the right to do so is worth.
///
/// The method is that of Andersen, Lake and Offengenden (“High-performance American option
/// pricing”, Journal of Computational Finance 20, 2016): ln(B/X)² is a polynomial in √τ through
/// the nodes of Chebyshev, and a fixed point of an integral equation. Prices are in units of
/// the strike, so that one boundary serves all strikes of an expiry.
///
/// In the integrals u = τ sin²θ stands for the time passed: both ends, where √u and √(τ − u)
/// turn sharply, become smooth.
struct ExerciseBoundary: Sendable {
    /// What the boundary depends on.
    struct Terms: Hashable, Sendable {
        /// Of the put; for a call both change places.
        var rate: Double
        var yield: Double
        var volatility: Double
        var years: Double
    }

    let terms: Terms
    /// The boundary just before expiry: below it waiting costs more interest than dividends bring.
    private let start: Double
    /// ln(B/X)² at the nodes, the longest time first; at τ = 0 it is 0, and left out.
    private var squares: SIMD8<Double>

    /// - Parameter neighbour: A boundary of nearly the same terms, which spares most of the way.
    /// - Returns: Nil where the iteration finds no end; and where there may be two boundaries,
    ///   with negative rates.
    init?(_ terms: Terms, near neighbour: ExerciseBoundary? = nil) {
        let deviation = terms.volatility * terms.years.squareRoot()
        guard terms.rate >= 0, deviation > 0, deviation < 10 else { return nil }
        self.terms = terms
        start = terms.yield > terms.rate ? terms.rate / terms.yield : 1
        squares = neighbour?.squares ?? Self.guess(terms, start)
        guard start > 0 else { return nil }
        let first = squares
        if converge(.smoothPasting) { return }
        squares = first
        guard converge(.valueMatching) else { return nil }
    }

    /// Rounds of the fixed point. Where they swing, as at low volatilities, steps are halved
    /// until they shrink.
    private mutating func converge(_ condition: Condition) -> Bool {
        let nodes = Nodes.shared
        // e^qu at the places of the integrals, which no round changes.
        let growths =
            terms.yield == 0
            ? []
            : nodes.roots.indices.flatMap { i in
                nodes.inner.map {
                    exp(terms.yield * terms.years * nodes.roots[i] * nodes.roots[i] * $0.past)
                }
            }
        var next = squares
        var (pace, lastMoved) = (1.0, Double.infinity)
        for _ in 1...60 {
            var moved = 0.0
            for i in 0..<Nodes.count {
                let here = -squares[i].squareRoot()
                let step = min(0, log(refined(i, nodes, growths, condition) / start)) - here
                guard step.isFinite else { return false }
                moved = max(moved, step.magnitude)
                let place = here + pace * step
                next[i] = place * place
            }
            swap(&squares, &next)
            if moved < Self.tolerance { return true }
            if moved > 0.9 * lastMoved { pace = max(0.1, 0.7 * pace) }
            lastMoved = moved
        }
        return false
    }

    /// Of ln B. A price moves by less than a hundredth of it.
    private static let tolerance = 1e-6

    /// One step of the fixed point at a node: from smooth pasting, B = K e^−(r−q)τ N/D.
    private func refined(
        _ i: Int,
        _ nodes: Nodes,
        _ growths: [Double],
        _ condition: Condition
    ) -> Double {
        if condition == .valueMatching { return matched(i, nodes) }
        let (r, q, v) = (terms.rate, terms.yield, terms.volatility)
        let root = terms.years.squareRoot() * nodes.roots[i]
        let tau = root * root
        let deviation = v * root
        let here = -squares[i].squareRoot()
        let (up, down) = (r - q + 0.5 * v * v, r - q - 0.5 * v * v)
        var (densities, stockDensities, chances) = (0.0, 0.0, 0.0)
        for k in 0..<Nodes.innerCount {
            let node = nodes.inner[k]
            let row = i * Nodes.innerCount + k
            let then = -max(0, (nodes.weights[row] * squares).sum()).squareRoot()
            let left = tau * (1 - node.past)
            let spread = deviation * node.cosine
            let lower = (here - then + down * left) / spread
            let density = exp(r * tau * node.past - 0.5 * lower * lower) * node.weight
            densities += density
            if q != 0 {
                // B e^qu n(d₊) is B(u) e^ru n(d₋) e^−(r−q)τ.
                stockDensities += density * exp(then - here)
                let upper = lower + v * v * left / spread
                chances += growths[row] * Normal.cumulative(upper) * node.cosine * node.weight
            }
        }
        let flat = here + log(start)
        let (upper, lower) = ((flat + up * tau) / deviation, (flat + down * tau) / deviation)
        let scale = 2 * root / v * Self.densityAtZero
        let carry = exp(-(r - q) * tau)
        let numerator = Self.density(lower) / deviation + r * scale * densities
        let denominator =
            Self.density(upper) / deviation + Normal.cumulative(upper)
            + q * (carry * scale * stockDensities + 2 * tau * chances)
        return carry * numerator / denominator
    }

    /// What makes the boundary the best one, as a fixed point. The first converges faster; the
    /// second also where the drift is strong and the volatility low.
    private enum Condition {
        case smoothPasting
        case valueMatching
    }

    /// The same from the value at the boundary being K − B.
    private func matched(_ i: Int, _ nodes: Nodes) -> Double {
        let (r, q, v) = (terms.rate, terms.yield, terms.volatility)
        let root = terms.years.squareRoot() * nodes.roots[i]
        let tau = root * root
        let deviation = v * root
        let here = -squares[i].squareRoot()
        let (up, down) = (r - q + 0.5 * v * v, r - q - 0.5 * v * v)
        var (strikes, shares) = (0.0, 0.0)
        for k in 0..<Nodes.innerCount {
            let node = nodes.inner[k]
            let row = i * Nodes.innerCount + k
            let then = -max(0, (nodes.weights[row] * squares).sum()).squareRoot()
            let left = tau * (1 - node.past)
            let spread = deviation * node.cosine
            let weight = 2 * tau * node.cosine * node.weight
            let (upper, lower) = (
                (here - then + up * left) / spread, (here - then + down * left) / spread
            )
            strikes += r * exp(r * tau * node.past) * Normal.cumulative(lower) * weight
            shares += q * exp(q * tau * node.past) * Normal.cumulative(upper) * weight
        }
        let flat = here + log(start)
        let (upper, lower) = ((flat + up * tau) / deviation, (flat + down * tau) / deviation)
        return exp(-(r - q) * tau) * (Normal.cumulative(lower) + strikes)
            / (Normal.cumulative(upper) + shares)
    }

    private static let densityAtZero = 0.398_942_280_401_432_7
    private static func density(_ x: Double) -> Double { densityAtZero * exp(-0.5 * x * x) }

    /// Bjerksund and Stensland's curve of 1993, from X to the boundary of an endless option.
    private static func guess(_ terms: Terms, _ start: Double) -> SIMD8<Double> {
        let (r, q, v) = (terms.rate, terms.yield, terms.volatility)
        let shift = (r - q) / (v * v) - 0.5
        let root = -shift - (shift * shift + 2 * r / (v * v)).squareRoot()
        let end = root / (root - 1)
        let roots = Nodes.shared.roots
        var squares = SIMD8<Double>(repeating: 0)
        for i in roots.indices {
            let tau = terms.years * roots[i] * roots[i]
            let gap = 1 / end - 1 / start
            let pace = max(0, (q - r) * tau + 2 * v * tau.squareRoot())
            let reached = gap > 0 ? -expm1(-pace / (start * gap)) : 0
            let boundary = 1 / (1 / start + gap * reached)
            let ln = log(boundary / start)
            squares[i] = ln * ln
        }
        return squares
    }
}

extension ExerciseBoundary {
    /// The put's value in strikes, and its first two slopes, at a price of the underlying in
    /// strikes. At and below the boundary it is exercised.
    struct Reading {
        var price: Double
        var slope: Double
        var curvature: Double
        var exercisesNow: Bool
    }

    /// ln B at the longest time.
    var now: Double { log(start) - squares[0].squareRoot() }

    func reading(at spot: Double) -> Reading {
        let x = log(spot)
        guard x > now else {
            return Reading(price: 1 - spot, slope: -1, curvature: 0, exercisesNow: true)
        }
        let (r, q, v) = (terms.rate, terms.yield, terms.volatility)
        let nodes = Nodes.shared
        let deviation = v * terms.years.squareRoot()
        let (up, down) = (r - q + 0.5 * v * v, r - q - 0.5 * v * v)
        let origin = log(start)
        var (price, slope, curvature) = (0.0, 0.0, 0.0)
        for k in nodes.outer.indices {
            let node = nodes.outer[k]
            let then = origin - max(0, (nodes.outerWeights[k] * squares).sum()).squareRoot()
            let left = terms.years * (1 - node.past)
            let spread = deviation * node.cosine
            let (upper, lower) = (
                (x - then + up * left) / spread, (x - then + down * left) / spread
            )
            let weight = 2 * terms.years * node.weight * node.cosine
            let (interest, dividends) = (exp(-r * left) * weight, exp(-q * left) * weight)
            let stockPart = q * dividends * Normal.cumulative(-upper)
            price += r * interest * Normal.cumulative(-lower) - spot * stockPart
            let density = interest * Self.density(lower) / (spot * spread)
            let boundary = exp(then)
            slope += density * (q * boundary - r) - stockPart
            curvature +=
                density / spot
                * (q * boundary - (q * boundary - r) * (lower / spread + 1))
        }
        let european = BlackScholes.value(
            Option(.put, strike: 1, years: terms.years),
            volatility: v,
            in: Conditions(spot: spot, rate: r, dividendYield: q)
        )
        return Reading(
            price: european.price + price,
            slope: european.greeks.delta + slope,
            curvature: european.greeks.gamma + curvature,
            exercisesNow: false
        )
    }
}

/// The places at which boundaries are known and integrals are summed, the same for all options.
private struct Nodes: Sendable {
    /// A place u = τ sin²θ of an integral over the time passed.
    struct Place: Sendable {
        /// sin²θ.
        let past: Double
        let cosine: Double
        /// The weight of the place, times sin θ.
        let weight: Double
    }

    /// Places of the boundary, τ = 0 not counted: as many as a vector has lanes.
    static let count = 8
    static let innerCount = 12
    static let outerCount = 24

    static let shared = Nodes()

    /// √τ/√T at the nodes of Chebyshev, from 1 downwards.
    let roots: [Double]
    /// Of the integrals behind the boundary, and of those behind a price.
    let inner: [Place]
    let outer: [Place]
    /// What each node counts for at place k before node i, at i · innerCount + k.
    let weights: [SIMD8<Double>]
    let outerWeights: [SIMD8<Double>]

    private init() {
        let all = (0...Self.count).map { 0.5 * (1 + cos(.pi * Double($0) / Double(Self.count))) }
        roots = Array(all[..<Self.count])
        inner = Self.legendre(Self.innerCount)
        outer = Self.legendre(Self.outerCount)
        weights = roots.flatMap { [inner] root in
            inner.map { Self.lagrange(root * $0.past.squareRoot(), all) }
        }
        outerWeights = outer.map { Self.lagrange($0.past.squareRoot(), all) }
    }

    /// Gauss's and Legendre's places and weights on 0 … π/2.
    private static func legendre(_ count: Int) -> [Place] {
        (1...count).map { index in
            var x = cos(.pi * (Double(index) - 0.25) / (Double(count) + 0.5))
            var slope = 1.0
            for _ in 0..<20 {
                var (last, value) = (1.0, x)
                for degree in 2...count {
                    let n = Double(degree)
                    (last, value) = (value, ((2 * n - 1) * x * value - (n - 1) * last) / n)
                }
                slope = Double(count) * (x * value - last) / (x * x - 1)
                x -= value / slope
            }
            let angle = 0.25 * .pi * (1 + x)
            let weight = 0.5 * .pi / ((1 - x * x) * slope * slope)
            let (sine, cosine) = (sin(angle), cos(angle))
            return Place(past: sine * sine, cosine: cosine, weight: weight * sine)
        }
    }

    /// What all nodes but the last, whose value is 0, count for in the polynomial at `x`.
    private static func lagrange(_ x: Double, _ nodes: [Double]) -> SIMD8<Double> {
        var weights = SIMD8<Double>(repeating: 1)
        for j in 0..<count {
            for m in nodes.indices where m != j {
                weights[j] *= (x - nodes[m]) / (nodes[j] - nodes[m])
            }
        }
        return weights
    }
}
