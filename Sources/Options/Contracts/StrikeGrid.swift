/// The strikes that an underlying's options are listed at, known or by the exchanges' rule.
///
/// Rule: multiples of 2.50 below 25, of 5 to 200, of 10 above (Cboe Rule 4.5); the dollar
/// programmes list every dollar in the most traded funds and shares. Without a chain a strike
/// from here is likely to be listed, not certain.
package enum StrikeGrid: Hashable, Sendable {
    case standard
    /// Every dollar.
    case dollar
    /// What a chain shows, ascending.
    case listed([Strike])

    /// The rule that a ticker's options follow.
    package static func of(_ ticker: String) -> StrikeGrid {
        dollarProgramme.contains(ticker) ? .dollar : .standard
    }

    /// The highest strike at or below a price; nil below the lowest.
    package func atOrBelow(_ dollars: Double) -> Strike? {
        switch self {
        case .listed(let strikes): return strikes.last { $0.dollars <= dollars }
        case .standard, .dollar:
            guard dollars > 0, dollars < 1e9 else { return nil }
            let step = step(belowOrAt: dollars)
            return Strike(
                thousandths: Int64((dollars * 1_000 / Double(step)).rounded(.down)) * step
            )
        }
    }

    /// The lowest strike at or above a price; nil above the highest.
    package func atOrAbove(_ dollars: Double) -> Strike? {
        switch self {
        case .listed(let strikes): return strikes.first { $0.dollars >= dollars }
        case .standard, .dollar:
            guard dollars > 0, dollars < 1e9 else { return nil }
            let step = step(belowOrAt: dollars)
            return Strike(thousandths: Int64((dollars * 1_000 / Double(step)).rounded(.up)) * step)
        }
    }

    /// The strike nearest to a price, the lower of two equally near.
    package func nearest(_ dollars: Double) -> Strike? {
        guard let below = atOrBelow(dollars) else { return atOrAbove(dollars) }
        guard let above = atOrAbove(dollars) else { return below }
        return dollars - below.dollars <= above.dollars - dollars ? below : above
    }

    /// The next strike up or down; nil where there is none.
    package func next(_ strike: Strike, up: Bool) -> Strike? {
        switch self {
        case .listed(let strikes):
            return up ? strikes.first { $0 > strike } : strikes.last { $0 < strike }
        case .standard, .dollar:
            // A thousandth beyond, then to the grid: steps differ on the two sides of 25 and 200.
            let beyond = strike.thousandths + (up ? 1 : -1)
            return up ? atOrAbove(Double(beyond) / 1_000) : atOrBelow(Double(beyond) / 1_000)
        }
    }

    /// Whether a strike stands on the grid. Every listed strike is a multiple of half a dollar.
    package func contains(_ strike: Strike) -> Bool {
        switch self {
        case .listed(let strikes): strikes.contains(strike)
        case .standard, .dollar:
            strike.thousandths.isMultiple(of: step(belowOrAt: strike.dollars))
        }
    }

    /// In thousandths, for the interval that ends above a price.
    private func step(belowOrAt dollars: Double) -> Int64 {
        if case .dollar = self { return 1_000 }
        return dollars < 25 ? 2_500 : dollars < 200 ? 5_000 : 10_000
    }

    private static let dollarProgramme: Set<String> = [
        "SPY", "QQQ", "IWM", "DIA", "TLT", "GLD", "SLV", "XLF", "XLE", "XLK", "EEM", "EFA", "HYG",
        "FXI", "EWZ", "IBIT", "SMH", "ARKK", "XSP",
    ]
}
