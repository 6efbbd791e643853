/// What the market quotes for the options of one underlying.
package struct OptionChain: Equatable, Sendable {
    package struct Quote: Hashable, Sendable {
        package let symbol: OSISymbol
        /// Dollars per share.
        package let bid: Double
        package let ask: Double
        package let impliedVolatility: Double?
        package let openInterest: Int?

        package init(
            symbol: OSISymbol,
            bid: Double,
            ask: Double,
            impliedVolatility: Double? = nil,
            openInterest: Int? = nil
        ) {
            self.symbol = symbol
            self.bid = bid
            self.ask = ask
            self.impliedVolatility = impliedVolatility
            self.openInterest = openInterest
        }

        /// Crossed, negative or not finite quotes are no market.
        package var isSound: Bool { bid >= 0 && ask >= bid && ask.isFinite && ask > 0 }
        package var mid: Double { 0.5 * (bid + ask) }
    }

    private struct Series: Hashable {
        let expiry: CivilDate
        let right: Right
    }

    /// Ascending; only those with a sound quote.
    package let expiries: [CivilDate]
    private let quotes: [Series: [Strike: Quote]]
    private let strikes: [Series: [Strike]]

    /// Keeps the sound quotes of standard contracts; the last one of a contract wins.
    package init(_ quotes: [Quote]) {
        var kept: [Series: [Strike: Quote]] = [:]
        for quote in quotes where quote.isSound && !quote.symbol.isAdjusted {
            let series = Series(expiry: quote.symbol.expiry, right: quote.symbol.right)
            kept[series, default: [:]][quote.symbol.strike] = quote
        }
        self.quotes = kept
        strikes = kept.mapValues { $0.keys.sorted() }
        expiries = Set(kept.keys.map(\.expiry)).sorted()
    }

    package var isEmpty: Bool { quotes.isEmpty }

    package func grid(_ expiry: CivilDate, _ right: Right) -> StrikeGrid {
        .listed(strikes[Series(expiry: expiry, right: right)] ?? [])
    }

    package func quote(_ expiry: CivilDate, _ right: Right, _ strike: Strike) -> Quote? {
        quotes[Series(expiry: expiry, right: right)]?[strike]
    }

    /// The legs at the middle of their quotes, in whole cents, stock as it is; nil where one option
    /// has no quote.
    package func priced(_ legs: [Leg]) -> [Leg]? {
        let priced = legs.compactMap { leg -> Leg? in
            guard case .option(let right, let strike) = leg.instrument else { return leg }
            guard let expiry = leg.expiry, let quote = quote(expiry, right, strike),
                quote.mid < 1e9,
                let mid = MicroUSD(micros: Int64((quote.mid * 100).rounded()) * 10_000)
            else { return nil }
            return Leg(
                leg.action,
                leg.instrument,
                expiry: expiry,
                quantity: leg.quantity,
                multiplier: leg.multiplier,
                price: .quoted(mid)
            )
        }
        return priced.count == legs.count ? priced : nil
    }
}
