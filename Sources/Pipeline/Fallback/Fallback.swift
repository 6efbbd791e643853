package import Contract
internal import Options

/// The ladder's last rung: the service's own choice from its menu, in sentences made of computed
/// facts, held against the same rules as everything else. It needs no model, and hardly any time.
package struct Fallback: Sendable {
    private let clock: any StoreClock

    package init(clock: any StoreClock) { self.clock = clock }

    /// - Parameters:
    ///   - reason: Why the model's answer is not the one.
    ///   - call: What came of asking the model; nil when it was not asked.
    package func answer(
        _ proposed: Proposed,
        because reason: Degradation,
        after call: Call?
    ) -> ResultPayload {
        let wish = proposed.wish
        let menu = Menu(wish)
        let reply = Reply(
            proposed,
            source: .ruleBased,
            degraded: reason,
            call: call,
            nowMs: clock.nowMs()
        )
        var first: NoTradePayload?
        for candidate in menu.candidates.prefix(Limits.triesMax) {
            let others = alternatives(to: candidate, on: menu)
            switch hold(candidate, others.count, in: proposed) {
            case .offer(let offer):
                return reply.offering(
                    offer,
                    outlook: wish.trend.rawValue,
                    prices: candidate.isQuoted ? .chain : .estimate,
                    alternatives: others
                )
            case .blocked(let rule, let change):
                first =
                    first
                    ?? NoTradePayload(
                        rule: rule.rule,
                        message: rule.evidence,
                        smallestChange: change
                    )
            case .notPermitted, nil: continue
            }
        }
        return reply.declining(first ?? nothing(on: menu, for: wish))
    }

    private enum Limits {
        /// Candidates held against the rules. The first passes unless the account itself is barred,
        /// and then none does.
        static let triesMax = 4
    }

    /// Nil when the candidate's form is unsound, which none of a menu is.
    private func hold(
        _ candidate: Candidate,
        _ alternatives: Int,
        in proposed: Proposed
    ) -> Proposed.Held? {
        guard let legs = proposed.sound(candidate.legs.map(DraftLeg.init)) else { return nil }
        var subject = proposed.subject(legs)
        subject.standsOnShares = candidate.held?.signedShares ?? 0
        let explanation = Explanation(candidate, of: subject, regime: proposed.regime)
        subject.prose = explanation.prose
        subject.facts = explanation.facts
        subject.model = Case.ModelState.none
        subject.alternatives = alternatives
        // What protects held shares need not point where they do.
        if candidate.recipe.needsShares { subject.outlook = nil }
        return proposed.hold(subject, figures: StrategyFigures(candidate))
    }

    private func alternatives(
        to chosen: Candidate,
        on menu: Menu
    ) -> [ResultPayload.Alternative] {
        let others = menu.candidates.filter { $0.legs != chosen.legs }
        return others.prefix(ReplyLimits.alternativesMax).map {
            ResultPayload.Alternative($0, whyNot: "it ranks behind for this view and market")
        } + [.noTrade]
    }

    private func nothing(on menu: Menu, for wish: CandidateRequest) -> NoTradePayload {
        NoTradePayload(
            rule: menu.decline.rule,
            message: menu.decline.sentence,
            smallestChange: menu.smallestChange(for: wish)
        )
    }
}

extension DraftLeg {
    /// The leg as somebody else would have to draw it up: it is proved again like any other.
    fileprivate init(_ leg: Leg) {
        self.init(
            action: leg.action,
            kind: leg.instrument.right.map { $0 == .call ? .call : .put } ?? .stock,
            strike: leg.instrument.strike?.dollars,
            expiry: leg.expiry?.description,
            quantity: leg.quantity,
            multiplier: leg.multiplier,
            price: leg.price.dollars
        )
    }
}
