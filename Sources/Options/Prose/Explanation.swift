/// A strategy explained in plain sentences from computed facts alone. The same facts give the
/// same sentences, and every number in them is one of the facts.
package struct Explanation: Sendable {
    package let prose: Prose
    /// The numbers that it names and that a judge of the legs alone would not compute.
    package let facts: [Double]

    /// Of a candidate, with all that its menu knew.
    package init(_ candidate: Candidate, of subject: Case, regime: VolatilityRegime? = nil) {
        self.init(
            Traits(
                name: candidate.name,
                legs: candidate.legs,
                held: candidate.held,
                netPremium: candidate.netPremiumUSD,
                maxProfit: candidate.maxProfitUSD,
                loss: candidate.addedMaxLossUSD,
                breakevens: candidate.breakevens,
                probability: candidate.probabilityOfProfit,
                mean: candidate.expectedValueUSD,
                margin: candidate.margin.usd,
                regime: regime
            ),
            subject
        )
    }

    /// Of legs as they stand, by their exact payoff.
    package init(_ subject: Case) { self.init(Evidence(subject)) }

    init(_ known: Evidence) {
        let subject = known.subject
        let isExact = known.isSingleExpiry
        self.init(
            Traits(
                name: known.classification.name,
                legs: subject.legs,
                held: known.held.first,
                netPremium: known.payoff.netPremium.dollars,
                maxProfit: isExact ? known.maxProfit : nil,
                loss: known.ownLoss,
                breakevens: isExact ? known.breakevens : [],
                probability: known.chances?.ofProfit,
                mean: known.chances?.mean,
                margin: known.margin.usd,
                regime: nil
            ),
            subject
        )
    }

    private init(_ traits: Traits, _ subject: Case) {
        let writer = Writer(traits: traits, subject: subject)
        prose = Prose(
            rationale: writer.rationale,
            risks: writer.risks,
            disclosures: Disclosures.all(subject)
        )
        facts =
            traits.breakevens + [traits.netPremium, traits.margin]
            + [traits.maxProfit, traits.loss, traits.probability, traits.mean].compactMap { $0 }
    }

    /// What is traded, in one sentence.
    package static func summary(
        of name: StrategyName,
        legs: [Leg],
        sharesHeld: Int,
        on ticker: String
    ) -> String {
        var text = ""
        // Some 50 bytes a leg.
        text.reserveCapacity(80 + 64 * legs.count)
        text += name.words
        text += " on "
        text += ticker
        text += ": "
        for (place, leg) in legs.enumerated() {
            if place > 0 { text += place + 1 < legs.count ? ", " : " and " }
            write(leg, to: &text)
        }
        text += "."
        if sharesHeld > 0 { text += " On \(sharesHeld) shares that are held already." }
        return text
    }

    private static func write(_ leg: Leg, to text: inout String) {
        text += leg.action == .buy ? "buy " : "sell "
        text += String(leg.quantity)
        guard let strike = leg.instrument.strike, let expiry = leg.expiry else {
            text += " shares"
            return
        }
        text += " "
        text += leg.instrument.word
        text += leg.quantity == 1 ? " at " : "s at "
        text += Wording.plain(strike.dollars, decimals: 3)
        text += " for "
        text += expiry.description
    }

    static func lossSentence(_ loss: Double?) -> String {
        loss.map { "The most that these legs can lose is \(Wording.dollars($0)), before fees." }
            ?? "The loss of these legs is unlimited."
    }

    /// What is told of a strategy.
    fileprivate struct Traits {
        let name: StrategyName
        let legs: [Leg]
        let held: Leg?
        let netPremium: Double
        let maxProfit: Double?
        let loss: Double?
        let breakevens: [Double]
        let probability: Double?
        let mean: Double?
        let margin: Double
        let regime: VolatilityRegime?
    }
}

/// Puts the facts into sentences, in the order in which a customer asks for them.
private struct Writer {
    let traits: Explanation.Traits
    let subject: Case

    private var front: CivilDate? { traits.legs.compactMap(\.expiry).min() }
    private var isSpread: Bool { Set(traits.legs.compactMap(\.expiry)).count > 1 }

    var rationale: [String] {
        var sentences = [what, why].compactMap { $0 }
        sentences.append(
            traits.netPremium < 0
                ? "It costs a debit of \(Wording.dollars(-traits.netPremium))."
                : "It brings in a credit of \(Wording.dollars(traits.netPremium))."
        )
        sentences.append(reach)
        if !traits.breakevens.isEmpty {
            let places = Wording.list(traits.breakevens.map { Wording.dollars($0) })
            sentences.append("At expiry it breaks even with \(subject.ticker) at \(places).")
        }
        if let probability = traits.probability, let mean = traits.mean {
            sentences.append(
                """
                The model puts the chance of a profit at \(Wording.percent(probability)) and the \
                mean result at \(Wording.dollars(mean)), before fees.
                """
            )
        }
        return sentences
    }

    private var what: String {
        Explanation.summary(
            of: traits.name,
            legs: traits.legs,
            sharesHeld: traits.held?.quantity ?? 0,
            on: subject.ticker
        )
    }

    private var why: String? {
        var parts: [String] = []
        if let outlook = subject.outlook { parts.append("a \(outlook.rawValue) outlook") }
        if let regime = traits.regime { parts.append("\(regime.rawValue) market volatility") }
        if let tolerance = subject.tolerance {
            parts.append("a \(tolerance.rawValue) risk tolerance")
        }
        return parts.isEmpty ? nil : "It was chosen for \(Wording.list(parts))."
    }

    private var reach: String {
        guard let profit = traits.maxProfit else {
            if traits.loss == nil { return "What it can earn has no upper limit." }
            return isSpread
                ? "What it can earn depends on the volatility that is left at the first expiry."
                : "What it can earn has no upper limit; what it can lose has one."
        }
        let about = isSpread ? "about " : ""
        return "At expiry it can earn at most \(about)\(Wording.dollars(profit))."
    }

    var risks: [String] {
        var sentences = [Explanation.lossSentence(traits.loss)]
        if traits.held != nil {
            sentences.append(
                "The shares themselves can lose value as well; the figure is what the legs add."
            )
        }
        let shorts = traits.legs.filter { $0.action == .sell && $0.instrument != .stock }
        if !shorts.isEmpty, !Underlyings.isBroadIndex(subject.ticker) {
            sentences.append(
                """
                A short option can be assigned on any day before its expiry, most likely in the \
                money or before a dividend.
                """
            )
        }
        if shorts.isEmpty, traits.netPremium < 0 {
            sentences.append(
                "If the underlying stays short of the breakeven, part or all of the debit is lost."
            )
        }
        if isSpread {
            sentences.append(
                """
                The later option is valued by a model: a fall in volatility lowers its worth at \
                the first expiry.
                """
            )
        }
        if traits.held != nil, shorts.contains(where: { $0.instrument.right == .call }) {
            sentences.append("Above the short call the shares gain nothing more.")
        }
        if let front, TradingCalendar.session(on: front) == .short {
            sentences.append(
                "The market closes early on \(front): instructions on exercise end early as well."
            )
        }
        return sentences
    }
}
