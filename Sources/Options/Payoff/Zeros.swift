/// A price of the underlying at which the profit is exactly nothing.
package struct Breakeven: Hashable, Sendable {
    /// Millionths of a dollar; nil where a model price took part.
    package let exactMicros: Rational?
    /// Dollars, the nearest double.
    package let dollars: Double
}

/// A stretch of prices over which the profit is exactly nothing, both ends included.
package struct ZeroInterval: Hashable, Sendable {
    /// Millionths of a dollar.
    package let low: Int64
    /// Nil at infinity.
    package let high: Int64?

    package var lowDollars: Double { Double(low) / 1_000_000 }
    package var highDollars: Double? { high.map { Double($0) / 1_000_000 } }
}

extension Payoff {
    /// Single zeros in ascending order, touching ones and S = 0 included, ends of plateaus not;
    /// and the plateaus, adjacent ones merged. A payoff that is nothing everywhere is one
    /// plateau from 0 to infinity.
    package var zeros: (breakevens: [Breakeven], plateaus: [ZeroInterval]) {
        var breakevens: [Breakeven] = []
        var plateaus: [ZeroInterval] = []
        var open: Int64?
        for (index, knot) in knots.enumerated() {
            let sign = knot.worth.sign
            let flat = sign == 0 && knot.slope == 0
            if flat {
                open = open ?? knot.price
            } else {
                if let low = open {
                    plateaus.append(ZeroInterval(low: low, high: knot.price))
                    open = nil
                } else if sign == 0 {
                    breakevens.append(Self.zero(of: knot))
                }
                let next = index + 1 < knots.count ? knots[index + 1].worth.sign : nil
                if sign != 0, let end = next ?? Optional(Self.sign(knot.slope)), end == -sign {
                    breakevens.append(Self.zero(of: knot))
                }
            }
        }
        if let low = open { plateaus.append(ZeroInterval(low: low, high: nil)) }
        return (breakevens, plateaus)
    }

    package var breakevens: [Breakeven] { zeros.breakevens }
    package var zeroIntervals: [ZeroInterval] { zeros.plateaus }

    /// Where the line that begins at a corner meets nothing.
    static func zero(of knot: Knot) -> Breakeven {
        guard knot.worth.sign != 0 else {
            return Breakeven(
                exactMicros: Rational(Int128(knot.price), over: 1),
                dollars: knot.priceDollars
            )
        }
        if knot.worth.isExact {
            let micros = Rational(
                Int128(knot.price) * knot.slope - knot.worth.micros,
                over: knot.slope
            )
            let dollars = Rational(micros.numerator, over: micros.denominator * 1_000_000)
            return Breakeven(exactMicros: micros, dollars: dollars.value)
        }
        let price =
            TwoDouble(Int128(knot.price)) + -(knot.worth.total / Double(nearest: knot.slope))
        return Breakeven(exactMicros: nil, dollars: (price / 1_000_000).value)
    }

    private static func sign(_ slope: Int128) -> Int { slope > 0 ? 1 : slope < 0 ? -1 : 0 }
}
