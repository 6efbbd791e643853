/// A strategy before the rules, with all that is known around it. What is nil is not known, and
/// rules that need it are not evaluated.
package struct Case: Sendable {
    package struct Account: Hashable, Sendable {
        package var equityUSD: Double?
        package var buyingPowerUSD: Double?
        /// 1–4, the lower of profile and request.
        package var approvalLevel: Int?
        package var disclosureDelivered: Bool?
        package var uncoveredStatement: Bool?
        /// Day trades in the last five trading days.
        package var dayTrades: Int?
        package var dayTradeRegime: DayTradeRegime?
        /// Days on which shares of the underlying, or options on them, were closed at a loss.
        package var losses: [CivilDate]?

        /// Which margin rule for day trading the broker applies while both are in force.
        package enum DayTradeRegime: String, Hashable, Sendable, CaseIterable {
            case patternDayTrader = "pdt"
            case intraday
        }

        package init(
            equityUSD: Double? = nil,
            buyingPowerUSD: Double? = nil,
            approvalLevel: Int? = nil,
            disclosureDelivered: Bool? = nil,
            uncoveredStatement: Bool? = nil
        ) {
            self.equityUSD = equityUSD
            self.buyingPowerUSD = buyingPowerUSD
            self.approvalLevel = approvalLevel
            self.disclosureDelivered = disclosureDelivered
            self.uncoveredStatement = uncoveredStatement
        }
    }

    /// What somebody says about the strategy; compared, never used.
    package struct Claims: Hashable, Sendable {
        package var name: String?
        package var netPremiumUSD: Double?
        package var maxProfitUSD: Double?
        package var maxLossUSD: Double?
        package var lossIsBounded: Bool?
        package var breakevens: [Double]?
        package var probabilityOfProfit: Double?
        /// OSI symbols, one a leg; nil for stock, and where none was stated.
        package var symbols: [String?] = []

        package init(
            name: String? = nil,
            netPremiumUSD: Double? = nil,
            maxProfitUSD: Double? = nil,
            maxLossUSD: Double? = nil,
            lossIsBounded: Bool? = nil,
            breakevens: [Double]? = nil,
            probabilityOfProfit: Double? = nil
        ) {
            self.name = name
            self.netPremiumUSD = netPremiumUSD
            self.maxProfitUSD = maxProfitUSD
            self.maxLossUSD = maxLossUSD
            self.lossIsBounded = lossIsBounded
            self.breakevens = breakevens
            self.probabilityOfProfit = probabilityOfProfit
        }
    }

    package var ticker: String
    package var market: Conditions
    package var volatility: Double
    package var asOf: UTCInstant
    package var legs: [Leg]
    package var book: Book?
    /// The whole book's Greeks where the customer's system states them; they win over the computed.
    package var portfolioGreeks: Greeks?
    package var tolerance: Tolerance?
    package var maxLossUSD: Double?
    package var maxDebitUSD: Double?
    package var account = Account()
    package var vix: Double?
    package var chain: OptionChain?
    package var claims: Claims?
    /// Where the strategy is said to earn; a trend is compared with its delta.
    package var outlook: Trend?
    /// Days of earnings and ex-dates; nil when nobody said.
    package var events: [CivilDate]?
    /// Ex-dates with dollars per share; nil when nobody said.
    package var dividends: [Dividend]?

    /// What is said about the strategy.
    package var prose: Prose?
    /// Numbers beyond the computed that the prose may name: the caller vouches for them.
    package var facts: [Double] = []
    /// The customer's words.
    package var intent: String?
    package var model: ModelState?
    /// Whether the record of how this came about was written; nil before it was tried.
    package var isRecorded: Bool?
    /// Shares already held that the strategy is meant to stand on, as a protective put does; short
    /// calls find theirs by themselves.
    package var standsOnShares = 0
    /// Other candidates that it was compared with, no trade among them.
    package var alternatives: Int?

    /// How the model's part ended.
    package enum ModelState: String, Hashable, Sendable, CaseIterable {
        /// None took part.
        case none
        case answered
        case refused
        case truncated
        /// Another model answered than the one that was asked.
        case substituted
        case malformed
    }

    package struct Dividend: Hashable, Sendable {
        package let exDate: CivilDate
        package let amount: Double

        package init(exDate: CivilDate, amount: Double) {
            self.exDate = exDate
            self.amount = amount
        }
    }

    package init(
        ticker: String,
        market: Conditions,
        volatility: Double,
        asOf: UTCInstant,
        legs: SoundLegs
    ) {
        self.ticker = ticker
        self.market = market
        self.volatility = volatility
        self.asOf = asOf
        self.legs = legs.legs
    }
}

/// The limits that rules hold figures against. Those without a source in the catalogue are
/// policy, and all of them configuration.
package struct Thresholds: Hashable, Sendable {
    /// S12: standard deviations from the forward, and the share of it.
    package var strikeDeviationsWarn = 3.0
    package var strikeDeviationsBlock = 6.0
    package var strikeDistanceBlock = 0.6
    /// S15, S16.
    package var ratioMax = 3.0
    package var quantityMax = 100
    package var openInterestShare = 0.1
    /// S18.
    package var impliedVolatilityRange = 0.03...4.0
    package var impliedVolatilityDistance = 0.15
    /// R04: dollars, and the share of the figure.
    package var claimDollars = 1.0
    package var claimShare = 0.01
    package var claimBreakeven = 0.01
    package var claimProbability = 0.05
    /// R07: expected value against the largest loss.
    package var expectedValueShare = -0.15
    /// R08: credit against width.
    package var creditShare = 0.2
    /// R10 by tolerance, low to high.
    package var lossShareOfEquity = [0.01, 0.02, 0.05]
    /// R11 by tolerance: dollars of delta, vega per point, against equity.
    package var deltaShareOfEquity = [0.5, 1.0, 1.5]
    package var vegaShareOfEquity = [0.002, 0.005, 0.01]
    /// R12: net delta against gross, up to which a strategy is neutral.
    package var neutralDeltaShare = 0.15
    /// R13.
    package var vixCheap = 15.0
    package var vixDear = 30.0
    /// C02 where the class is not in the table.
    package var positionLimit = 25_000
    /// C10.
    package var alternativesMin = 2
    /// C12: day trades in five days, and the equity that allows more.
    package var dayTradesMax = 3
    package var dayTradeEquity = 25_000.0
    /// C13: days on either side of a loss, and the moneyness of a put that counts as the share.
    package var washDays = 30
    package var deepPutShare = 0.1
    /// R16.
    package var americanDollars = 0.05
    package var americanShare = 0.01
    /// R19.
    package var spreadDollars = 0.1
    package var spreadShare = 0.1
    package var openInterestMin = 100
    /// R20.
    package var volatilityFactors = [0.8, 1.2]

    package init() {}
}
