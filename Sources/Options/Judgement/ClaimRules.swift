/// S13, S14 and R04–R06: what somebody said about the strategy against what it is.
struct ClaimRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] {
        guard let claims = subject.claims else {
            return ["S13", "S14", "R04", "R05", "R06"].map {
                inapplicable($0, "Nothing is claimed.")
            }
        }
        return [name(claims), sign(claims), figures(claims), units(claims), chance(claims)]
    }

    private func name(_ claims: Case.Claims) -> RuleResult {
        let computed = known.classification.name.rawValue
        guard let claimed = claims.name else { return inapplicable("S13", "No name is claimed.") }
        if claimed == computed {
            return result("S13", .repair, holds: true, "It is a \(computed).")
        }
        return RuleResult(
            "S13",
            .repaired,
            severity: .repair,
            evidence: "Said \(claimed), is \(computed)."
        )
    }

    private func sign(_ claims: Case.Claims) -> RuleResult {
        guard let claimed = claims.netPremiumUSD else {
            return inapplicable("S14", "No premium is claimed.")
        }
        let computed = known.payoff.netPremium
        let agrees = claimed == 0 || computed.sign == 0 || (claimed > 0) == (computed.sign > 0)
        return result(
            "S14",
            .block,
            holds: agrees,
            "Said \(claimed), is \(computed.dollars)."
        )
    }

    private func figures(_ claims: Case.Claims) -> RuleResult {
        if claims.lossIsBounded == true, known.payoff.maxLoss == nil {
            return result("R04", .block, holds: false, "A bounded loss is claimed of an unbounded.")
        }
        var wrong: [String] = []
        func compare(_ what: String, _ claimed: Double?, _ computed: Double?) {
            guard let claimed else { return }
            if let computed, near(claimed, computed) { return }
            wrong.append("\(what) said \(claimed), is \(computed.map { "\($0)" } ?? "unbounded")")
        }
        compare("premium", claims.netPremiumUSD, known.payoff.netPremium.dollars)
        if known.isSingleExpiry {
            compare("profit", claims.maxProfitUSD, known.payoff.maxProfit?.dollars)
            compare("loss", claims.maxLossUSD, known.payoff.maxLoss?.dollars)
            if let claimed = claims.breakevens {
                let computed = known.payoff.breakevens.map(\.dollars)
                let agrees =
                    claimed.count == computed.count
                    && zip(claimed.sorted(), computed).allSatisfy {
                        ($0 - $1).magnitude <= limits.claimBreakeven + 1e-9
                    }
                if !agrees { wrong.append("breakevens said \(claimed), are \(computed)") }
            }
        }
        guard wrong.isEmpty else {
            return RuleResult(
                "R04",
                .repaired,
                severity: .repair,
                evidence: wrong.joined(separator: "; ") + "; the computed stand."
            )
        }
        return result("R04", .block, holds: true, "Claims and figures agree.")
    }

    /// Off by a hundred, or by the number of contracts.
    private func units(_ claims: Case.Claims) -> RuleResult {
        let size = Double(subject.legs.map(\.quantity).max() ?? 1)
        let factors = [100, 0.01, size, 1 / size].filter { $0 != 1 }
        let pairs = [
            (claims.maxLossUSD, known.payoff.maxLoss?.dollars),
            (claims.maxProfitUSD, known.payoff.maxProfit?.dollars),
            (claims.netPremiumUSD, known.payoff.netPremium.dollars),
        ]
        for case (let claimed?, let computed?) in pairs where !near(claimed, computed) {
            if let factor = factors.first(where: { near(claimed, computed * $0) }), computed != 0 {
                return RuleResult(
                    "R05",
                    .repaired,
                    severity: .repair,
                    evidence: "unit_error: \(claimed) is \(factor) times \(computed)."
                )
            }
        }
        return result("R05", .repair, holds: true, "No claim is off by a unit.")
    }

    private func chance(_ claims: Case.Claims) -> RuleResult {
        guard let claimed = claims.probabilityOfProfit, known.isSingleExpiry else {
            return inapplicable("R06", "No chance is claimed.")
        }
        let law = LogNormal(
            subject.market,
            volatility: subject.volatility,
            years: known.frontYears
        )
        let computed = Chances.ofProfit(known.payoff, under: law)
        if (claimed - computed).magnitude <= limits.claimProbability {
            return result("R06", .repair, holds: true, "Said \(claimed), is \(computed).")
        }
        return RuleResult(
            "R06",
            .repaired,
            severity: .repair,
            evidence: "Said \(claimed), is \(computed)."
        )
    }

    private func near(_ claimed: Double, _ computed: Double) -> Bool {
        let slack = max(limits.claimDollars, limits.claimShare * computed.magnitude)
        return (claimed - computed).magnitude <= slack
    }
}
