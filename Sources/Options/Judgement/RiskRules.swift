/// R01–R03, R08, R12–R14, R20 and R21: what the legs risk by themselves and beside the book.
struct RiskRules {
    private let known: Evidence
    private let limits: Thresholds

    init(_ known: Evidence, _ limits: Thresholds) {
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        report.add(bounded())
        report.add(expectedValue())
        report.add(reward())
        report.add(direction())
        report.add(combinedBook())
        loss(&report)
        report.add(uncovered())
        report.add(regime())
        report.add(stress())
        report.add(robustness())
    }

    private func loss(_ report: inout RuleReport) {
        guard let limit = known.subject.maxLossUSD else {
            return report.add(inapplicable("R01", "No limit is given."))
        }
        guard let loss = known.addedLoss else {
            return report.add(result("R01", .block, holds: false, "The loss is unbounded."))
        }
        report.add(
            result("R01", .block, holds: loss <= limit, "{$} against a limit of {$}.", loss, limit)
        )
        let debit = -known.payoff.netPremium.dollars
        if let most = known.subject.maxDebitUSD, debit > most {
            report.add(
                result("R01", .block, holds: false, "A debit of {$} against {$}.", debit, most)
            )
        }
    }

    private func bounded() -> Finding {
        let uncovered = known.classification.uncoveredCallShares
        return result(
            "R02",
            .block,
            holds: uncovered == 0,
            "{n} shares would have to be delivered uncovered.",
            Double(uncovered)
        )
    }

    /// Level 4 and high tolerance for what is naked; a put is naked beyond the customer's limit.
    private func uncovered() -> Finding? {
        let isNaked =
            known.classification.risk == .undefined
            || (known.classification.uncoveredPutShares > 0
                && known.classification.name != .cashSecuredPut)
        guard isNaked else {
            return result("R03", .block, holds: true, "Every short leg is covered.")
        }
        if let tolerance = known.subject.tolerance, tolerance != .high {
            return result("R03", .block, holds: false, "Uncovered, and tolerance is not high.")
        }
        guard let level = known.subject.account.approvalLevel, known.subject.tolerance != nil else {
            return nil
        }
        return result("R03", .block, holds: level >= 4, "Uncovered at level {n}.", Double(level))
    }

    private func law(_ volatility: Double) -> LogNormal {
        LogNormal(known.subject.market, volatility: volatility, years: known.frontYears)
    }

    private func expectedValue() -> Finding {
        guard let mean = known.chances?.mean, let loss = known.addedLoss, loss > 0 else {
            return inapplicable("R07", "No single largest loss to compare with.")
        }
        return result(
            "R07",
            .warning,
            holds: mean >= limits.expectedValueShare * loss,
            "An expected value of {$} against a loss of {$}.",
            mean,
            loss
        )
    }

    private func reward() -> Finding {
        guard known.isSingleExpiry, known.held.isEmpty, known.payoff.netPremium.sign > 0,
            let loss = known.addedLoss, known.classification.level == 3
        else { return inapplicable("R08", "No credit spread.") }
        let credit = known.payoff.netPremium.dollars
        let width = loss + credit
        return result(
            "R08",
            .warning,
            holds: credit >= limits.creditShare * width,
            "A credit of {$} for a width of {$}.",
            credit,
            width
        )
    }

    /// Against what the strategy is said to want.
    private func direction() -> Finding {
        guard let outlook = known.subject.outlook else {
            return inapplicable("R12", "No direction is claimed.")
        }
        let held = known.held.reduce(0) { $0 + Double($1.signedShares) }
        let net = known.greeks.delta + held
        let gross = known.grossDelta
        let share = gross > 0 ? net / gross : 0
        let (severity, holds): (Rule.Severity, Bool) =
            switch outlook {
            case .bullish: (.block, net > 0)
            case .bearish: (.block, net < 0)
            case .neutral: (.warning, share.magnitude <= limits.neutralDeltaShare)
            }
        return result(
            "R12",
            severity,
            holds: holds,
            "A net delta of {n} shares, {%} of the gross.",
            net,
            share
        )
    }

    private func regime() -> Finding? {
        guard let vix = known.subject.vix else { return nil }
        let vega = known.greeks.vegaPerPoint
        let cheap = vega < 0 && vix < limits.vixCheap
        let dear = vega > 0 && vix > limits.vixDear && known.payoff.netPremium.sign < 0
        return result(
            "R13",
            .warning,
            holds: !cheap && !dear,
            "A vega of {$} per point at a VIX of {n}.",
            vega,
            vix
        )
    }

    /// The worst of the grid, which is never worse than the exact largest loss of covered legs.
    private func stress() -> Finding? {
        guard let limit = known.subject.maxLossUSD else {
            return inapplicable("R14", "No limit is given.")
        }
        // The grid cannot show more than that, and takes a quarter of all the time there is.
        if let bound = known.addedLoss, bound <= limit {
            return result("R14", .block, holds: true, "No scenario loses more than {$}.", bound)
        }
        let exposures = (known.subject.legs + known.freeShares).map { Exposure($0) }
        let grid = Scenarios(
            exposures,
            market: known.subject.market,
            volatility: known.subject.volatility,
            asOf: known.subject.asOf,
            horizon: known.frontYears
        )
        guard let worst = grid.worst else { return nil }
        // Shares that are held anyway lose what they lose; only what the legs add counts.
        let shares = known.freeShares.reduce(0.0) { $0 + Double($1.signedShares) }
        let lowest = grid.cells.map(\.spot).min() ?? known.subject.market.spot
        let alone = shares * (known.subject.market.spot - lowest)
        let added = -worst.changeUSD - alone
        let bound = known.addedLoss ?? .infinity
        let loss = min(bound, max(0, added))
        return result(
            "R14",
            .block,
            holds: loss <= limit,
            "{$} with the underlying at {$} in {n} days.",
            loss,
            worst.spot,
            365 * worst.years
        )
    }

    /// The chance and the mean at other volatilities; the verdict on R07 must not turn.
    private func robustness() -> Finding {
        guard let mean = known.chances?.mean, let loss = known.addedLoss, loss > 0 else {
            return inapplicable("R20", "No single largest loss to compare with.")
        }
        let book = known.held.isEmpty ? known.subject.legs : known.subject.legs + known.held
        func passes(_ volatility: Double) -> Bool {
            Chances.expectedValue(of: book, under: law(volatility))
                >= limits.expectedValueShare * loss
        }
        let passesNow = mean >= limits.expectedValueShare * loss
        let stands = limits.volatilityFactors.allSatisfy {
            passes($0 * known.subject.volatility) == passesNow
        }
        return result(
            "R20",
            .warning,
            holds: stands,
            stands
                ? "The verdict stands at other volatilities."
                : "Fragile: the verdict turns at another volatility."
        )
    }

    private func combinedBook() -> Finding {
        guard let book = known.subject.book, !book.exposures.isEmpty else {
            return inapplicable("R21", "Nothing is held on the underlying.")
        }
        let already = book.uncoveredCallShares
        let after = Cover(
            book.covering
                + known.subject.legs.map {
                    Cover.Line(
                        right: $0.instrument.right,
                        expiry: $0.expiry?.dayNumber ?? 0,
                        shares: $0.signedShares
                    )
                }
        ).uncoveredCallShares
        return result(
            "R21",
            .block,
            holds: after <= already,
            "{n} shares uncovered with the book, {n} before.",
            Double(after),
            Double(already)
        )
    }
}
