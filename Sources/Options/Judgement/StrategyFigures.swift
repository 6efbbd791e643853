/// What a strategy comes to, by its legs and the shares that they stand on: the figures of a reply.
package struct StrategyFigures: Sendable {
    package let name: StrategyName
    /// The approval level that the legs need, 1–4.
    package let level: Int
    package let risk: Classification.Risk
    /// Shares already held that the legs lean on; the figures count them at today's price.
    package let sharesHeld: Int
    /// USD; positive is a credit.
    package let netPremiumUSD: Double
    /// USD, at least 0; nil is unbounded. With several expiries an estimate at the first one.
    package let maxProfitUSD: Double?
    /// USD, at least 0, beyond what the shares lose by themselves; nil is unbounded.
    package let maxLossUSD: Double?
    package let breakevens: [Double]
    package let probabilityOfProfit: Double
    package let expectedValueUSD: Double
    /// Of the legs alone.
    package let greeks: Greeks
    package let marginUSD: Double

    package init(_ subject: Case) { self.init(Evidence(subject)) }

    init(_ known: Evidence) {
        let subject = known.subject
        name = known.classification.name
        level = known.classification.level
        risk = known.classification.risk
        sharesHeld = known.held.reduce(0) { $0 + $1.signedShares }
        netPremiumUSD = known.payoff.netPremium.dollars
        maxLossUSD = known.ownLoss
        greeks = known.greeks
        marginUSD = known.margin.usd
        if let chances = known.chances {
            maxProfitUSD = known.maxProfit
            breakevens = known.breakevens
            probabilityOfProfit = chances.ofProfit
            expectedValueUSD = chances.mean
        } else {
            let law = LogNormal(
                subject.market,
                volatility: subject.volatility,
                years: known.frontYears
            )
            let curve = FrontCurve(of: subject.legs + known.held, subject)
            let figures = FrontFigures(curve)
            maxProfitUSD = figures.maxProfit
            breakevens = figures.breakevens
            probabilityOfProfit = Chances.ofProfit(in: figures.profitIntervals, under: law)
            expectedValueUSD = curve.expectedValue(under: law)
        }
    }

    /// The same of a candidate, whose menu has computed them.
    package init(_ candidate: Candidate) {
        name = candidate.name
        level = candidate.classification.level
        risk = candidate.classification.risk
        sharesHeld = candidate.held?.signedShares ?? 0
        netPremiumUSD = candidate.netPremiumUSD
        maxProfitUSD = candidate.maxProfitUSD
        maxLossUSD = candidate.addedMaxLossUSD
        breakevens = candidate.breakevens
        probabilityOfProfit = candidate.probabilityOfProfit
        expectedValueUSD = candidate.expectedValueUSD
        greeks = candidate.greeks
        marginUSD = candidate.margin.usd
    }
}

extension FrontCurve {
    /// Of legs with several expiries: what ends at the first one exactly, the rest by the model.
    fileprivate init(of book: [Leg], _ subject: Case) {
        let front = book.compactMap(\.expiry).min()
        func ends(_ leg: Leg) -> Bool { leg.expiry.map { $0 == front } ?? true }
        let frontYears = front.map { NewYorkTime.years(from: subject.asOf, to: $0) } ?? 0
        let later = book.filter { !ends($0) }.compactMap { leg in
            leg.expiry.flatMap { expiry in
                Later(
                    leg,
                    years: NewYorkTime.years(from: subject.asOf, to: expiry) - frontYears,
                    volatility: subject.volatility
                )
            }
        }
        self.init(
            front: book.filter(ends),
            later: later,
            market: subject.market,
            style: .european
        )
    }
}
