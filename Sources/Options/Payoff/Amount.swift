/// Dollars, exactly: millionths that were quoted and, where a price came from the model, its
/// doubles beside them.
///
/// Shares × price: quoted prices are whole millionths, so their sums are whole as well.
package struct Amount: Hashable, Comparable, Sendable {
    /// Millionths of a dollar from strikes and quoted prices.
    package let micros: Int128
    /// Millionths of a dollar from model prices.
    let modelled: TwoDouble

    package static let zero = Amount(micros: 0)

    init(micros: Int128, modelled: TwoDouble = .zero) {
        self.micros = micros
        self.modelled = modelled
    }

    /// All of it is integer arithmetic: no model price took part.
    package var isExact: Bool { modelled.isZero }

    /// −1, 0 or 1.
    package var sign: Int { modelled.isZero ? micros.signum().small : total.sign }

    /// The nearest double.
    package var dollars: Double {
        guard modelled.isZero else { return (total / 1_000_000).value }
        // Up to 2^53 both sides convert without loss, and IEEE 754 rounds a division once.
        return micros.magnitude <= 1 << 53
            ? Double(nearest: micros) / 1_000_000 : Rational(micros, over: 1_000_000).value
    }

    /// In millionths, to about 106 bits.
    var total: TwoDouble { TwoDouble(micros) + modelled }

    package static prefix func - (a: Self) -> Self {
        Amount(micros: -a.micros, modelled: -a.modelled)
    }
    package static func + (a: Self, b: Self) -> Self {
        Amount(micros: a.micros + b.micros, modelled: a.modelled + b.modelled)
    }
    package static func - (a: Self, b: Self) -> Self { a + -b }
    package static func < (a: Self, b: Self) -> Bool { (a - b).sign < 0 }
}

extension Int128 {
    fileprivate var small: Int { self > 0 ? 1 : self < 0 ? -1 : 0 }
}
