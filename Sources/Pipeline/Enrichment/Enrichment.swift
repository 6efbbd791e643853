internal import Contract
internal import Options
internal import Policy

/// The stage that makes a priced world of a request: its volatility and rates with their sources, its
/// chain, its user's book and what his tier allows. Done once a request; all that follows reads it.
package final class Enrichment: Sendable {
    private let rules: Rules
    private let clock: any StoreClock

    package init(rules: Rules, clock: any StoreClock) {
        self.rules = rules
        self.clock = clock
    }

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `RISK_FREE_RATE`, where a request gives none: annual, continuous, as a fraction.
        package let rate: Double

        package init(rate: Double) { self.rate = rate }
    }

    package func enrich(_ registered: Registered, _ screened: Screened) -> Enriched {
        let request = registered.accepted.request
        let context = request.market
        // To the second: those of one burst are priced alike, and share what was computed.
        let now = UTCInstant(milliseconds: Int(clock.nowMs()) / 1_000 * 1_000)
        let asOf = context.asOf ?? now
        let volatility = AssumedOrGiven(context)
        let market = Conditions(
            spot: context.currentPrice.dollars,
            rate: context.rate ?? rules.rate,
            dividendYield: context.dividendYield ?? 0
        )
        let book = request.portfolio.positions.map { positions in
            Book(
                positions.map(Position.init),
                ticker: context.symbol,
                market: market,
                volatility: volatility.value,
                asOf: asOf
            )
        }
        return Enriched(
            registered,
            screened.restricted,
            isSuspect: screened.isSuspect,
            tier: Tier(rawValue: registered.grant.limits.tier) ?? .free,
            market,
            asOf,
            volatility,
            chain: context.chain.isEmpty
                ? nil : OptionChain(context.chain.map(OptionChain.Quote.init)),
            book
        )
    }
}

/// A request in a world that can be computed with. Only `Enrichment`, in this file, can make one.
package final class Enriched: Sendable {
    let registered: Registered
    let restricted: RestrictedList
    /// Its words may be an attack.
    let isSuspect: Bool
    let tier: Tier
    let market: Conditions
    let asOf: UTCInstant
    let volatility: Double
    /// `given`, or how it was assumed.
    let volatilitySource: String
    /// Nil when none is given.
    let chain: OptionChain?
    /// Nil when nobody said what is held.
    let book: Book?

    fileprivate init(
        _ registered: Registered,
        _ restricted: RestrictedList,
        isSuspect: Bool,
        tier: Tier,
        _ market: Conditions,
        _ asOf: UTCInstant,
        _ volatility: AssumedOrGiven,
        chain: OptionChain?,
        _ book: Book?
    ) {
        self.registered = registered
        self.restricted = restricted
        self.isSuspect = isSuspect
        self.tier = tier
        self.market = market
        self.asOf = asOf
        self.volatility = volatility.value
        volatilitySource = volatility.source
        self.chain = chain
        self.book = book
    }

    var request: GenerateRequest { registered.accepted.request }
    var ticker: String { request.market.symbol }
    var tolerance: Tolerance? {
        request.preferences.tolerance.flatMap { Tolerance(rawValue: $0.rawValue) }
    }
    var trend: Trend? { request.market.trend.flatMap { Trend(rawValue: $0.rawValue) } }
    /// The whole portfolio's Greeks as the caller's own system states them.
    var portfolioGreeks: Greeks? { request.portfolio.greeks.flatMap(Greeks.init) }

    /// Whether a strategy of these legs may be offered to this user.
    func permits(_ name: StrategyName, _ risk: Classification.Risk) -> Bool {
        tier.permits(name, risk) && !restricted.strategies.contains(name)
    }
}

/// The volatility that everything is priced with, and where it comes from.
private struct AssumedOrGiven {
    let value: Double
    let source: String

    init(_ context: MarketContext) {
        if let given = context.impliedVolatility {
            (value, source) = (given, "given")
            return
        }
        let vix = context.vix ?? Self.vixUnknown
        let factor = AssumedVolatility.factor(context.symbol)
        let assumed = AssumedVolatility.of(context.symbol, vix: vix)
        value = min(max(assumed, Self.believable.lowerBound), Self.believable.upperBound)
        let origin = context.vix == nil ? "no VIX given, taken as \(vix)" : "VIX \(vix)"
        source = "assumed_vol: \(origin), times \(factor)"
    }

    /// About what the VIX has been on average since 1990. Policy.
    private static let vixUnknown = 20.0
    /// A VIX of nothing, or of a thousand, prices nothing. Policy, as the bounds of rule S18.
    private static let believable = 0.03...4.0
}

extension OptionChain.Quote {
    fileprivate init(_ quote: ChainQuote) {
        self.init(
            symbol: quote.symbol,
            bid: quote.bid,
            ask: quote.ask,
            impliedVolatility: quote.impliedVolatility,
            openInterest: quote.openInterest
        )
    }
}

extension Position {
    fileprivate init(_ position: Portfolio.Position) {
        self.init(
            symbol: position.symbol,
            quantity: position.quantity,
            averagePrice: position.averagePrice,
            greeks: position.greeks.flatMap(Greeks.init)
        )
    }
}

extension Greeks {
    /// Nil where the three that matter most are not all stated: half a set of Greeks is none.
    fileprivate init?(_ stated: Portfolio.Greeks) {
        guard let delta = stated.delta, let theta = stated.theta, let vega = stated.vega else {
            return nil
        }
        self.init(
            delta: delta,
            gamma: stated.gamma ?? 0,
            thetaPerDay: theta,
            vegaPerPoint: vega,
            rhoPerPoint: stated.rho ?? 0
        )
    }
}
