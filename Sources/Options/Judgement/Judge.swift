/// Holds a strategy against the rules, in the catalogue's order, each on its own: a full report
/// is worth more than the first failure. Nothing is repaired here and nothing believed.
package struct Judge: Sendable {
    package let pack: RulePack
    package let thresholds: Thresholds

    package init(_ pack: RulePack, thresholds: Thresholds = Thresholds()) {
        self.pack = pack
        self.thresholds = thresholds
    }

    package func judge(_ subject: Case) -> RuleReport { judge(Evidence(subject)) }

    func judge(_ known: Evidence) -> RuleReport {
        var report = RuleReport(pack)
        StructureRules(known, thresholds).write(to: &report)
        RiskRules(known, thresholds).write(to: &report)
        MarketRules(known, thresholds).write(to: &report)
        AccountRules(known, thresholds).write(to: &report)
        SettlementRules(known, thresholds).write(to: &report)
        ConductRules(known).write(to: &report)
        words(known.subject.claims, known.subject.prose, known, &report)
        return report
    }

    /// Looks again at what is said of legs that are still the same; all else rests on those.
    func judge(
        again claims: Case.Claims?,
        _ prose: Prose?,
        _ known: Evidence,
        _ report: inout RuleReport
    ) {
        report.forget(Self.ofWords)
        words(claims, prose, known, &report)
    }

    private static let ofWords: [StaticString] = [
        "S04", "S05", "S13", "S14", "R04", "R05", "R06", "C05", "C06", "C07", "C08", "C09", "O02",
    ]

    private func words(
        _ claims: Case.Claims?,
        _ prose: Prose?,
        _ known: Evidence,
        _ report: inout RuleReport
    ) {
        SymbolRules(known, claims?.symbols ?? []).write(to: &report)
        ClaimRules(known, claims, thresholds).write(to: &report)
        if let prose { ProseRules(known, prose).write(to: &report) }
    }
}
