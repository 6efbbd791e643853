//  Corpus: strategies that are in order, the same with one defect, and what the rules make of them.
//  Belongs here: the generators, the twenty-four kinds of defect, the count of what was found. Not
//  here: rules, and tests of them.

package import Options
package import TestSupport

/// A strategy as it comes before the rules: legs still to be proved, claims, prose, the customer's
/// words.
package struct Specimen: Sendable {
    package var request: CandidateRequest
    package var candidate: Candidate
    package var drafts: [DraftLeg]
    package var claims: Case.Claims
    package var prose: Prose
    package var facts: [Double]
    package var intent: String
    package var held: [Position]

    /// What the rules found, by id, and whether it may be published.
    package struct Finding: Sendable {
        package var rules: Set<String>
        package var isBlocked: Bool
        /// The evidence of what blocks.
        package var evidence: [String]
    }

    /// All rules over it, those of form first.
    package func judged() -> Finding {
        let spot = MicroUSD(dollars: request.market.spot) ?? .zero
        let check = StructuralCheck(today: request.today, spot: spot).check(drafts)
        switch check {
        case .unsound(let findings):
            return Finding(
                rules: Set(findings.map(\.rule)),
                isBlocked: true,
                evidence: findings.map(\.message)
            )
        case .sound(let legs):
            let report = Judge(RulePack(on: request.today, for: .brokerDealer))
                .judge(subject(legs))
            return Finding(
                rules: Set(report.findings.map(\.rule)),
                isBlocked: report.verdict == .block,
                evidence: report.findings.filter { report.blocking.contains($0.rule) }
                    .map { "\($0.rule): \($0.evidence)" }
            )
        }
    }

    /// The case that the judge sees, with everything that can be known.
    package func subject(_ legs: SoundLegs) -> Case {
        var subject = Case(
            ticker: request.ticker,
            market: request.market,
            volatility: request.volatility,
            asOf: request.asOf,
            legs: legs
        )
        subject.book = Book(
            held,
            ticker: request.ticker,
            market: request.market,
            volatility: request.volatility,
            asOf: request.asOf
        )
        subject.tolerance = request.tolerance
        subject.maxLossUSD = request.budgetUSD
        subject.maxDebitUSD = request.maxDebitUSD
        subject.account.approvalLevel = request.level
        subject.account.buyingPowerUSD = request.buyingPowerUSD
        subject.account.disclosureDelivered = true
        subject.account.uncoveredStatement = true
        subject.claims = claims
        subject.prose = prose
        subject.facts = facts
        subject.intent = intent
        subject.model = .answered
        subject.isRecorded = true
        subject.alternatives = 3
        subject.standsOnShares = candidate.held?.signedShares ?? 0
        return subject
    }
}

extension CandidateRequest {
    /// Any request that a customer might make.
    package static func random(_ dice: inout Dice) -> CandidateRequest {
        let spots: [Double] = [3.2, 12, 48.5, 101.7, 187.3, 450, 1_250, 5_900]
        let budgets: [Double] = [50, 500, 1_000, 10_000, 100_000]
        let vix = Double.random(in: 10...60, using: &dice)
        let ticker = ["SPY", "AAPL", "XYZ", "TSLA", "SPX"].randomElement(using: &dice) ?? "SPY"
        let shares = [0, 0, 50, 100, 700].randomElement(using: &dice) ?? 0
        return CandidateRequest(
            ticker: ticker,
            market: Conditions(
                spot: spots.randomElement(using: &dice) ?? 100,
                rate: Double.random(in: 0...0.06, using: &dice),
                dividendYield: Double.random(in: 0...0.03, using: &dice)
            ),
            volatility: AssumedVolatility.of(ticker, vix: vix),
            // Three years from 2026-11-24T15:00:00Z.
            asOf: UTCInstant(
                seconds: 1_795_532_400 + Int.random(in: 0...(3 * 365 * 86_400), using: &dice)
            ),
            trend: Trend.allCases.randomElement(using: &dice) ?? .neutral,
            tolerance: Tolerance.allCases.randomElement(using: &dice) ?? .low,
            regime: VolatilityRegime(vix: vix),
            freeShares: shares,
            maxLossUSD: Bool.random(using: &dice) ? budgets.randomElement(using: &dice) : nil,
            maxDebitUSD: Int.random(in: 0...2, using: &dice) == 0 ? 300 : nil,
            buyingPowerUSD: Int.random(in: 0...2, using: &dice) == 0 ? 2_000 : nil,
            level: Int.random(in: 1...4, using: &dice)
        )
    }
}

extension Specimen {
    /// One that is in order: any candidate of any menu, told in words of one of two writers.
    package static func clean(_ dice: inout Dice) -> Specimen {
        while true {
            let request = CandidateRequest.random(&dice)
            guard let candidate = Menu(request).candidates.randomElement(using: &dice) else {
                continue
            }
            if let specimen = Specimen(candidate, for: request) {
                return specimen.told(&dice)
            }
        }
    }

    /// The candidate as the fallback would publish it.
    package init?(_ candidate: Candidate, for request: CandidateRequest) {
        self.request = request
        self.candidate = candidate
        drafts = candidate.legs.map { leg in
            DraftLeg(
                action: leg.action,
                kind: leg.instrument.right == .call ? .call : .put,
                strike: leg.instrument.strike?.dollars,
                expiry: leg.expiry?.description,
                quantity: leg.quantity,
                multiplier: leg.multiplier,
                price: leg.price.dollars
            )
        }
        held =
            request.freeShares > 0
            ? [Position(symbol: request.ticker, quantity: Double(request.freeShares))] : []
        let isExact = Set(candidate.legs.map(\.expiry)).count == 1
        claims = Case.Claims(
            name: candidate.name.rawValue,
            netPremiumUSD: candidate.netPremiumUSD,
            maxProfitUSD: isExact ? candidate.maxProfitUSD : nil,
            maxLossUSD: nil,
            lossIsBounded: true,
            breakevens: isExact ? candidate.breakevens : nil,
            probabilityOfProfit: isExact ? candidate.probabilityOfProfit : nil
        )
        if isExact, candidate.held == nil { claims.maxLossUSD = candidate.addedMaxLossUSD }
        claims.symbols = candidate.legs.map { leg in
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { return nil }
            return OSISymbol(
                root: OSISymbol.root(forTicker: request.ticker),
                expiry: expiry,
                right: right,
                strike: strike
            )?.description
        }
        prose = Prose(rationale: [])
        facts = []
        intent = "I want a conservative income strategy for \(request.ticker)."
        let spot = MicroUSD(dollars: request.market.spot) ?? .zero
        let check = StructuralCheck(today: request.today, spot: spot).check(drafts)
        guard case .sound(let legs) = check else { return nil }
        let explanation = Explanation(candidate, of: subject(legs), regime: request.regime)
        prose = explanation.prose
        facts = explanation.facts
    }
}
