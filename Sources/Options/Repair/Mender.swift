/// Puts right what can be put right without asking anybody: strikes onto the grid, a size or a
/// width that keeps the limits, claims and prose replaced by what was computed. After each round
/// all rules run again; that report is the proof.
package struct Mender: Sendable {
    package struct Outcome: Sendable {
        /// With mended legs, claims and prose.
        package let subject: Case
        /// What was done, in order; empty when nothing had to be.
        package let steps: [RepairStep]
        /// Of the mended strategy.
        package let report: RuleReport
        /// What would let it pass when it still does not: the change of one figure, proved.
        package let change: SmallestChange?
        /// Of the mended strategy.
        let known: Evidence

        /// What the mended strategy comes to.
        package var figures: StrategyFigures { StrategyFigures(subject, known) }
    }

    package let judge: Judge

    /// Rounds of repair, after which what is left is left.
    package static let roundsMax = 3

    package init(_ judge: Judge) { self.judge = judge }

    package func mend(_ original: Case) -> Outcome {
        var subject = original
        var steps: [RepairStep] = []
        var known = Evidence(subject)
        var report = judge.judge(subject, known)
        for _ in 0..<Self.roundsMax {
            let made = round(&subject, report)
            if made.isEmpty { break }
            steps += made
            known = Evidence(subject)
            report = judge.judge(subject, known)
        }
        let change = report.verdict == .block ? SmallestChange(of: subject, judge, report) : nil
        return Outcome(
            subject: subject,
            steps: steps,
            report: report,
            change: change,
            known: known
        )
    }

    /// The repairs that this report calls for; legs first, since all else follows from them.
    private func round(_ subject: inout Case, _ report: RuleReport) -> [RepairStep] {
        let blocking = report.blocking
        if blocking.contains("S11") {
            let snapped = StrikeSnap.apply(to: &subject)
            if !snapped.isEmpty { return snapped }
        }
        if !blocking.isDisjoint(with: Self.sizing) {
            if let step = shrink(&subject) { return [step] }
            if let steps = narrow(&subject) { return steps }
        }
        return words(&subject, report)
    }

    // MARK: - Size

    /// Rules that a smaller trade may satisfy.
    private static let sizing: Set<String> = ["R01", "R09", "R14", "S16", "C02"]

    /// The largest number of units that keeps every limit of size; nil when not even one does.
    private func shrink(_ subject: inout Case) -> RepairStep? {
        let units = Units(subject.legs)
        guard units.count > 1 else { return nil }
        func fits(_ count: Int) -> Bool {
            guard let legs = units.legs(count) else { return false }
            var smaller = subject
            smaller.legs = legs
            return judge.judge(smaller).blocking.isDisjoint(with: Self.sizing)
        }
        guard fits(1) else { return nil }
        var (low, high) = (1, units.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if fits(middle) { low = middle } else { high = middle }
        }
        guard let legs = units.legs(low) else { return nil }
        subject.legs = legs
        return RepairStep("R01", "quantity \(units.count) is now \(low)")
    }

    /// One unit, with its wings a strike nearer at a time, until the limits are kept.
    private func narrow(_ subject: inout Case) -> [RepairStep]? {
        var trial = subject
        let units = Units(trial.legs)
        guard let one = units.legs(1) else { return nil }
        trial.legs = one
        for _ in 0..<Self.wingStepsMax {
            guard let legs = WingMove(trial).nearer() else { return nil }
            trial.legs = legs
            let blocking = judge.judge(trial).blocking
            if blocking.contains("S17") || blocking.contains("S14") { return nil }
            guard blocking.isDisjoint(with: Self.sizing) else { continue }
            let (before, after) = (Self.width(subject.legs), Self.width(legs))
            subject.legs = legs
            return
                (units.count > 1
                ? [RepairStep("R01", "quantity \(units.count) is now 1")] : [])
                + [
                    RepairStep(
                        "R01",
                        "width \(Wording.plain(before)) is now \(Wording.plain(after))"
                    )
                ]
        }
        return nil
    }

    /// Strikes that a wing is moved over at most.
    private static let wingStepsMax = 16

    /// The widest gap between a long option and a short one of the same right.
    static func width(_ legs: [Leg]) -> Double {
        let options = legs.compactMap { leg in
            leg.instrument.strike.map { (leg, leg.instrument.right, $0.dollars) }
        }
        let gaps = options.flatMap { long in
            options.filter { $0.1 == long.1 && $0.0.action != long.0.action }
                .map { ($0.2 - long.2).magnitude }
        }
        return gaps.max() ?? 0
    }

    // MARK: - Words

    private func words(_ subject: inout Case, _ report: RuleReport) -> [RepairStep] {
        var steps: [RepairStep] = []
        let wrong = Set(report.findings.map(\.rule))
        if subject.claims != nil,
            !wrong.isDisjoint(with: ["S05", "S13", "S14", "R04", "R05", "R06"])
        {
            for finding in report.findings where finding.rule != "S14" || finding.outcome != .fail {
                guard ["S05", "S13", "R04", "R05", "R06"].contains(finding.rule),
                    finding.outcome == .repaired
                else { continue }
                steps.append(RepairStep(finding.rule, finding.evidence))
            }
            if !steps.isEmpty { subject.claims = Self.corrected(subject) }
        }
        if let prose = subject.prose, !wrong.isDisjoint(with: Self.prose) {
            let mended = ProseMending(prose, of: subject)
            if mended.prose != prose {
                subject.prose = mended.prose
                steps += mended.steps
            }
        }
        return steps
    }

    private static let prose: Set<String> = ["C05", "C06", "C07", "C08", "C09", "O02"]

    /// What may be said about the legs: what they are. A sign or a bound that was claimed wrongly
    /// stays, and blocks: somebody meant another strategy.
    private static func corrected(_ subject: Case) -> Case.Claims? {
        guard var claims = subject.claims else { return nil }
        let known = Evidence(subject)
        func replace(_ claimed: inout Double?, _ computed: Double?) {
            if claimed != nil { claimed = computed }
        }
        claims.name = claims.name.map { _ in known.classification.name.rawValue }
        if let claimed = claims.netPremiumUSD {
            let computed = known.payoff.netPremium.dollars
            if claimed == 0 || (claimed > 0) == (computed > 0) { claims.netPremiumUSD = computed }
        }
        if known.isSingleExpiry {
            replace(&claims.maxProfitUSD, known.payoff.maxProfit?.dollars)
            replace(&claims.maxLossUSD, known.payoff.maxLoss?.dollars)
            claims.breakevens = claims.breakevens.map { _ in
                known.payoff.breakevens.map(\.dollars)
            }
            let law = LogNormal(
                subject.market,
                volatility: subject.volatility,
                years: known.frontYears
            )
            replace(&claims.probabilityOfProfit, Chances.ofProfit(known.payoff, under: law))
        }
        claims.symbols = claims.symbols.map { text in
            text.flatMap { OSISymbol($0) == nil ? nil : $0 }
        }
        return claims
    }
}

extension RuleReport {
    /// The rules that fail and block.
    package var blocking: Set<String> {
        Set(results.filter { $0.outcome == .fail && $0.severity == .block }.map(\.rule))
    }
}

/// Legs as so many equal units.
struct Units {
    let count: Int
    private let legs: [Leg]

    init(_ legs: [Leg]) {
        self.legs = legs
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        count = legs.reduce(0) { divisor($0, $1.quantity) }
    }

    func legs(_ units: Int) -> [Leg]? {
        guard count > 0 else { return nil }
        let sized = legs.compactMap { $0.resized(to: $0.quantity / count * units) }
        return sized.count == legs.count ? sized : nil
    }
}
