/// C05–C09 and O02: what is said about the strategy. Nothing is rewritten here; `ProseMending`
/// does that, and everything is looked at again.
struct ProseRules {
    private let known: Evidence
    private let facts: Facts
    private let prose: Prose
    private let read: Prose.Read

    init(_ known: Evidence, _ prose: Prose) {
        self.known = known
        self.prose = prose
        facts = Facts(known)
        read = Prose.Read(prose)
    }

    func write(to report: inout RuleReport) {
        report.add(promises())
        report.add(balance())
        report.add(projections())
        report.add(inputs())
        report.add(notice())
        report.add(grounding())
    }

    private func promises() -> Finding {
        let found = read.claims.lazy.compactMap(ProsePatterns.promise).first
        let unbounded = read.rationale.contains { $0.contains(Lexicon.endless) }
        let isBalanced = !unbounded || read.claims.contains { $0.contains(Lexicon.risks) }
        let fault =
            found.map { "It says “\($0)”." }
            ?? (isBalanced ? nil : "It speaks of unlimited profit and of no loss.")
        if fault == nil, !read.claims.allSatisfy(ProsePatterns.hasBasis) {
            return repaired("C05", "A sentence that says nothing of this strategy was dropped.")
        }
        return result("C05", .block, failsWith: fault, "It promises nothing.")
    }

    /// A benefit asks for a sentence that names the computed loss.
    private func balance() -> Finding {
        let boasts = read.rationale.contains { $0.contains(Lexicon.benefits) }
        guard boasts else { return result("C06", .block, holds: true, "No benefit is praised.") }
        if ProsePatterns.namesLoss(prose.claims, read.claims, known) {
            return result("C06", .block, holds: true, "The largest loss is named beside it.")
        }
        return repaired(
            "C06",
            "The benefits stood alone; the sentence on the largest loss is added."
        )
    }

    private func projections() -> Finding {
        let found = read.claims.lazy.compactMap(ProsePatterns.projection).first
        return result(
            "C07",
            .block,
            failsWith: found.map { "It says “\($0)”." },
            "It predicts nothing."
        )
    }

    private func inputs() -> Finding {
        read.namesInputs
            ? result("C08", .repair, holds: true, "Inputs, costs and moment are named.")
            : repaired("C08", "The inputs of the figures are added.")
    }

    private func notice() -> Finding {
        let speaks = read.claims.contains { $0.contains(Lexicon.likelihoods) }
        guard speaks else { return inapplicable("C09", "No likelihood is stated.") }
        return read.hasNotice
            ? result("C09", .repair, holds: true, "The notice stands beside the likelihood.")
            : repaired("C09", "The notice on likelihoods is added.")
    }

    private func grounding() -> Finding {
        var (loose, reasons) = (0, 0)
        var first: String?
        for (place, sentence) in prose.claims.enumerated() {
            guard let found = facts.ungrounded(in: sentence) else { continue }
            first = first ?? found
            loose += 1
            if place < prose.rationale.count { reasons += 1 }
        }
        guard let first else {
            return result("O02", .repair, holds: true, "Every number was given or computed.")
        }
        if reasons == prose.rationale.count {
            return failure("O02", .block, "No sentence is left: \(first).")
        }
        return repaired(
            "O02",
            "\(loose == 1 ? "A sentence" : "\(loose) sentences") dropped: \(first)."
        )
    }
}

/// A sentence by itself, before there is a strategy around it.
package enum ProseScreen {
    /// What C05 or C07 objects to; nil when it may stand.
    package static func objection(to sentence: String) -> (rule: String, phrase: String)? {
        let words = Words(sentence)
        if let promise = ProsePatterns.promise(words) { return ("C05", promise) }
        if let projection = ProsePatterns.projection(words) { return ("C07", projection) }
        return ProsePatterns.hasBasis(words) ? nil : ("C05", "nothing of this strategy")
    }
}

/// What sentences say that they must not.
enum ProsePatterns {
    static func promise(_ words: Words) -> String? {
        Lexicon.promises.first(in: words, asserted: true) { phrase, _, end in
            // The interest that nobody risks anything for is a figure, and no promise.
            if end < words.count, Lexicon.rates.matches(words, at: end) { return false }
            // A limit behind the denial of a loss makes it true.
            guard Lexicon.denials.contains(phrase) else { return true }
            return end >= words.count || !Lexicon.limits.matches(words, at: end)
        } ?? ProseShapes.promise(words)
    }

    /// Whether it speaks of the strategy, and not of luck or of the world: no list of phrases has all that
    /// may be promised in other words.
    static func hasBasis(_ words: Words) -> Bool {
        let least = words.count > 6 ? 2 : 1
        return words.places(of: Lexicon.terms, most: least) >= least
    }

    static func projection(_ words: Words) -> String? {
        Lexicon.projections.first(in: words, asserted: true) ?? ProseShapes.projection(words)
    }

    /// A sentence of loss with the computed figure, or with its having no end.
    static func namesLoss(_ claims: [String], _ read: [Words], _ known: Evidence) -> Bool {
        zip(claims, read).contains { sentence, words in
            guard words.contains(Lexicon.risks) else { return false }
            guard known.addedLoss != nil else { return words.contains(Lexicon.unlimited) }
            return StatedNumber.all(in: sentence).numbers.contains { number in
                known.statedLosses.contains { number.states($0) }
            }
        }
    }
}
