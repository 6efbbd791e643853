/// What became of one rule.
package enum RuleOutcome: String, Hashable, Sendable, CaseIterable {
    case pass
    case fail
    case repaired
    /// What it needs is not known. Never the same as a pass.
    case notEvaluated = "not_evaluated"
    case notApplicable = "not_applicable"
}

/// One rule's result with what it rests on.
package struct RuleResult: Hashable, Sendable {
    package let rule: String
    package let outcome: RuleOutcome
    /// Of this result: a rule may block in one case and warn in another.
    package let severity: Rule.Severity
    /// A sentence with the figures and the threshold.
    package let evidence: String

    package init(
        _ rule: String,
        _ outcome: RuleOutcome,
        severity: Rule.Severity,
        evidence: String
    ) {
        self.rule = rule
        self.outcome = outcome
        self.severity = severity
        self.evidence = evidence
    }
}

/// The results of a pack over one strategy, and what they come to.
package struct RuleReport: Sendable {
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case pass
        /// An essential rule could not be looked at.
        case conditional
        case block
    }

    package let pack: RulePack
    /// One for each rule of the pack, in its order; those nobody looked at are not evaluated.
    package let results: [RuleResult]

    package init(_ pack: RulePack, _ results: [RuleResult]) {
        self.pack = pack
        var known: [RuleResult?] = Array(repeating: nil, count: pack.rules.count)
        for result in results {
            guard let place = pack.place(of: result.rule) else { continue }
            known[place] = known[place].map { Self.graver($0, result) } ?? result
        }
        self.results = zip(pack.rules, known).map { rule, result in
            result
                ?? RuleResult(
                    rule.id,
                    .notEvaluated,
                    severity: rule.severity,
                    evidence: rule.unmet
                )
        }
    }

    /// The same report with what others found: rules that this target has no data for.
    package func adding(_ others: [RuleResult]) -> RuleReport {
        RuleReport(pack, results + others)
    }

    package var verdict: Verdict {
        if results.contains(where: { $0.outcome == .fail && $0.severity == .block }) {
            return .block
        }
        let open = results.contains {
            $0.outcome == .notEvaluated && pack[$0.rule]?.isEssential == true
        }
        return open ? .conditional : .pass
    }

    package var evaluated: Int { results.count { $0.outcome != .notEvaluated } }

    /// `46 of 60 evaluated`.
    package var coverage: String { "\(evaluated) of \(results.count) evaluated" }

    /// 1 when all that was looked at passed; a warning costs a twentieth of what a block costs.
    package var score: Double {
        let weights = results.filter { $0.outcome != .notEvaluated && $0.outcome != .notApplicable }
        guard !weights.isEmpty else { return 0 }
        let lost = weights.reduce(0) { $0 + ($1.outcome == .fail ? Self.weight($1.severity) : 0) }
        return max(0, 1 - lost)
    }

    /// Fails and repairs, for a reply.
    package var findings: [RuleResult] {
        results.filter { $0.outcome == .fail || $0.outcome == .repaired }
    }

    private static func weight(_ severity: Rule.Severity) -> Double {
        switch severity {
        case .block: 1
        case .repair: 0.2
        case .warning: 0.05
        case .information: 0
        }
    }

    /// Of two results of one rule the one that says more against the strategy; that nobody could
    /// look says least.
    private static func graver(_ a: RuleResult, _ b: RuleResult) -> RuleResult {
        func rank(_ result: RuleResult) -> Int {
            switch (result.outcome, result.severity) {
            case (.fail, .block): 6
            case (.fail, _): 5
            case (.repaired, _): 4
            case (.pass, _): 3
            case (.notApplicable, _): 2
            case (.notEvaluated, _): 1
            }
        }
        return rank(b) > rank(a) ? b : a
    }
}
