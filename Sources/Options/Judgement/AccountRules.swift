/// R09–R11, R17, C01, C03, C04 and C11: what the account is, holds and is approved for.
struct AccountRules {
    private let known: Evidence
    private let limits: Thresholds

    init(_ known: Evidence, _ limits: Thresholds) {
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        report.add(margin())
        report.add(concentration())
        report.add(greeks())
        report.add(level())
        report.add(reporting())
        report.add(disclosure())
        report.add(statement())
    }

    private var order: Int {
        switch known.subject.tolerance {
        case .low, nil: 0
        case .medium: 1
        case .high: 2
        }
    }

    private func margin() -> Finding? {
        guard let power = known.subject.account.buyingPowerUSD else { return nil }
        // What stands behind held shares is there already.
        let needed =
            known.held.isEmpty ? known.margin.usd : max(0, -known.payoff.netPremium.dollars)
        return result(
            "R09",
            .block,
            holds: needed <= power,
            "A margin of {$} against a buying power of {$}.",
            needed,
            power
        )
    }

    private func concentration() -> Finding? {
        guard let equity = known.subject.account.equityUSD, equity > 0 else { return nil }
        guard let loss = known.addedLoss else {
            return result("R10", .block, holds: false, "The loss is unbounded.")
        }
        let share = limits.lossShareOfEquity[order]
        return result(
            "R10",
            .warning,
            holds: loss <= share * equity,
            "{$} is {%} of the equity, at most {%}.",
            loss,
            loss / equity,
            share
        )
    }

    private func greeks() -> Finding? {
        guard let equity = known.subject.account.equityUSD, equity > 0,
            let before = known.subject.portfolioGreeks ?? known.subject.book?.greeks
        else { return nil }
        let after = before + known.greeks
        let dollars = after.delta.magnitude * known.subject.market.spot
        let fits =
            dollars <= limits.deltaShareOfEquity[order] * equity
            && after.vegaPerPoint.magnitude <= limits.vegaShareOfEquity[order] * equity
        return result(
            "R11",
            .warning,
            holds: fits,
            "After the trade a delta of {$} and a vega of {$} per point on an equity of {$}.",
            dollars,
            after.vegaPerPoint,
            equity
        )
    }

    private func level() -> Finding? {
        guard let level = known.subject.account.approvalLevel else { return nil }
        return result(
            "C01",
            .block,
            holds: known.classification.level <= level,
            "Needs level {n}, the account has {n}.",
            Double(known.classification.level),
            Double(level)
        )
    }

    private func reporting() -> Finding {
        let most = PositionSides(known).most
        return result(
            "C03",
            .information,
            holds: most < 200,
            "{n} contracts on one side.",
            most
        )
    }

    private func disclosure() -> Finding? {
        guard let delivered = known.subject.account.disclosureDelivered else { return nil }
        return result(
            "C04",
            .block,
            holds: delivered,
            delivered ? "The document was delivered." : "The document was not delivered."
        )
    }

    private func statement() -> Finding? {
        guard known.classification.level >= 4 else {
            return inapplicable("C11", "Nothing is uncovered.")
        }
        guard let statement = known.subject.account.uncoveredStatement else { return nil }
        return result(
            "C11",
            .block,
            holds: statement,
            statement ? "The statement is on file." : "The statement is missing."
        )
    }
}
