import Options
import TestSupport

/// What the rules found of the defects, and what they held against strategies in order.
package struct CorpusReport: Sendable {
    package struct Row: Sendable {
        package let defect: Defect
        package var injected = 0
        /// The rule that the kind is for said so.
        package var found = 0
        /// Published as it is or blocked, rather than found by its rule: one example.
        package var missed: String?

        package var recall: Double { injected == 0 ? 0 : Double(found) / Double(injected) }
    }

    package private(set) var rows: [Row]
    package private(set) var clean = 0
    package private(set) var falseBlocks = 0
    /// Clean ones whose words or claims were touched although nothing was wrong.
    package private(set) var falseRepairs = 0
    package private(set) var examples: [String] = []

    /// - Parameters:
    ///   - seed: The same seed gives the same report.
    ///   - mutants: Strategies a kind of defect.
    ///   - clean: Strategies in order.
    package init(seed: UInt64, mutants: Int, clean count: Int) {
        rows = Defect.allCases.map { Row(defect: $0) }
        for place in rows.indices {
            var dice = Dice(seed: seed &+ UInt64(place + 1) &* 1_000_003)
            while rows[place].injected < mutants { inject(place, &dice) }
        }
        var dice = Dice(seed: seed)
        for _ in 0..<count { examine(Specimen.clean(&dice)) }
    }

    private mutating func inject(_ place: Int, _ dice: inout Dice) {
        let defect = rows[place].defect
        let clean = Specimen.clean(&dice)
        guard let mutant = defect.inject(into: clean, &dice) else { return }
        let finding = mutant.judged()
        rows[place].injected += 1
        if finding.rules.isDisjoint(with: defect.rules) {
            if rows[place].missed == nil {
                rows[place].missed =
                    "\(mutant.candidate.name.rawValue): \(mutant.prose.rationale.joined(separator: " ")) "
                    + "“\(mutant.intent)”; said \(finding.rules.sorted())"
            }
        } else {
            rows[place].found += 1
        }
    }

    private mutating func examine(_ specimen: Specimen) {
        clean += 1
        let finding = specimen.judged()
        if finding.isBlocked {
            falseBlocks += 1
            if examples.count < 12 { examples += finding.evidence }
        }
        let words: Set<String> = [
            "S05", "S13", "R04", "R05", "R06", "C06", "C08", "C09", "O01", "O02",
        ]
        let touched = finding.rules.intersection(words)
        if !touched.isEmpty {
            falseRepairs += 1
            if examples.count < 12 {
                examples.append("\(specimen.candidate.name.rawValue): \(touched.sorted())")
            }
        }
    }

    /// Recall over all kinds together.
    package var recall: Double {
        let injected = rows.reduce(0) { $0 + $1.injected }
        return injected == 0 ? 0 : Double(rows.reduce(0) { $0 + $1.found }) / Double(injected)
    }

    /// Recall by rule: of the defects that one rule alone stands for, the share that it found.
    package var recallByRule: [(rule: String, recall: Double)] {
        let single = rows.filter { $0.defect.rules.count == 1 }
        return Set(single.flatMap(\.defect.rules)).sorted().map { rule in
            let own = single.filter { $0.defect.rules.contains(rule) }
            let injected = own.reduce(0) { $0 + $1.injected }
            return (rule, Double(own.reduce(0) { $0 + $1.found }) / Double(max(1, injected)))
        }
    }

    /// The report as lines of text, for a bench to print.
    package var lines: [String] {
        var lines = rows.map { row in
            let name = row.defect.rawValue
            let padding = String(repeating: " ", count: max(1, 32 - name.count))
            let rules = row.defect.rules.sorted().joined(separator: " ")
            return "\(name)\(padding)\(row.found) of \(row.injected)  \(rules)"
        }
        lines += rows.compactMap { row in row.missed.map { "missed, \(row.defect.rawValue): \($0)" }
        }
        lines += recallByRule.map { "rule \($0.rule)  recall \(Self.percent($0.recall))" }
        lines.append("recall over all kinds  \(Self.percent(recall))")
        let unseen = Wordings.unseenFound
        lines.append(
            "unseen sentences  \(unseen.found) of \(unseen.all) found by C05 or C07, and "
                + "\(unseen.inOrder) of \(unseen.allInOrder) that are in order"
        )
        lines.append("clean strategies  \(clean), falsely blocked \(falseBlocks)")
        lines.append("clean strategies whose words were touched  \(falseRepairs)")
        return lines + examples.map { "false: \($0)" }
    }

    private static func percent(_ share: Double) -> String {
        "\((share * 10_000).rounded() / 100) %"
    }
}
