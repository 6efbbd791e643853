/// C05–C09 and O02: what is said about the strategy. Nothing is rewritten here; `ProseMending`
/// does that, and everything is looked at again.
struct ProseRules {
    private let subject: Case
    private let known: Evidence
    private let facts: Facts
    private let read: Prose.Read

    init(_ subject: Case, _ known: Evidence) {
        self.subject = subject
        self.known = known
        facts = subject.prose == nil ? Facts([], [], 0) : Facts(subject, known)
        read = Prose.Read(subject.prose ?? Prose(rationale: []))
    }

    func results() -> [RuleResult] {
        guard let prose = subject.prose else { return [] }
        return [
            promises(), balance(prose), projections(), inputs(), notice(), grounding(prose),
        ]
    }

    private func promises() -> RuleResult {
        let found = read.claims.lazy.compactMap(ProsePatterns.promise).first
        let unbounded = read.rationale.contains { $0.contains(Lexicon.endless) }
        let isBalanced = read.claims.contains { $0.contains(Lexicon.risks) }
        return result(
            "C05",
            .block,
            holds: found == nil && (!unbounded || isBalanced),
            found.map { "It says “\($0)”." }
                ?? (unbounded && !isBalanced
                    ? "It speaks of unlimited profit and of no loss." : "It promises nothing.")
        )
    }

    /// A benefit asks for a sentence that names the computed loss.
    private func balance(_ prose: Prose) -> RuleResult {
        let boasts = read.rationale.contains { $0.contains(Lexicon.benefits) }
        guard boasts else { return result("C06", .block, holds: true, "No benefit is praised.") }
        if ProsePatterns.namesLoss(prose, known) {
            return result("C06", .block, holds: true, "The largest loss is named beside it.")
        }
        return RuleResult(
            "C06",
            .repaired,
            severity: .repair,
            evidence: "The benefits stood alone; the sentence on the largest loss is added."
        )
    }

    private func projections() -> RuleResult {
        let found = read.claims.lazy.compactMap(ProsePatterns.projection).first
        return result(
            "C07",
            .block,
            holds: found == nil,
            found.map { "It says “\($0)”." } ?? "It predicts nothing."
        )
    }

    private func inputs() -> RuleResult {
        let words = read.disclosures
        let isComplete =
            Lexicon.inputs.allSatisfy { words.contains($0) }
        return isComplete
            ? result("C08", .repair, holds: true, "Inputs, costs and moment are named.")
            : RuleResult(
                "C08",
                .repaired,
                severity: .repair,
                evidence: "The inputs of the figures are added."
            )
    }

    private func notice() -> RuleResult {
        let speaks = read.claims.contains { $0.contains(Lexicon.likelihoods) }
        guard speaks else { return inapplicable("C09", "No likelihood is stated.") }
        return read.hasNotice || read.disclosures.contains(Lexicon.notice)
            ? result("C09", .repair, holds: true, "The notice stands beside the likelihood.")
            : RuleResult(
                "C09",
                .repaired,
                severity: .repair,
                evidence: "The notice on likelihoods is added."
            )
    }

    private func grounding(_ prose: Prose) -> RuleResult {
        let loose = prose.claims.compactMap { facts.ungrounded(in: $0) }
        guard let first = loose.first else {
            return result("O02", .repair, holds: true, "Every number was given or computed.")
        }
        if prose.rationale.allSatisfy({ facts.ungrounded(in: $0) != nil }) {
            return result("O02", .block, holds: false, "No sentence is left: \(first).")
        }
        return RuleResult(
            "O02",
            .repaired,
            severity: .repair,
            evidence: "\(loose.count) sentences dropped: \(first)."
        )
    }
}

/// A sentence by itself, before there is a strategy around it.
package enum ProseScreen {
    /// What C05 or C07 would say of it; nil when neither objects.
    package static func objection(to sentence: String) -> (rule: String, phrase: String)? {
        let words = Words(sentence)
        if let promise = ProsePatterns.promise(words) { return ("C05", promise) }
        return ProsePatterns.projection(words).map { ("C07", $0) }
    }
}

