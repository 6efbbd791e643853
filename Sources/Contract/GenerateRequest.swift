package import Options

/// What a `generate` request asks for, checked field by field (`streams.md`, "The generate payload").
package struct GenerateRequest: Sendable {
    package let userID: String
    /// What the user typed. Data, never instructions: no limit or number is ever read from it.
    package let intent: String
    package let market: MarketContext
    package let portfolio: Portfolio
    package let preferences: RiskPreferences
    package let account: Account
    /// What the model may cost at the most.
    package let maxCost: NanoUSD
    package let detail: Detail
    package let mode: Mode

    package enum Detail: String, CaseIterable, Sendable {
        case fast
        case full
    }
    package enum Mode: String, CaseIterable, Sendable {
        case menu
        case custom
    }
}

/// The underlying and its market, as the caller sees it.
package struct MarketContext: Sendable {
    /// Upper case.
    package let symbol: String
    /// USD a share.
    package let currentPrice: MicroUSD
    /// Points: 18.5.
    package let vix: Double?
    package let trend: Trend?
    package let asOf: UTCInstant?
    /// Annual, as a fraction: 0.2 is 20 %.
    package let impliedVolatility: Double?
    /// Annual and continuous, as a fraction.
    package let rate: Double?
    package let dividendYield: Double?
    /// Nil when nobody said; empty when there are none. The same for `events`.
    package let dividends: [Dividend]?
    package let events: [MarketEvent]?
    package let chain: [ChainQuote]

    package enum Trend: String, CaseIterable, Sendable {
        case bullish
        case neutral
        case bearish
    }
}

package struct Dividend: Sendable {
    package let exDate: CivilDate
    /// USD a share.
    package let amount: Double
}

package struct MarketEvent: Sendable {
    package let kind: String
    package let date: CivilDate
}

/// One listed contract and what it is quoted at.
package struct ChainQuote: Sendable {
    package let symbol: OSISymbol
    package let bid: Double
    package let ask: Double
    package let impliedVolatility: Double?
    package let openInterest: Int?
}

/// What the user holds already.
package struct Portfolio: Sendable {
    /// Nil when nobody said.
    package let positions: [Position]?
    package let greeks: Greeks?

    package struct Position: Sendable {
        /// A root, or an OSI symbol.
        package let symbol: String
        /// Signed: shares or contracts.
        package let quantity: Double
        package let averagePrice: Double?
        package let greeks: Greeks?
    }

    /// Delta in shares, theta a calendar day, vega a volatility point. What is absent was not said.
    package struct Greeks: Sendable {
        package let delta: Double?
        package let gamma: Double?
        package let theta: Double?
        package let vega: Double?
        package let rho: Double?
    }
}

package struct RiskPreferences: Sendable {
    package let tolerance: Tolerance?
    /// USD, of the whole trade.
    package let maxLoss: Double?
    package let maxDebit: Double?

    package enum Tolerance: String, CaseIterable, Sendable {
        case low
        case medium
        case high
    }
}

package struct Account: Sendable {
    package let equity: Double?
    package let buyingPower: Double?
    /// 1–4.
    package let approvalLevel: Int?
    /// Whether the options disclosure document was delivered.
    package let disclosureDelivered: Bool?
}
