/// Prose put right without a model: sentences that say what nobody computed are dropped, what is
/// missing beside a benefit or a figure is added. What promises or predicts is dropped as well;
/// where no reason is left the explanation made from the figures takes its place.
package struct ProseMending: Sendable {
    package let prose: Prose
    /// What was done, in order; empty when the prose stood as it was.
    package let steps: [RepairStep]

    package init(_ prose: Prose, of subject: Case) {
        self.init(prose, Evidence(subject))
    }

    init(_ prose: Prose, _ known: Evidence) {
        let facts = Facts(known)
        var steps: [RepairStep] = []
        func keep(_ sentence: String) -> Bool {
            let (rule, why): (String, String)
            let words = Words(sentence)
            if let promise = ProsePatterns.promise(words) {
                (rule, why) = ("C05", "it says “\(promise)”")
            } else if let projection = ProsePatterns.projection(words) {
                (rule, why) = ("C07", "it says “\(projection)”")
            } else if !ProsePatterns.hasBasis(words) {
                (rule, why) = ("C05", "it says nothing of this strategy")
            } else if let loose = facts.ungrounded(in: sentence) {
                (rule, why) = ("O02", "nobody computed \(loose)")
            } else {
                return true
            }
            steps.append(RepairStep(rule, "a sentence was dropped: \(why)"))
            return false
        }
        var mended = prose
        mended.rationale.removeAll { !keep($0) }
        mended.risks.removeAll { !keep($0) }
        if mended.rationale.isEmpty {
            steps.append(RepairStep("O02", "the reasons are those of the figures"))
            mended.rationale = Explanation(known).prose.rationale
        }
        let claims = mended.claims
        if !ProsePatterns.namesLoss(claims, Words.all(claims), known) {
            steps.append(RepairStep("C06", "the sentence on the largest loss was added"))
            mended.risks.insert(Explanation.lossSentence(known.ownLoss), at: 0)
        }
        for text in Disclosures.all(known.subject) where !mended.disclosures.contains(text) {
            mended.disclosures.append(text)
        }
        self.prose = mended
        self.steps = steps
    }
}

/// One thing that was put right, and by which rule: the proof is that all rules ran again.
package struct RepairStep: Hashable, Sendable {
    package let rule: String
    /// What was done, with the figures before and after.
    package let change: String

    init(_ rule: String, _ change: String) {
        self.rule = rule
        self.change = change
    }
}
