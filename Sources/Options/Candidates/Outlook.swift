/// Where the underlying is said to go.
package enum Trend: String, Hashable, Sendable, CaseIterable {
    case bullish
    case neutral
    case bearish
}

/// How much risk the customer wants to take.
package enum Tolerance: String, Hashable, Comparable, Sendable, CaseIterable {
    case low
    case medium
    case high

    package static func < (a: Self, b: Self) -> Bool { a.order < b.order }
    private var order: Int { self == .low ? 0 : self == .medium ? 1 : 2 }
}

/// How expensive options are, by the VIX. The limits are a convention, not a rule.
package enum VolatilityRegime: String, Hashable, Sendable, CaseIterable {
    case low
    case normal
    case high
    case extreme

    package init(vix: Double) {
        self = vix < 15 ? .low : vix < 20 ? .normal : vix < 30 ? .high : .extreme
    }
}

/// The volatility to price with when nobody gives one: the VIX times a factor for the kind of
/// underlying. Policy, not measurement: figures that use it say `assumed_vol`.
package enum AssumedVolatility {
    package static func of(_ ticker: String, vix: Double) -> Double {
        vix / 100 * factor(ticker)
    }

    /// What the VIX is multiplied by for an underlying.
    package static func factor(_ ticker: String) -> Double {
        switch ticker {
        case "SPY", "SPX", "XSP", "VOO", "IVV": 1
        case "QQQ", "NDX", "DIA", "DJX": 1.25
        case "IWM", "RUT": 1.3
        case _ where megaCaps.contains(ticker): 1.6
        case _ where highBeta.contains(ticker): 2.5
        default: 2
        }
    }

    private static let megaCaps: Set<String> = [
        "AAPL", "MSFT", "GOOGL", "GOOG", "AMZN", "META", "NVDA", "AVGO", "BRK.B", "LLY", "JPM",
    ]
    private static let highBeta: Set<String> = [
        "TSLA", "COIN", "MSTR", "PLTR", "AMD", "SMCI", "GME", "RIVN", "SOFI", "IBIT",
    ]
}
