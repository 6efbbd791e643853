/// A price of the underlying at which the profit is exactly nothing.
package struct Breakeven: Sendable {
    /// Dollars, the nearest double.
    package let dollars: Double
    private let numerator: Int128
    /// 0 where a model price took part.
    private let denominator: Int128

    /// Millionths of a dollar; nil where a model price took part. Few ask, and lowest terms take
    /// a while.
    package var exactMicros: Rational? {
        denominator == 0 ? nil : Rational(numerator, over: denominator)
    }

    /// Millionths of a dollar; the denominator must not be 0.
    init(_ numerator: Int128, over denominator: Int128) {
        self.numerator = numerator
        self.denominator = denominator
        dollars = Rational.value(of: numerator, over: denominator * 1_000_000)
    }

    init(modelled dollars: Double) {
        self.dollars = dollars
        (numerator, denominator) = (0, 0)
    }
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
        guard knot.worth.sign != 0 else { return Breakeven(Int128(knot.price), over: 1) }
        if knot.worth.isExact {
            return Breakeven(
                Int128(knot.price) * knot.slope - knot.worth.micros,
                over: knot.slope
            )
        }
        let price =
            TwoDouble(Int128(knot.price)) + -(knot.worth.total / Double(nearest: knot.slope))
        return Breakeven(modelled: (price / 1_000_000).value)
    }

    private static func sign(_ slope: Int128) -> Int { slope > 0 ? 1 : slope < 0 ? -1 : 0 }
}
