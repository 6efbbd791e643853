/// R09–R11, R17, C01, C03, C04 and C11: what the account is, holds and is approved for.
struct AccountRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] {
        margin() + concentration() + greeks() + level() + reporting() + disclosure()
            + statement()
    }

    private var order: Int {
        switch subject.tolerance {
        case .low, nil: 0
        case .medium: 1
        case .high: 2
        }
    }

    private func margin() -> [RuleResult] {
        guard let power = subject.account.buyingPowerUSD else { return [] }
        // What stands behind held shares is there already.
        let needed =
            known.held.isEmpty ? known.margin.usd : max(0, -known.payoff.netPremium.dollars)
        return [
            result(
                "R09",
                .block,
                holds: needed <= power,
                "\(needed) by \(known.margin.rule.rawValue) against \(power)."
            )
        ]
    }

    private func concentration() -> [RuleResult] {
        guard let equity = subject.account.equityUSD, equity > 0 else { return [] }
        guard let loss = known.addedLoss else {
            return [result("R10", .block, holds: false, "The loss is unbounded.")]
        }
        let share = limits.lossShareOfEquity[order]
        return [
            result(
                "R10",
                .warning,
                holds: loss <= share * equity,
                "\(loss) is \(loss / equity) of the equity, at most \(share)."
            )
        ]
    }

    private func greeks() -> [RuleResult] {
        guard let equity = subject.account.equityUSD, equity > 0,
            let before = subject.portfolioGreeks ?? subject.book?.greeks
        else { return [] }
        let after = before + known.greeks
        let dollars = after.delta.magnitude * subject.market.spot
        let fits =
            dollars <= limits.deltaShareOfEquity[order] * equity
            && after.vegaPerPoint.magnitude <= limits.vegaShareOfEquity[order] * equity
        return [
            result(
                "R11",
                .warning,
                holds: fits,
                "After the trade a delta of \(dollars) dollars and a vega of "
                    + "\(after.vegaPerPoint) on an equity of \(equity)."
            )
        ]
    }

    private func level() -> [RuleResult] {
        guard let level = subject.account.approvalLevel else { return [] }
        return [
            result(
                "C01",
                .block,
                holds: known.classification.level <= level,
                "Needs level \(known.classification.level), the account has \(level)."
            )
        ]
    }

    /// Long calls and short puts are one side of the market, the other two the other.
    private func reporting() -> [RuleResult] {
        let all = subject.legs.map { Exposure($0) } + (subject.book?.exposures ?? [])
        let sides = PositionSides.contracts(all)
        let most = max(sides.up, sides.down)
        return [
            result("C03", .information, holds: most < 200, "\(most) contracts on one side.")
        ]
    }

    private func disclosure() -> [RuleResult] {
        guard let delivered = subject.account.disclosureDelivered else { return [] }
        return [
            result(
                "C04",
                .block,
                holds: delivered,
                delivered ? "The document was delivered." : "The document was not delivered."
            )
        ]
    }

    private func statement() -> [RuleResult] {
        guard known.classification.level >= 4 else {
            return [inapplicable("C11", "Nothing is uncovered.")]
        }
        guard let statement = subject.account.uncoveredStatement else { return [] }
        return [
            result(
                "C11",
                .block,
                holds: statement,
                statement ? "The statement is on file." : "The statement is missing."
            )
        ]
    }
}
