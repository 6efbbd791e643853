internal import Contract
internal import Options

/// A strategy that no rule blocks and that this user may be offered. Only `Proposed.hold`, in this
/// file, can make one: holding it is the proof.
final class Offer {
    /// With mended legs, claims and prose.
    let subject: Case
    let figures: StrategyFigures
    let report: RuleReport
    /// What was put right on the way.
    let steps: [RepairStep]

    fileprivate init(_ outcome: Mender.Outcome, _ figures: StrategyFigures) {
        subject = outcome.subject
        self.figures = figures
        report = outcome.report
        steps = outcome.steps
    }
}

extension Proposed {
    /// What became of legs before the rules.
    enum Held {
        case offer(Offer)
        /// The rule that bound, and the one figure that would let it pass, where there is one.
        indirect case blocked(RuleResult, SmallestChange?)
        /// Sound, and not for this tier or on the restricted list.
        case notPermitted
    }

    /// Holds a strategy against all rules, mends what can be mended, and proves it again.
    ///
    /// - Parameter figures: What is known of the legs already, if they come out as they are.
    func hold(_ subject: Case, figures: StrategyFigures? = nil) -> Held {
        let outcome = Mender(judge).mend(subject)
        if let block = outcome.report.block {
            return .blocked(block, outcome.change)
        }
        let isAsItWas = outcome.subject.legs == subject.legs
        let known = isAsItWas ? figures : nil
        let found = known ?? outcome.figures
        guard world.permits(found.name, found.risk) else { return .notPermitted }
        return .offer(Offer(outcome, found))
    }
}
