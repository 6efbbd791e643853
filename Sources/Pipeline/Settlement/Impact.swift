internal import Contract
internal import Options

extension PortfolioImpact {
    /// Nil where nothing is held, or nothing known of it.
    init?(_ offer: Offer, in world: Enriched) {
        let book = world.book
        guard world.portfolioGreeks != nil || (book?.counted ?? 0) > 0 else { return nil }
        let before = world.portfolioGreeks ?? book?.greeks ?? .zero
        let equity = world.request.account.equity.flatMap { $0 > 0 ? $0 : nil }
        let value = book?.underlyingValueUSD ?? 0
        self.init(
            before: before,
            after: before + offer.figures.greeks,
            counted: world.portfolioGreeks == nil ? book?.counted : nil,
            shares: book?.shares ?? 0,
            encumberedShares: book?.encumberedShares ?? 0,
            underlyingValueUSD: value,
            underlyingShareOfEquity: equity.map { value / $0 },
            scenarios: Self.scenarios(offer, book?.exposures ?? [], in: world)
        )
    }

    /// The holdings on the underlying and the new legs on one grid: all of it in full detail, else
    /// its middle layer, in which volatility stays as it is.
    private static func scenarios(
        _ offer: Offer,
        _ exposures: [Exposure],
        in world: Enriched
    ) -> [Scenario] {
        let front = offer.subject.legs.compactMap(\.expiry).min()
        let horizon = front.map { NewYorkTime.years(from: world.asOf, to: $0) } ?? 0
        func grid(_ exposures: [Exposure]) -> Scenarios {
            Scenarios(
                exposures,
                market: world.market,
                volatility: world.volatility,
                asOf: world.asOf,
                horizon: horizon
            )
        }
        let before = grid(exposures)
        let after = grid(exposures + offer.subject.legs.map { Exposure($0) })
        let isFull = world.request.detail == .full
        return zip(before.cells, after.cells)
            .filter { isFull || $0.0.volatilityShift == 0 }
            .map { before, after in
                Scenario(
                    spot: before.spot,
                    volatilityShift: before.volatilityShift,
                    days: (before.years * 365 * 1_000).rounded() / 1_000,
                    beforeUSD: before.changeUSD,
                    afterUSD: after.changeUSD
                )
            }
    }
}
