package import Contract
package import Options

/// What a model may know: the only numbers that its answer may use. No user, no account, no token.
package struct Facts: Sendable {
    package let symbol: String
    package let spot: MicroUSD
    package let asOf: UTCInstant
    package let trend: MarketContext.Trend?
    package let vix: Double?
    package let tolerance: RiskPreferences.Tolerance?
    package let maxLoss: Double?
    /// Expiries that may be used: monthly ones, three weeks to four months away.
    package let expiries: [CivilDate]
    /// Strikes are multiples of this, in USD.
    package let strikeStep: Double

    /// - Parameter nowMs: The present, used where the request does not say of when its prices are.
    package init(of request: GenerateRequest, nowMs: Int64) {
        self.init(of: request, nowMs: nowMs, expiries: Self.expiries(from: Self.today(at: nowMs)))
    }

    /// - Parameter expiries: Those of `today(at: nowMs)`.
    init(of request: GenerateRequest, nowMs: Int64, expiries: [CivilDate]) {
        let market = request.market
        symbol = market.symbol
        spot = market.currentPrice
        asOf = market.asOf ?? UTCInstant(milliseconds: Int(nowMs))
        trend = market.trend
        vix = market.vix
        tolerance = request.preferences.tolerance
        maxLoss = request.preferences.maxLoss
        self.expiries = expiries
        strikeStep = Self.strikeStep(at: spot.dollars)
    }

    /// The day that it is in New York.
    static func today(at nowMs: Int64) -> CivilDate {
        NewYorkTime.date(at: UTCInstant(milliseconds: Int(nowMs)))
    }

    static func expiries(from today: CivilDate) -> [CivilDate] {
        Expiries.monthlies(after: today.advanced(by: 20), within: 100)
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
