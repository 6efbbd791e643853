/// Holds a strategy against the rules, in the catalogue's order, each on its own: a full report
/// is worth more than the first failure. Nothing is repaired here and nothing believed.
package struct Judge: Sendable {
    package let pack: RulePack
    package let thresholds: Thresholds

    package init(_ pack: RulePack, thresholds: Thresholds = Thresholds()) {
        self.pack = pack
        self.thresholds = thresholds
    }

    package func judge(_ subject: Case) -> RuleReport { judge(subject, Evidence(subject)) }

    /// - Parameter bench: Of the same subject.
    func judge(_ subject: Case, _ bench: Evidence) -> RuleReport {
        var results = StructureRules(subject, bench, thresholds).results()
        results += RiskRules(subject, bench, thresholds).results()
        results += MarketRules(subject, bench, thresholds).results()
        results += ClaimRules(subject, bench, thresholds).results()
        results += AccountRules(subject, bench, thresholds).results()
        results += SettlementRules(subject, bench, thresholds).results()
        results += ProseRules(subject, bench).results()
        results += ConductRules(subject).results()
        return RuleReport(pack, results)
    }
}

/// What several rules look at, computed once.
struct Evidence: Sendable {
    /// Shares of the book that new short calls lean on, as a leg at today's price.
    let held: [Leg]
    /// Shares that the legs by themselves would have to deliver uncovered.
    let neededShares: Int
    let payoff: Payoff
    let classification: Classification
    /// All shares that no short call is written on, as a leg at today's price.
    let freeShares: [Leg]
    /// Dollars that the new legs can lose beyond what those shares lose; nil is unbounded.
    let addedLoss: Double?
    /// The same beside those shares alone that the legs stand on: what a reply calls the largest loss.
    let ownLoss: Double?
    /// What may be called the largest loss: beside all free shares, beside those that the legs
    /// stand on, and with these. Empty when it is unbounded.
    let statedLosses: [Double]
    let frontYears: Double
    let today: CivilDate
    let margin: Margin
    let greeks: Greeks
    let isSingleExpiry: Bool

    init(_ subject: Case) {
        today = NewYorkTime.date(at: subject.asOf)
        let alone = Cover(RankedLeg.rank(subject.legs))
        let free = subject.book?.freeShares ?? 0
        neededShares = alone.uncoveredCallShares
        let needed = max(neededShares, subject.standsOnShares)
        func stock(_ count: Int) -> [Leg] {
            let spot = MicroUSD(dollars: subject.market.spot)
            let leg = spot.flatMap { Leg(.buy, .stock, quantity: count, price: .quoted($0)) }
            return leg.map { [$0] } ?? []
        }
        freeShares = stock(free)
        held = needed > 0 && free >= needed ? stock(needed) : []
        let together = RankedLeg.rank(subject.legs + held)
        payoff = Payoff(legs: subject.legs + held)
        classification = Classifier.classify(together, spot: subject.market.spot)
        addedLoss = AddedLoss.of(subject.legs, over: freeShares)
        ownLoss = AddedLoss.of(subject.legs, over: held)
        statedLosses = [addedLoss, ownLoss, payoff.maxLoss?.dollars].compactMap { $0 }
        let expiries = Set(subject.legs.compactMap(\.expiry))
        isSingleExpiry = expiries.count <= 1
        frontYears = expiries.min().map { NewYorkTime.years(from: subject.asOf, to: $0) } ?? 0
        margin = MarginEstimate(
            spot: subject.market.spot,
            isBroadIndex: Underlyings.isBroadIndex(subject.ticker)
        ).margin(for: together, as: classification, maxLoss: ownLoss)
        greeks = subject.legs.reduce(.zero) {
            $0
                + Exposure($1).greeks(
                    in: subject.market,
                    volatility: subject.volatility,
                    asOf: subject.asOf
                )
        }
    }
}

/// A rule's result on its way into a report.
func result(
    _ rule: String,
    _ severity: Rule.Severity,
    holds: Bool,
    _ evidence: @autoclosure () -> String
) -> RuleResult {
    RuleResult(rule, holds ? .pass : .fail, severity: severity, evidence: evidence())
}

func inapplicable(_ rule: String, _ why: String) -> RuleResult {
    RuleResult(rule, .notApplicable, severity: .information, evidence: why)
}
