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
        package var figures: StrategyFigures { StrategyFigures(known) }
    }

    package let judge: Judge

    /// Rounds of repair, after which what is left is left.
    package static let roundsMax = 3

    package init(_ judge: Judge) { self.judge = judge }

    package func mend(_ original: Case) -> Outcome {
        var subject = original
        var steps: [RepairStep] = []
        var known = Evidence(subject)
        var report = judge.judge(known)
        for _ in 0..<Self.roundsMax {
            if let made = legs(&subject, report) {
                steps += made
                known = Evidence(subject)
                report = judge.judge(known)
            } else {
                let made = words(&subject, report, known)
                if made.isEmpty { break }
                steps += made
                judge.judge(again: subject.claims, subject.prose, known, &report)
            }
        }
        let change = !report.isBlocked ? nil : SmallestChange(of: subject, judge, known)
        return Outcome(
            subject: subject,
            steps: steps,
            report: report,
            change: change,
            known: known
        )
    }

    /// Repairs of legs that this report calls for, from which all else follows; nil when it calls
    /// for none that can be made.
    private func legs(_ subject: inout Case, _ report: RuleReport) -> [RepairStep]? {
        guard report.isBlocked else { return nil }
        if report.blocks(byAnyOf: ["S11"]) {
            let snapped = StrikeSnap.apply(to: &subject)
            if !snapped.isEmpty { return snapped }
        }
        guard report.blocks(byAnyOf: Self.sizing) else { return nil }
        return shrink(&subject).map { [$0] } ?? narrow(&subject)
    }

    // MARK: - Size

    /// Rules that a smaller trade may satisfy.
    private static let sizing: [StaticString] = ["R01", "R09", "R14", "S16", "C02"]

    /// The largest number of units that keeps every limit of size; nil when not even one does.
    private func shrink(_ subject: inout Case) -> RepairStep? {
        let units = Units(subject.legs)
        guard units.count > 1 else { return nil }
        func fits(_ count: Int) -> Bool {
            guard let legs = units.legs(count) else { return false }
            var smaller = subject
            smaller.legs = legs
            return !judge.judge(smaller).blocks(byAnyOf: Self.sizing)
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
            let report = judge.judge(trial)
            if report.blocks(byAnyOf: ["S17", "S14"]) { return nil }
            guard !report.blocks(byAnyOf: Self.sizing) else { continue }
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

    private func words(
        _ subject: inout Case,
        _ report: RuleReport,
        _ known: Evidence
    ) -> [RepairStep] {
        var steps: [RepairStep] = []
        if subject.claims != nil {
            steps = report.repaired(among: Self.claims).map { RepairStep($0.rule, $0.evidence) }
            if !steps.isEmpty { subject.claims = Self.corrected(subject, known) }
        }
        if report.finds(anyOf: Self.prose), let prose = subject.prose {
            let mended = ProseMending(prose, known)
            if mended.prose != prose {
                subject.prose = mended.prose
                steps += mended.steps
            }
        }
        return steps
    }

    private static let claims: [StaticString] = ["S05", "S13", "R04", "R05", "R06"]
    private static let prose: [StaticString] = ["C05", "C06", "C07", "C08", "C09", "O02"]

    /// What may be said about the legs: what they are. A sign or a bound that was claimed wrongly
    /// stays, and blocks: somebody meant another strategy.
    private static func corrected(_ subject: Case, _ known: Evidence) -> Case.Claims? {
        guard var claims = subject.claims else { return nil }
        func replace(_ claimed: inout Double?, _ computed: Double?) {
            if claimed != nil { claimed = computed }
        }
        claims.name = claims.name.map { _ in known.classification.name.rawValue }
        if let claimed = claims.netPremiumUSD {
            let computed = known.payoff.netPremium.dollars
            if claimed == 0 || (claimed > 0) == (computed > 0) { claims.netPremiumUSD = computed }
        }
        if let chances = known.chances {
            replace(&claims.maxProfitUSD, known.maxProfit)
            replace(&claims.maxLossUSD, known.maxLoss)
            claims.breakevens = claims.breakevens.map { _ in known.breakevens }
            replace(&claims.probabilityOfProfit, chances.ofProfit)
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
        Set(findings.filter { $0.outcome == .fail && $0.severity == .block }.map(\.rule))
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
