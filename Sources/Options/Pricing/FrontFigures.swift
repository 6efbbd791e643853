internal import Glibc

/// The figures of a `FrontCurve`, found by looking: a curve of Black–Scholes values turns a few
/// times around its strikes, and every turn is wider than the grid laid over it.
package struct FrontFigures: Sendable {
    /// Dollars, ≥ 0; nil when unbounded.
    package let maxProfit: Double?
    package let maxLoss: Double?
    /// Dollars per share, ascending.
    package let breakevens: [Double]
    /// Stretches of prices, ends included, on which the legs cancel; a nil `high` is infinity.
    package let zeroIntervals: [(low: Double, high: Double?)]
    /// Open stretches of prices on which the profit is positive.
    package let profitIntervals: [(low: Double, high: Double)]

    package init(_ curve: FrontCurve) {
        let grid = Self.grid(curve)
        var points = grid.map { (spot: $0, worth: curve.worth(at: $0)) }
        points += Self.turns(points, curve)
        points.sort { $0.spot < $1.spot }
        let end = curve.asymptote
        let limit = end.slope == 0 ? [end.intercept] : []
        let worths = points.map(\.worth) + limit
        maxProfit = end.slope > 0 ? nil : max(0, worths.max() ?? 0)
        maxLoss = end.slope < 0 ? nil : max(0, -(worths.min() ?? 0))
        let tail = Self.tail(points, end, curve)
        let plateaus = Self.plateaus(points, end)
        let zeros = Self.zeros(points + tail, curve).filter { zero in
            !plateaus.contains { $0.low <= zero && zero <= $0.high ?? .infinity }
        }
        breakevens = zeros
        zeroIntervals = plateaus
        let edges = zeros + plateaus.flatMap { [$0.low] + ($0.high.map { [$0] } ?? []) }
        profitIntervals = Self.intervals(edges.sorted(), curve, end)
    }

    /// Where neighbouring points are exactly 0: legs of one contract that cancel leave the exact
    /// front payoff, whose corners are points.
    private static func plateaus(
        _ points: [(spot: Double, worth: Double)],
        _ end: (slope: Double, intercept: Double)
    ) -> [(low: Double, high: Double?)] {
        var found: [(low: Double, high: Double?)] = []
        var start: Int?
        for index in points.indices {
            let isZero = points[index].worth == 0
            if isZero, start == nil { start = index }
            if !isZero, let first = start {
                if first < index - 1 { found.append((points[first].spot, points[index - 1].spot)) }
                start = nil
            }
        }
        if let first = start, let last = points.last {
            let endless = end.slope == 0 && end.intercept == 0
            if endless || last.spot > points[first].spot {
                found.append((points[first].spot, endless ? nil : last.spot))
            }
        }
        return found
    }

    /// 0, every strike, and from far below the lowest to far above the highest four prices to the
    /// deviation of the shortest later leg, at least 100 and at most 2,000.
    private static func grid(_ curve: FrontCurve) -> [Double] {
        let strikes =
            curve.front.knots.map(\.priceDollars).filter { $0 > 0 } + curve.later.map(\.strike)
        guard let low = strikes.min(), let high = strikes.max() else { return [0] }
        let deviations = curve.later.map { $0.volatility * $0.years.squareRoot() }
        let wide = min(20, deviations.max() ?? 0)
        let drift =
            curve.later.map {
                ((curve.market.rate - curve.market.dividendYield) * $0.years).magnitude
            }.max() ?? 0
        let (start, end) = (
            log(low) - 6 * wide - drift - 0.5, log(high) + 6 * wide + drift + 0.5
        )
        let narrow = deviations.filter { $0 > 0 }.min() ?? 1
        let step = max((end - start) / 2_000, min((end - start) / 100, narrow / 4))
        var grid = [0.0] + strikes
        for index in 0...Int(((end - start) / step).rounded()) {
            grid.append(exp(start + Double(index) * step))
        }
        return Array(Set(grid)).sorted()
    }

    /// The exact place of every maximum and minimum that the grid shows, by the golden section.
    private static func turns(
        _ points: [(spot: Double, worth: Double)],
        _ curve: FrontCurve
    ) -> [(spot: Double, worth: Double)] {
        guard points.count > 2 else { return [] }
        var found: [(spot: Double, worth: Double)] = []
        for index in 1..<(points.count - 1) {
            let (left, here, right) = (points[index - 1], points[index], points[index + 1])
            let peak = here.worth > left.worth && here.worth >= right.worth
            let trough = here.worth < left.worth && here.worth <= right.worth
            guard peak || trough else { continue }
            let sign = peak ? 1.0 : -1.0
            var (low, high) = (left.spot, right.spot)
            let ratio = 0.618_033_988_749_894_9
            var (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
            var (worthA, worthB) = (curve.worth(at: a), curve.worth(at: b))
            for _ in 0..<60 where high - low > 1e-9 * high {
                if sign * worthA > sign * worthB {
                    (high, b, worthB) = (b, a, worthA)
                    a = high - ratio * (high - low)
                    worthA = curve.worth(at: a)
                } else {
                    (low, a, worthA) = (a, b, worthB)
                    b = low + ratio * (high - low)
                    worthB = curve.worth(at: b)
                }
            }
            found.append(sign * worthA > sign * worthB ? (a, worthA) : (b, worthB))
        }
        return found
    }

    /// Beyond the grid the curve is its asymptote: one point behind the zero that it may have.
    private static func tail(
        _ points: [(spot: Double, worth: Double)],
        _ end: (slope: Double, intercept: Double),
        _ curve: FrontCurve
    ) -> [(spot: Double, worth: Double)] {
        guard let last = points.last, end.slope != 0 else { return [] }
        var spot = last.spot
        for _ in 0..<200 {
            spot *= 4
            let worth = curve.worth(at: spot)
            if worth != 0, (worth > 0) == (end.slope > 0) { return [(spot, worth)] }
        }
        return []
    }

    private static func zeros(
        _ points: [(spot: Double, worth: Double)],
        _ curve: FrontCurve
    ) -> [Double] {
        var zeros: [Double] = []
        for (index, point) in points.enumerated() {
            if point.worth == 0 { zeros.append(point.spot) }
            guard index + 1 < points.count else { break }
            let next = points[index + 1]
            guard point.worth != 0, next.worth != 0, (point.worth > 0) != (next.worth > 0)
            else { continue }
            zeros.append(
                FalsePosition.root(
                    from: (point.spot, point.worth),
                    to: (next.spot, next.worth),
                    tolerance: 2e-16,
                    of: curve.worth
                )
            )
        }
        return zeros
    }

    private static func intervals(
        _ zeros: [Double],
        _ curve: FrontCurve,
        _ end: (slope: Double, intercept: Double)
    ) -> [(low: Double, high: Double)] {
        let edges = [0] + zeros.filter { $0 > 0 } + [Double.infinity]
        var intervals: [(low: Double, high: Double)] = []
        for index in 0..<(edges.count - 1) {
            let (low, high) = (edges[index], edges[index + 1])
            let inside = high < .infinity ? 0.5 * (low + high) : max(1, 2 * low)
            if curve.worth(at: inside) > 0 { intervals.append((low, high)) }
        }
        return intervals
    }
}
