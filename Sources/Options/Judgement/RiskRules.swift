/// R01–R03, R08, R12–R14, R20 and R21: what the legs risk by themselves and beside the book.
struct RiskRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] {
        [bounded(), expectedValue(), reward(), direction(), combinedBook()] + loss()
            + uncovered() + regime() + stress() + robustness()
    }

    private func loss() -> [RuleResult] {
        guard let limit = subject.maxLossUSD else {
            return [inapplicable("R01", "No limit is given.")]
        }
        guard let loss = known.addedLoss else {
            return [result("R01", .block, holds: false, "The loss is unbounded.")]
        }
        var results = [
            result("R01", .block, holds: loss <= limit, "\(loss) against a limit of \(limit).")
        ]
        let debit = -known.payoff.netPremium.dollars
        if let most = subject.maxDebitUSD, debit > most {
            results.append(
                result("R01", .block, holds: false, "A debit of \(debit) against \(most).")
            )
        }
        return results
    }

    private func bounded() -> RuleResult {
        let uncovered = known.classification.uncoveredCallShares
        return result(
            "R02",
            .block,
            holds: uncovered == 0,
            "\(uncovered) shares would have to be delivered uncovered."
        )
    }

    /// Level 4 and high tolerance for what is naked; a put is naked beyond the customer's limit.
    private func uncovered() -> [RuleResult] {
        let isNaked =
            known.classification.risk == .undefined
            || (known.classification.uncoveredPutShares > 0
                && known.classification.name != .cashSecuredPut)
        guard isNaked else {
            return [result("R03", .block, holds: true, "Every short leg is covered.")]
        }
        if let tolerance = subject.tolerance, tolerance != .high {
            return [
                result("R03", .block, holds: false, "Uncovered, and tolerance is not high.")
            ]
        }
        guard let level = subject.account.approvalLevel, subject.tolerance != nil else { return [] }
        return [result("R03", .block, holds: level >= 4, "Uncovered at level \(level).")]
    }

    private func law(_ volatility: Double) -> LogNormal {
        LogNormal(subject.market, volatility: volatility, years: known.frontYears)
    }

    private func expectedValue() -> RuleResult {
        guard known.isSingleExpiry, let loss = known.addedLoss, loss > 0 else {
            return inapplicable("R07", "No single largest loss to compare with.")
        }
        let mean = Chances.expectedValue(
            of: subject.legs + known.held,
            under: law(subject.volatility)
        )
        return result(
            "R07",
            .warning,
            holds: mean >= limits.expectedValueShare * loss,
            "An expected value of \(mean) against a loss of \(loss)."
        )
    }

    private func reward() -> RuleResult {
        guard known.isSingleExpiry, known.held.isEmpty, known.payoff.netPremium.sign > 0,
            let loss = known.addedLoss, known.classification.level == 3
        else { return inapplicable("R08", "No credit spread.") }
        let credit = known.payoff.netPremium.dollars
        let width = loss + credit
        return result(
            "R08",
            .warning,
            holds: credit >= limits.creditShare * width,
            "A credit of \(credit) for a width of \(width)."
        )
    }

    /// Against what the strategy is said to want.
    private func direction() -> RuleResult {
        guard let outlook = subject.outlook else {
            return inapplicable("R12", "No direction is claimed.")
        }
        let held = known.held.reduce(0) { $0 + Double($1.signedShares) }
        let net = known.greeks.delta + held
        let gross = subject.legs.reduce(held.magnitude) {
            $0
                + Exposure($1).greeks(
                    in: subject.market,
                    volatility: subject.volatility,
                    asOf: subject.asOf
                ).delta.magnitude
        }
        let share = gross > 0 ? net / gross : 0
        let evidence = "A net delta of \(net), \(share) of the gross."
        switch outlook {
        case .bullish: return result("R12", .block, holds: net > 0, evidence)
        case .bearish: return result("R12", .block, holds: net < 0, evidence)
        case .neutral:
            return result(
                "R12",
                .warning,
                holds: share.magnitude <= limits.neutralDeltaShare,
                evidence
            )
        }
    }

    private func regime() -> [RuleResult] {
        guard let vix = subject.vix else { return [] }
        let vega = known.greeks.vegaPerPoint
        let cheap = vega < 0 && vix < limits.vixCheap
        let dear = vega > 0 && vix > limits.vixDear && known.payoff.netPremium.sign < 0
        return [
            result(
                "R13",
                .warning,
                holds: !cheap && !dear,
                "A vega of \(vega) per point at a VIX of \(vix)."
            )
        ]
    }

    /// The worst of the grid, which is never worse than the exact largest loss of covered legs.
    private func stress() -> [RuleResult] {
        guard let limit = subject.maxLossUSD else {
            return [inapplicable("R14", "No limit is given.")]
        }
        // The grid cannot show more than that, and takes a quarter of all the time there is.
        if let bound = known.addedLoss, bound <= limit {
            return [
                result("R14", .block, holds: true, "No scenario loses more than \(bound).")
            ]
        }
        let exposures = (subject.legs + known.freeShares).map { Exposure($0) }
        let grid = Scenarios(
            exposures,
            market: subject.market,
            volatility: subject.volatility,
            asOf: subject.asOf,
            horizon: known.frontYears
        )
        guard let worst = grid.worst else { return [] }
        // Shares that are held anyway lose what they lose; only what the legs add counts.
        let shares = known.freeShares.reduce(0.0) { $0 + Double($1.signedShares) }
        let lowest = grid.cells.map(\.spot).min() ?? subject.market.spot
        let alone = shares * (subject.market.spot - lowest)
        let added = -worst.changeUSD - alone
        let bound = known.addedLoss ?? .infinity
        let loss = min(bound, max(0, added))
        return [
            result(
                "R14",
                .block,
                holds: loss <= limit,
                "\(loss) at \(worst.spot), volatility \(worst.volatilityShift), "
                    + "in \(worst.years) years."
            )
        ]
    }

    /// The chance and the mean at other volatilities; the verdict on R07 must not turn.
    private func robustness() -> [RuleResult] {
        guard known.isSingleExpiry, let loss = known.addedLoss, loss > 0 else {
            return [inapplicable("R20", "No single largest loss to compare with.")]
        }
        let book = subject.legs + known.held
        func passes(_ volatility: Double) -> Bool {
            Chances.expectedValue(of: book, under: law(volatility))
                >= limits.expectedValueShare * loss
        }
        let passesNow = passes(subject.volatility)
        let stands = limits.volatilityFactors.allSatisfy {
            passes($0 * subject.volatility) == passesNow
        }
        return [
            result(
                "R20",
                .warning,
                holds: stands,
                stands
                    ? "The verdict stands at other volatilities."
                    : "Fragile: the verdict turns at another volatility."
            )
        ]
    }

    private func combinedBook() -> RuleResult {
        guard let book = subject.book, !book.exposures.isEmpty else {
            return inapplicable("R21", "Nothing is held on the underlying.")
        }
        let before = book.covering
        let already = Cover(RankedLeg.rank(before)).uncoveredCallShares
        let after = Cover(RankedLeg.rank(before + subject.legs)).uncoveredCallShares
        return result(
            "R21",
            .block,
            holds: after <= already,
            "\(after) shares uncovered with the book, \(already) before."
        )
    }
}
