/// A fraction of two 128-bit integers, in lowest terms, its denominator positive.
package struct Rational: Hashable, Comparable, Sendable {
    package let numerator: Int128
    package let denominator: Int128

    /// The denominator must not be 0.
    init(_ numerator: Int128, over denominator: Int128) {
        let divisor = Self.gcd(numerator.magnitude, denominator.magnitude)
        let sign: Int128 = denominator < 0 ? -1 : 1
        self.numerator = sign * numerator / divisor
        self.denominator = sign * denominator / divisor
    }

    /// The nearest double, ties to even.
    package var value: Double {
        let exact: UInt128 = 1 << 53
        if numerator.magnitude <= exact, denominator.magnitude <= exact {
            // Both convert without loss, and IEEE 754 rounds a division once.
            return Double(nearest: numerator) / Double(nearest: denominator)
        }
        let size = Self.nearest(numerator.magnitude, denominator.magnitude)
        return numerator < 0 ? -size : size
    }

    /// The nearest double to a fraction in whatever terms; the denominator must not be 0.
    static func value(of numerator: Int128, over denominator: Int128) -> Double {
        let exact: UInt128 = 1 << 53
        if numerator == 0 { return 0 }
        if numerator.magnitude <= exact, denominator.magnitude <= exact {
            return Double(nearest: numerator) / Double(nearest: denominator)
        }
        return Rational(numerator, over: denominator).value
    }

    package static func < (a: Self, b: Self) -> Bool {
        let left = a.numerator.multipliedFullWidth(by: b.denominator)
        let right = b.numerator.multipliedFullWidth(by: a.denominator)
        return left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// Long division to 55 bits of quotient and one that tells whether anything is left.
    private static func nearest(_ numerator: UInt128, _ denominator: UInt128) -> Double {
        var (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        var exponent = 0
        while quotient < 1 << 55, rest != 0 {
            quotient <<= 1
            rest <<= 1
            exponent -= 1
            if rest >= denominator {
                rest -= denominator
                quotient |= 1
            }
        }
        // The conversion to double rounds once; the last bit only breaks a tie.
        if rest != 0 { quotient = quotient << 1 | 1 } else { quotient <<= 1 }
        return Double(sign: .plus, exponent: exponent - 1, significand: Double(quotient))
    }

    static func gcd(_ a: UInt128, _ b: UInt128) -> Int128 {
        var (a, b) = (a, b)
        while b != 0 {
            // Once both fit a register, so does all that follows.
            if let small = UInt64(exactly: a), let other = UInt64(exactly: b) {
                return Int128(gcd(small, other))
            }
            (a, b) = (b, a % b)
        }
        return Int128(a)
    }

    private static func gcd(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
