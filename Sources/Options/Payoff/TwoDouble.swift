/// An unevaluated sum of two doubles, `high + low`, worth about 106 bits.
///
/// Carries model prices, which are doubles, through sums that must not lose what cancels.
/// The operations are Dekker's and Knuth's error-free transformations (Hida, Li and Bailey,
/// “Library for double-double and quad-double arithmetic”, 2000).
struct TwoDouble: Hashable, Sendable {
    private(set) var high: Double
    private(set) var low: Double

    static let zero = TwoDouble(0.0)

    init(_ value: Double) {
        high = value
        low = 0
    }

    /// Exact below 2¹⁰⁶.
    init(_ value: Int128) {
        if let small = Int64(exactly: value), small.magnitude < 1 << 62 {
            high = Double(small)
            low = Double(small - Int64(high))
        } else {
            high = Double(value)
            low = high.magnitude < 0x1p126 ? Double(value - Int128(high)) : 0
        }
    }

    private init(high: Double, low: Double) {
        self.high = high
        self.low = low
    }

    var isZero: Bool { high == 0 && low == 0 }
    var sign: Int { high != 0 ? (high > 0 ? 1 : -1) : (low == 0 ? 0 : (low > 0 ? 1 : -1)) }
    /// The nearest double.
    var value: Double { high + low }

    static prefix func - (a: Self) -> Self { TwoDouble(high: -a.high, low: -a.low) }

    static func + (a: Self, b: Self) -> Self {
        let top = sum(a.high, b.high)
        let rest = sum(a.low, b.low)
        let middle = quickSum(top.high, top.low + rest.high)
        return quickSum(middle.high, middle.low + rest.low)
    }

    static func * (a: Self, b: Double) -> Self {
        let product = a.high * b
        let error = (-product).addingProduct(a.high, b)
        return quickSum(product, error.addingProduct(a.low, b))
    }

    static func / (a: Self, b: Double) -> Self {
        let first = a.high / b
        let rest = a + -(TwoDouble(first) * b)
        return quickSum(first, rest.value / b)
    }

    private static func sum(_ a: Double, _ b: Double) -> Self {
        let high = a + b
        let back = high - a
        return TwoDouble(high: high, low: (a - (high - back)) + (b - back))
    }

    /// For a magnitude of `a` that is not below that of `b`.
    private static func quickSum(_ a: Double, _ b: Double) -> Self {
        let high = a + b
        return TwoDouble(high: high, low: b - (high - a))
    }
}

extension Double {
    /// The nearest double, as `Double(_:)`, which takes a slow general way with 128 bits.
    init(nearest value: Int128) {
        // The standard library's own conversion of 128 bits is generic, and slow.
        if value >= -(1 << 62), value <= 1 << 62 {
            self = Double(Int64(truncatingIfNeeded: value))
        } else {
            self = Double(value)
        }
    }
}
