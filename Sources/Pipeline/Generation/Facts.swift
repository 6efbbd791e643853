package import Contract
package import Options
internal import Policy

/// What a model may know: the only numbers that its answer may use. No user, no account, no token,
/// and nothing of what anything was bought at.
package struct Facts: Sendable {
    package let symbol: String
    package let spot: MicroUSD
    package let asOf: UTCInstant
    /// The day that it is in New York.
    package let today: CivilDate
    package let trend: MarketContext.Trend?
    package let vix: Double?
    /// What options are priced with: annual, as a fraction.
    package let volatility: Double
    package let tolerance: RiskPreferences.Tolerance?
    package let maxLoss: Double?
    package let maxDebit: Double?
    /// Shares of the underlying that are held; nil when nobody said.
    package let sharesHeld: Int?
    /// Of the whole portfolio, where the user's tier looks at it.
    package let greeks: Greeks?
    /// Days of earnings, dividends and the like, the nearest first.
    package let events: [MarketEvent]
    /// Expiries that may be used: monthly ones, three weeks to four months away. Empty where the
    /// model draws up no legs.
    package let expiries: [CivilDate]
    /// Strikes are multiples of this, in USD.
    package let strikeStep: Double

    private enum Limits {
        /// Events told of; a calendar longer than this is no help.
        static let eventsMax = 4
        /// Characters of an event's name.
        static let eventNameMax = 24
    }

    /// - Parameter expiries: Those of `today(at:)`.
    init(of world: Enriched, expiries: [CivilDate]) {
        self.init(
            of: world.request,
            asOf: world.asOf,
            volatility: world.volatility,
            sharesHeld: world.book?.freeShares,
            greeks: world.tier.seesPortfolioImpact ? world.portfolioGreeks : nil,
            expiries: expiries
        )
    }

    package init(
        of request: GenerateRequest,
        asOf: UTCInstant,
        volatility: Double,
        sharesHeld: Int?,
        greeks: Greeks?,
        expiries: [CivilDate]
    ) {
        let market = request.market
        symbol = market.symbol
        spot = market.currentPrice
        self.asOf = asOf
        today = NewYorkTime.date(at: asOf)
        trend = market.trend
        vix = market.vix
        self.volatility = volatility
        tolerance = request.preferences.tolerance
        maxLoss = request.preferences.maxLoss
        maxDebit = request.preferences.maxDebit
        self.sharesHeld = sharesHeld
        self.greeks = greeks
        let named = (market.events ?? []).filter { Self.isPlain($0.kind) }
        events = Array(named.sorted { $0.date < $1.date }.prefix(Limits.eventsMax))
        self.expiries = expiries
        strikeStep = Self.strikeStep(at: spot.dollars)
    }

    /// A name such as `earnings`: what is longer, or no word, might be anything.
    private static func isPlain(_ kind: String) -> Bool {
        (1...Limits.eventNameMax).contains(kind.utf8.count)
            && kind.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || $0 == UInt8(ascii: "_")
            }
    }

    /// The day that it is in New York.
    static func today(at nowMs: Int64) -> CivilDate {
        NewYorkTime.date(at: UTCInstant(milliseconds: Int(nowMs)))
    }

    static func expiries(from today: CivilDate) -> [CivilDate] {
        Array(Expiries.monthlies(after: today.advanced(by: 20), within: 100))
    }

    /// Multiples that liquid underlyings are listed at near the money. Coarser than their finest
    /// grids, so that a strike on it is most likely listed.
    private static func strikeStep(at spot: Double) -> Double {
        switch spot {
        case ..<25: 0.5
        case ..<200: 1
        default: 5
        }
    }
}
