/// Computes an analysis: read the legs, price them, add them up. Judges nothing.
package enum Analyst {
    package static func analyse(
        _ request: AnalysisRequest
    ) throws(AnalysisError) -> Analysis {
        let market = try PricedLeg.market(of: request)
        let legs = try PricedLeg.legs(of: request, in: market)
        let ranked = rank(legs)
        let classification = Classifier.classify(ranked, spot: request.spot)
        let payoff = Payoff(legs: legs.map(\.leg))
        let curve = try ProfitCurve(legs, payoff, request, market)
        let figures = Figures(legs, curve, request, market)
        let estimate = MarginEstimate(
            spot: request.spot,
            isBroadIndex: request.symbol.map(Underlyings.isBroadIndex) ?? false
        )
        let found = Analysis(
            name: classification.name,
            level: classification.level,
            risk: classification.risk,
            style: request.style,
            netPremiumUSD: payoff.netPremium.dollars,
            maxProfitUSD: figures.maxProfit,
            maxLossUSD: figures.maxLoss,
            breakevens: figures.breakevens,
            zeroIntervals: figures.zeroIntervals,
            probabilityOfProfit: figures.probabilityOfProfit,
            expectedValueUSD: figures.expectedValue,
            greeks: position(legs),
            margin: estimate.margin(
                for: ranked,
                as: classification,
                maxLoss: figures.maxLoss
            ),
            legs: legs.map { $0.reported(symbol: request.symbol) }
        )
        // Rates of thousands of per cent over decades; no document could hold the result.
        guard found.isFinite else {
            throw AnalysisError(
                code: .outOfRange,
                field: "",
                message: "document: the figures leave the range of numbers"
            )
        }
        return found
    }

    /// Profit and loss as a function of the underlying's price, to be drawn.
    package static func curve(
        of request: AnalysisRequest
    ) throws(AnalysisError) -> ProfitCurve {
        let market = try PricedLeg.market(of: request)
        let legs = try PricedLeg.legs(of: request, in: market)
        return try ProfitCurve(legs, Payoff(legs: legs.map(\.leg)), request, market)
    }

    /// By time rather than by date: a leg's `years` may stand for its expiry.
    private static func rank(_ legs: [PricedLeg]) -> [RankedLeg] {
        let times = Set(legs.compactMap(\.optionYears)).sorted()
        return legs.map { leg in
            RankedLeg(leg.leg, expiry: leg.optionYears.flatMap { times.firstIndex(of: $0) } ?? 0)
        }
    }

    private static func position(_ legs: [PricedLeg]) -> Greeks? {
        var sum = Greeks.zero
        for leg in legs {
            guard let greeks = leg.greeks else { return nil }
            sum = sum + greeks * Double(leg.leg.signedShares)
        }
        return sum
    }
}

/// The figures of the whole at the front expiry.
private struct Figures {
    var maxProfit: Double?
    var maxLoss: Double?
    var breakevens: [Double]
    var zeroIntervals: [(low: Double, high: Double?)] = []
    var probabilityOfProfit: Double?
    var expectedValue: Double?

    init(
        _ legs: [PricedLeg],
        _ curve: ProfitCurve,
        _ request: AnalysisRequest,
        _ market: Conditions
    ) {
        var law: LogNormal?
        if let horizon = curve.horizonYears, let volatility = request.volatility {
            law = LogNormal(market, volatility: volatility, years: horizon)
        }
        switch curve.form {
        case .exact(let payoff):
            let zeros = payoff.zeros
            maxProfit = payoff.maxProfit?.dollars
            maxLoss = payoff.maxLoss?.dollars
            breakevens = zeros.breakevens.map(\.dollars)
            zeroIntervals = zeros.plateaus.map { ($0.lowDollars, $0.highDollars) }
            if let law {
                probabilityOfProfit = Chances.ofProfit(payoff, under: law)
                expectedValue = Chances.expectedValue(of: legs.map(\.leg), under: law)
            }
        case .modelled(let curve):
            let figures = FrontFigures(curve)
            maxProfit = figures.maxProfit
            maxLoss = figures.maxLoss
            breakevens = figures.breakevens
            zeroIntervals = figures.zeroIntervals
            if let law {
                probabilityOfProfit = Chances.ofProfit(in: figures.profitIntervals, under: law)
                expectedValue = curve.expectedValue(under: law)
            }
        }
    }
}
