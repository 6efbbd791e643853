/// What can be said about a set of legs in a market. Figures that are not defined are nil.
package struct Analysis: Sendable {
    package struct Leg: Sendable {
        /// The OSI symbol; nil for stock, and without a symbol or an expiry.
        package let symbol: String?
        /// Dollars per share: as given, else the model's, else (stock) the spot.
        package let price: Double
        /// What exercise now would pay per share; a share's own price for stock.
        package let intrinsic: Double
        /// What the given price implies; nil without one.
        package let impliedVolatility: Double?
        package let impliedVolatilityError: ImpliedVolatility.Failure?
        /// Per share of one long unit; nil where no volatility can be had.
        package let greeks: Greeks?
    }

    package let name: StrategyName
    package let level: Int
    package let risk: Classification.Risk
    package let style: ExerciseStyle
    /// Positive for a credit; option legs only.
    package let netPremiumUSD: Double
    /// ≥ 0; nil is unbounded. With several expiries at the front one, as a model's figure.
    package let maxProfitUSD: Double?
    package let maxLossUSD: Double?
    package let breakevens: [Double]
    /// Ends included; a nil `high` is infinity.
    package let zeroIntervals: [(low: Double, high: Double?)]
    /// Strictly positive profit at the front expiry; nil without a horizon or a volatility.
    package let probabilityOfProfit: Double?
    package let expectedValueUSD: Double?
    /// The position's, in dollars per dollar and so on; nil where a leg has none.
    package let greeks: Greeks?
    package let margin: Margin
    package let legs: [Leg]

    package var model: String { style.model }

    /// Every figure is a number that a document can hold.
    var isFinite: Bool {
        let own = [
            netPremiumUSD, maxProfitUSD, maxLossUSD, probabilityOfProfit, expectedValueUSD,
            margin.usd,
        ]
        return own.allSatisfy { $0?.isFinite ?? true } && breakevens.allSatisfy(\.isFinite)
            && (greeks?.isFinite ?? true)
            && legs.allSatisfy {
                $0.price.isFinite && ($0.impliedVolatility?.isFinite ?? true)
                    && ($0.greeks?.isFinite ?? true)
            }
    }
}
