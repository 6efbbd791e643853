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
    /// A sentence with the figures and the threshold, rounded as people read them.
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

    /// A fail or a repair.
    var isFound: Bool { outcome == .fail || outcome == .repaired }
}

/// The results of a pack over one strategy, and what they come to.
///
/// Sixty results are written for every strategy and few of them read, so they are kept as what
/// needs no memory of its own, and put into words when somebody asks.
package struct RuleReport: Sendable {
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case pass
        /// An essential rule could not be looked at.
        case conditional
        case block
    }

    package let pack: RulePack
    /// One for each rule of the pack, in its order.
    private var entries: [Entry]
    /// Sentences that were put together when their rule was looked at.
    private var written: [String] = []

    /// What became of one rule.
    struct Entry {
        fileprivate var outcome = RuleOutcome.notEvaluated
        fileprivate var severity: Rule.Severity
        fileprivate var grounds: Grounds?
        /// Place in `written`; wins over `grounds`.
        fileprivate var sentence: Int32 = -1

        init(_ severity: Rule.Severity) { self.severity = severity }

        var isFound: Bool { outcome == .fail || outcome == .repaired }
        var blocks: Bool { outcome == .fail && severity == .block }
    }

    package init(_ pack: RulePack, _ results: [RuleResult]) {
        self.init(pack)
        add(results)
    }

    /// Nobody has looked at anything yet.
    init(_ pack: RulePack) {
        self.pack = pack
        entries = pack.untouched
    }

    /// The same report with what others found: rules that this target has no data for.
    package func adding(_ others: [RuleResult]) -> RuleReport {
        var report = self
        report.add(others)
        return report
    }

    private mutating func add(_ results: [RuleResult]) {
        for result in results {
            guard let place = pack.place(of: result.rule) else { continue }
            add(result.outcome, result.severity, nil, result.evidence, at: place)
        }
    }

    /// What could not be looked at stays as it is.
    mutating func add(_ finding: Finding?) {
        guard let finding, let place = pack.place(of: finding.rule) else { return }
        add(finding.outcome, finding.severity, finding.grounds, finding.sentence, at: place)
    }

    private mutating func add(
        _ outcome: RuleOutcome,
        _ severity: Rule.Severity,
        _ grounds: Grounds?,
        _ sentence: String?,
        at place: Int
    ) {
        let known = Self.gravity(entries[place].outcome, entries[place].severity)
        guard Self.gravity(outcome, severity) > known || known == 1 else { return }
        var entry = Entry(severity)
        entry.outcome = outcome
        entry.grounds = grounds
        if let sentence {
            entry.sentence = Int32(written.count)
            written.append(sentence)
        }
        entries[place] = entry
    }

    /// Of two results of one rule the one that says more against the strategy counts; that nobody
    /// could look says least.
    private static func gravity(_ outcome: RuleOutcome, _ severity: Rule.Severity) -> Int {
        switch (outcome, severity) {
        case (.fail, .block): 6
        case (.fail, _): 5
        case (.repaired, _): 4
        case (.pass, _): 3
        case (.notApplicable, _): 2
        case (.notEvaluated, _): 1
        }
    }

    /// Forgets what was found by some rules, which are going to be looked at again.
    mutating func forget(_ rules: [StaticString]) {
        for rule in rules {
            if let place = pack.place(of: rule) { entries[place] = pack.untouched[place] }
        }
    }

    /// One for each rule of the pack, in its order; those nobody looked at are not evaluated.
    package var results: [RuleResult] { entries.indices.map(result) }

    /// Fails and repairs, for a reply.
    package var findings: [RuleResult] {
        entries.indices.filter { entries[$0].isFound }.map(result)
    }

    private func result(_ place: Int) -> RuleResult {
        let (entry, rule) = (entries[place], pack.rules[place])
        let evidence =
            entry.sentence >= 0
            ? written[Int(entry.sentence)] : entry.grounds?.sentence ?? rule.unmet
        return RuleResult(
            rule.id,
            entry.outcome,
            severity: entry.severity,
            evidence: evidence
        )
    }

    /// The first rule that blocks.
    package var block: RuleResult? {
        entries.firstIndex(where: \.blocks).map(result)
    }

    var isBlocked: Bool { entries.contains(where: \.blocks) }

    func blocks(byAnyOf rules: [StaticString]) -> Bool {
        rules.contains { rule in pack.place(of: rule).map { entries[$0].blocks } ?? false }
    }

    func finds(anyOf rules: [StaticString]) -> Bool {
        rules.contains { rule in pack.place(of: rule).map { entries[$0].isFound } ?? false }
    }

    /// Those of some rules that were put right, in the order of the pack.
    func repaired(among rules: [StaticString]) -> [RuleResult] {
        rules.compactMap { pack.place(of: $0) }.sorted()
            .filter { entries[$0].outcome == .repaired }.map(result)
    }

    package var verdict: Verdict {
        if isBlocked { return .block }
        for place in entries.indices
        where entries[place].outcome == .notEvaluated && pack.isEssential(place) {
            return .conditional
        }
        return .pass
    }

    package var evaluated: Int { entries.count { $0.outcome != .notEvaluated } }

    /// `46 of 60 evaluated; not in force: C03`.
    package var coverage: String { "\(evaluated)\(pack.coverageTail)" }

    /// 1 when all that was looked at passed; a warning costs a twentieth of what a block costs.
    package var score: Double {
        var lost = 0.0
        var isEmpty = true
        for entry in entries {
            switch entry.outcome {
            case .notEvaluated, .notApplicable: continue
            case .fail: lost += Self.weight(entry.severity)
            case .pass, .repaired: break
            }
            isEmpty = false
        }
        return isEmpty ? 0 : max(0, 1 - lost)
    }

    private static func weight(_ severity: Rule.Severity) -> Double {
        switch severity {
        case .block: 1
        case .repair: 0.2
        case .warning: 0.05
        case .information: 0
        }
    }
}
