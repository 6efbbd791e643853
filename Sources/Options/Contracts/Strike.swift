/// A strike price. Those that are listed are thousandths of a US dollar, as the OSI symbol counts
/// them; what is only computed with may be told to the millionth.
package struct Strike: Hashable, Comparable, Sendable {
    /// Millionths of a US dollar.
    package let micros: Int64
    package var thousandths: Int64 { micros / 1_000 }
    /// Such as can be listed at all.
    var isWhole: Bool { micros.isMultiple(of: 1_000) }

    /// Nil unless within 1 … `Limits.strikeThousandthsMax`.
    package init?(thousandths: Int64) {
        guard (1...Limits.strikeThousandthsMax).contains(thousandths) else { return nil }
        micros = thousandths * 1_000
    }

    /// The nearest thousandth. Nil when not finite, or not positive after rounding.
    package init?(dollars: Double) {
        let scaled = (dollars * 1_000).rounded()
        guard scaled.isFinite, scaled <= Double(Limits.strikeThousandthsMax), scaled >= 1
        else { return nil }
        micros = Int64(scaled) * 1_000
    }

    /// The nearest millionth, from a thousandth on. Nil when not finite, or out of range.
    package init?(toTheMillionth dollars: Double) {
        let scaled = (dollars * 1_000_000).rounded()
        guard scaled.isFinite, scaled <= Double(Limits.strikeThousandthsMax) * 1_000,
            scaled >= 1_000
        else { return nil }
        micros = Int64(scaled)
    }

    /// The double nearest to the amount: below 2⁵³ millionths the division rounds only once.
    package var dollars: Double { Double(micros) / 1_000_000 }
    package static func < (a: Self, b: Self) -> Bool { a.micros < b.micros }
}

/// A price per share that somebody quoted, in millionths of a US dollar.
package struct MicroUSD: Hashable, Comparable, Sendable {
    package let micros: Int64

    /// Nil when the amount exceeds `Limits.priceMicrosMax` in size.
    package init?(micros: Int64) {
        guard (-Limits.priceMicrosMax...Limits.priceMicrosMax).contains(micros)
        else { return nil }
        self.micros = micros
    }

    /// The nearest millionth. Nil when not finite or too large.
    package init?(dollars: Double) {
        let scaled = (dollars * 1_000_000).rounded()
        guard scaled.isFinite, scaled.magnitude <= Double(Limits.priceMicrosMax)
        else { return nil }
        self.micros = Int64(scaled)
    }

    /// The double nearest to the amount: below 2⁵³ millionths the division rounds only once.
    package var dollars: Double { Double(micros) / 1_000_000 }
    package static let zero = MicroUSD(unchecked: 0)
    package static func < (a: Self, b: Self) -> Bool { a.micros < b.micros }

    private init(unchecked micros: Int64) { self.micros = micros }
}

/// What a leg is entered at, per share.
package enum EntryPrice: Hashable, Sendable {
    /// Somebody's price: exact, so that 0.1 + 0.2 − 0.3 is nothing.
    case quoted(MicroUSD)
    /// The model's price: a double, taken as it is.
    case modelled(Double)

    package var dollars: Double {
        switch self {
        case .quoted(let price): price.dollars
        case .modelled(let price): price
        }
    }
}
