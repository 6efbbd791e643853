internal import Contract
internal import Options

/// Something from the menu, as it is going to be served: its legs, and what is said about it.
struct Dish {
    let candidate: Candidate
    /// The candidate's own, or those after an adjustment.
    let legs: [Leg]
    /// Who speaks of it, and how that part ended.
    let model: Case.ModelState
    /// Sentences that go before those made of the figures; none leaves the figures' alone.
    let words: Words?

    /// What a model says of its choice.
    struct Words {
        let rationale: [String]
        let risks: [String]
        /// Whether the sentences on the figures stand behind them.
        let withFigures: Bool
    }

    init(_ candidate: Candidate, legs: [Leg]? = nil, model: Case.ModelState, words: Words? = nil) {
        self.candidate = candidate
        self.legs = legs ?? candidate.legs
        self.model = model
        self.words = words
    }
}

extension Proposed {
    /// Holds a candidate against all rules, in the words that the figures make.
    ///
    /// - Returns: Nil when the candidate's form is unsound, which none of a menu is.
    func hold(_ candidate: Candidate, beside others: Int) -> Held? {
        hold(Dish(candidate, model: .none), beside: others)
    }

    /// - Parameter others: How many others it was compared with, no trade among them.
    func hold(_ dish: Dish, beside others: Int) -> Held? {
        let candidate = dish.candidate
        guard let legs = sound(dish.legs.map(DraftLeg.init)) else { return nil }
        var subject = subject(legs)
        subject.standsOnShares = candidate.held?.signedShares ?? 0
        let isAsOffered = dish.legs == candidate.legs
        let explanation =
            isAsOffered
            ? Explanation(candidate, of: subject, regime: regime) : Explanation(subject)
        subject.prose = prose(of: dish, explanation)
        subject.facts = explanation.facts
        subject.model = dish.model
        subject.alternatives = others
        // What protects held shares need not point where they do.
        if candidate.recipe.needsShares { subject.outlook = nil }
        return hold(subject, figures: isAsOffered ? StrategyFigures(candidate) : nil)
    }

    private func prose(of dish: Dish, _ explanation: Explanation) -> Prose {
        guard let words = dish.words, !words.rationale.isEmpty else { return explanation.prose }
        var prose = explanation.prose
        prose.rationale = words.rationale + (words.withFigures ? prose.rationale : [])
        prose.risks += words.risks
        return prose
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
