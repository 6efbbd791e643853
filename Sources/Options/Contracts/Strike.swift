/// A strike price, in thousandths of a US dollar, as the OSI symbol counts it.
package struct Strike: Hashable, Comparable, Sendable {
    package let thousandths: Int64

    /// Nil unless within 1 … `Limits.strikeThousandthsMax`.
    package init?(thousandths: Int64) {
        guard (1...Limits.strikeThousandthsMax).contains(thousandths) else { return nil }
        self.thousandths = thousandths
    }

    /// The nearest thousandth. Nil when not finite, or not positive after rounding.
    package init?(dollars: Double) {
        let scaled = (dollars * 1_000).rounded()
        guard scaled.isFinite, scaled <= Double(Limits.strikeThousandthsMax), scaled >= 1
        else { return nil }
        self.thousandths = Int64(scaled)
    }

    package var dollars: Double { Double(thousandths) / 1_000 }
    package static func < (a: Self, b: Self) -> Bool { a.thousandths < b.thousandths }
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