/// What sentences say that they must not.
enum ProsePatterns {
    static func promise(_ words: Words) -> String? {
        Lexicon.promises.first(in: words, asserted: true) { phrase, _, end in
            // A limit behind the denial of a loss makes it true.
            guard Lexicon.denials.contains(phrase) else { return true }
            return end >= words.ranges.count || !Lexicon.limits.matches(words, at: end)
        }
    }

    static func projection(_ words: Words) -> String? {
        Lexicon.projections.first(in: words, asserted: true)
    }

    /// A sentence of loss with the computed figure, or with its having no end.
    static func namesLoss(_ prose: Prose, _ known: Evidence) -> Bool {
        prose.claims.contains { sentence in
            let words = Words(sentence)
            guard words.contains(Lexicon.risks) else { return false }
            guard known.addedLoss != nil else { return words.contains(Lexicon.unlimited) }
            return StatedNumber.all(in: sentence).numbers.contains { number in
                known.statedLosses.contains { number.states($0) }
            }
        }
    }
}

/// The numbers that may be said: what was asked, and what was computed from it.
struct Facts {
    private let numbers: [Double]
    private let dates: Set<CivilDate>
    /// Whole numbers up to this one count things: legs, contracts, steps.
    private let countsMax: Int

    init(_ numbers: [Double], _ dates: Set<CivilDate>, _ countsMax: Int) {
        self.numbers = numbers
        self.dates = dates
        self.countsMax = countsMax
    }

    init(_ subject: Case, _ known: Evidence) {
        var numbers = subject.facts
        numbers += [
            subject.market.spot, subject.market.rate, subject.market.dividendYield,
            subject.volatility, known.margin.usd, 100,
        ]
        numbers += [
            subject.maxLossUSD, subject.maxDebitUSD, subject.vix, subject.account.equityUSD,
            subject.account.buyingPowerUSD, known.addedLoss, known.payoff.maxProfit?.dollars,
            known.payoff.maxLoss?.dollars,
        ].compactMap { $0 }
        numbers += known.statedLosses + [known.payoff.netPremium.dollars]
        numbers.append(known.payoff.netPremium.dollars / 100)
        numbers += known.payoff.breakevens.map(\.dollars)
        numbers += [
            known.greeks.delta, known.greeks.gamma, known.greeks.thetaPerDay,
            known.greeks.vegaPerPoint, known.greeks.rhoPerPoint,
        ]
        var dates: Set<CivilDate> = [known.today]
        var strikes: [Double] = []
        for leg in subject.legs + known.held {
            numbers += [leg.price.dollars, Double(leg.quantity), Double(leg.signedShares)]
            if let strike = leg.instrument.strike { strikes.append(strike.dollars) }
            if let expiry = leg.expiry {
                dates.insert(expiry)
                let days = known.today.days(until: expiry)
                numbers += [Double(days), Double(expiry.day), Double(expiry.year)]
            }
        }
        numbers += strikes
        for (index, strike) in strikes.enumerated() {
            numbers += strikes[..<index].map { ($0 - strike).magnitude }
        }
        if known.isSingleExpiry {
            let law = LogNormal(
                subject.market,
                volatility: subject.volatility,
                years: known.frontYears
            )
            let legs = subject.legs + known.held
            numbers += [
                Chances.ofProfit(known.payoff, under: law),
                Chances.expectedValue(of: legs, under: law),
            ]
        }
        self.init(numbers, dates, 4)
    }

    /// What a sentence says that nobody gave and nothing computed; nil when all is well.
    func ungrounded(in sentence: String) -> String? {
        let stated = StatedNumber.all(in: sentence)
        if let date = stated.dates.first(where: { !dates.contains($0) }) { return "\(date)" }
        let loose = stated.numbers.first { number in
            if number.unit == 1, number.value <= Double(countsMax), !number.isPercent {
                return false
            }
            return !numbers.contains { number.states($0) }
        }
        return loose.map { "\($0.value)" }
    }
}
