/// Computes an analysis: read the legs, price them, add them up. Judges nothing.
package enum Analyst {
    package static func analyse(
        _ request: AnalysisRequest
    ) throws(AnalysisError) -> Analysis {
        let market = try PricedLeg.market(of: request)
        var legs: [PricedLeg] = []
        for index in request.legs.indices {
            legs.append(try PricedLeg(request, index, in: market))
        }
        let ranked = rank(legs)
        let classification = Classifier.classify(ranked, spot: request.spot)
        let payoff = Payoff(legs: legs.map(\.leg))
        let figures = try Figures(legs, payoff, request, market)
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
                message: "The figures leave the range of numbers."
            )
        }
        return found
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

/// The figures of the whole at the front expiry: exact where all options end together, by the
/// model where some live on.
private struct Figures {
    var maxProfit: Double?
    var maxLoss: Double?
    var breakevens: [Double]
    var zeroIntervals: [(low: Double, high: Double?)] = []
    var probabilityOfProfit: Double?
    var expectedValue: Double?

    init(
        _ legs: [PricedLeg],
        _ payoff: Payoff,
        _ request: AnalysisRequest,
        _ market: Conditions
    ) throws(AnalysisError) {
        let times = legs.compactMap(\.optionYears)
        let horizon = times.min() ?? legs.compactMap(\.years).min()
        var law: LogNormal?
        if let horizon, let volatility = request.volatility {
            law = LogNormal(market, volatility: volatility, years: horizon)
        }
        let later = try Self.later(legs, after: horizon)
        guard later.isEmpty else {
            let front = legs.filter { $0.optionYears == nil || $0.optionYears == horizon }
            let curve = FrontCurve(
                front: front.map(\.leg),
                later: later,
                market: market,
                style: request.style
            )
            let figures = FrontFigures(curve)
            maxProfit = figures.maxProfit
            maxLoss = figures.maxLoss
            breakevens = figures.breakevens
            zeroIntervals = figures.zeroIntervals
            if let law {
                probabilityOfProfit =
                    Chances.ofProfit(in: figures.profitIntervals, under: law)
                expectedValue = curve.expectedValue(under: law)
            }
            return
        }
        let zeros = payoff.zeros
        maxProfit = payoff.maxProfit?.dollars
        maxLoss = payoff.maxLoss?.dollars
        breakevens = zeros.breakevens.map(\.dollars)
        zeroIntervals = zeros.plateaus.map { ($0.lowDollars, $0.highDollars) }
        if let law {
            probabilityOfProfit = Chances.ofProfit(payoff, under: law)
            expectedValue = Chances.expectedValue(of: legs.map(\.leg), under: law)
        }
    }
    /// The legs that outlive the horizon, which have a value there only at some volatility.
    private static func later(
        _ legs: [PricedLeg],
        after horizon: Double?
    ) throws(AnalysisError) -> [FrontCurve.Later] {
        var later: [FrontCurve.Later] = []
        for (index, leg) in legs.enumerated() {
            guard let years = leg.optionYears, let horizon, years > horizon else { continue }
            guard let volatility = leg.volatility else {
                throw AnalysisError(
                    code: .missing,
                    field: "/legs/\(index)/volatility",
                    message: "An option that outlives the first expiry needs a volatility."
                )
            }
            if let one = FrontCurve.Later(leg.leg, years: years - horizon, volatility: volatility) {
                later.append(one)
            }
        }
        return later
    }
}
