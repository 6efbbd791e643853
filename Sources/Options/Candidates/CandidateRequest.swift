/// What a menu is made for: a market, a view, a purse and what is allowed.
package struct CandidateRequest: Hashable, Sendable {
    package var ticker: String
    package var market: Conditions
    /// What prices are estimated with where no chain gives its own.
    package var volatility: Double
    package var asOf: UTCInstant
    package var trend: Trend
    package var tolerance: Tolerance
    package var regime: VolatilityRegime
    /// Shares held that no short call is written on.
    package var freeShares: Int
    /// Dollars, of the whole trade; nil asks policy for a figure.
    package var maxLossUSD: Double?
    package var maxDebitUSD: Double?
    package var buyingPowerUSD: Double?
    /// The approval level in force, 1–4.
    package var level: Int
    /// Names that may be offered; nil is all.
    package var allowed: Set<StrategyName>?
    package var chain: OptionChain?

    package init(
        ticker: String,
        market: Conditions,
        volatility: Double,
        asOf: UTCInstant,
        trend: Trend = .neutral,
        tolerance: Tolerance = .medium,
        regime: VolatilityRegime = .normal,
        freeShares: Int = 0,
        maxLossUSD: Double? = nil,
        maxDebitUSD: Double? = nil,
        buyingPowerUSD: Double? = nil,
        level: Int = 4,
        allowed: Set<StrategyName>? = nil,
        chain: OptionChain? = nil
    ) {
        self.ticker = ticker
        self.market = market
        self.volatility = volatility
        self.asOf = asOf
        self.trend = trend
        self.tolerance = tolerance
        self.regime = regime
        self.freeShares = freeShares
        self.maxLossUSD = maxLossUSD
        self.maxDebitUSD = maxDebitUSD
        self.buyingPowerUSD = buyingPowerUSD
        self.level = level
        self.allowed = allowed
        self.chain = chain
    }

    /// By what tells most requests apart; all members count when two are compared.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(ticker)
        hasher.combine(market)
        hasher.combine(asOf)
        hasher.combine(maxLossUSD)
        hasher.combine(buyingPowerUSD)
    }

    package var today: CivilDate { NewYorkTime.date(at: asOf) }

    /// The budget in force. Without a figure from the customer policy is a careful one.
    package var budgetUSD: Double {
        if let maxLossUSD { return maxLossUSD }
        switch tolerance {
        case .low: return 500
        case .medium: return 1_000
        case .high: return 2_000
        }
    }
}
