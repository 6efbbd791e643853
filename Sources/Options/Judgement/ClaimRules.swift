/// S13, S14 and R04–R06: what somebody said about the strategy against what it is.
struct ClaimRules {
    private let known: Evidence
    private let claims: Case.Claims?
    private let limits: Thresholds

    init(_ known: Evidence, _ claims: Case.Claims?, _ limits: Thresholds) {
        self.claims = claims
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        guard let claims else {
            for rule in Self.rules { report.add(inapplicable(rule, "Nothing is claimed.")) }
            return
        }
        report.add(name(claims))
        report.add(sign(claims))
        report.add(figures(claims))
        report.add(units(claims))
        report.add(chance(claims))
    }

    private static let rules: [StaticString] = ["S13", "S14", "R04", "R05", "R06"]

    private func name(_ claims: Case.Claims) -> Finding {
        let computed = known.classification.name.rawValue
        guard let claimed = claims.name else { return inapplicable("S13", "No name is claimed.") }
        if claimed == computed {
            return result("S13", .repair, holds: true, "It is what it is called.")
        }
        return repaired("S13", "Said \(claimed), is \(computed).")
    }

    private func sign(_ claims: Case.Claims) -> Finding {
        guard let claimed = claims.netPremiumUSD else {
            return inapplicable("S14", "No premium is claimed.")
        }
        let computed = known.payoff.netPremium
        let agrees = claimed == 0 || computed.sign == 0 || (claimed > 0) == (computed.sign > 0)
        return result(
            "S14",
            .block,
            holds: agrees,
            "Said {$}, is {$}.",
            claimed,
            computed.dollars
        )
    }

    private func figures(_ claims: Case.Claims) -> Finding {
        if claims.lossIsBounded == true, known.payoff.maxLoss == nil {
            return result("R04", .block, holds: false, "A bounded loss is claimed of an unbounded.")
        }
        var wrong: [String] = []
        func compare(_ what: String, _ claimed: Double?, _ computed: Double?) {
            guard let claimed else { return }
            if let computed, near(claimed, computed) { return }
            let found = computed.map(Wording.dollars) ?? "unbounded"
            wrong.append("\(what) said \(Wording.dollars(claimed)), is \(found)")
        }
        compare("premium", claims.netPremiumUSD, known.payoff.netPremium.dollars)
        if known.isSingleExpiry {
            compare("profit", claims.maxProfitUSD, known.maxProfit)
            compare("loss", claims.maxLossUSD, known.maxLoss)
            if let claimed = claims.breakevens {
                let computed = known.breakevens
                let agrees =
                    claimed.count == computed.count
                    && zip(claimed.sorted(), computed).allSatisfy {
                        ($0 - $1).magnitude <= limits.claimBreakeven + 1e-9
                    }
                if !agrees {
                    wrong.append(
                        "breakevens said \(Self.list(claimed)), are \(Self.list(computed))"
                    )
                }
            }
        }
        guard wrong.isEmpty else {
            return repaired("R04", wrong.joined(separator: "; ") + "; the computed stand.")
        }
        return result("R04", .block, holds: true, "Claims and figures agree.")
    }

    private static func list(_ prices: [Double]) -> String {
        prices.isEmpty ? "none" : Wording.list(prices.map(Wording.dollars))
    }

    /// Off by a hundred, or by the number of contracts.
    private func units(_ claims: Case.Claims) -> Finding {
        unitError(claims.maxLossUSD, known.maxLoss)
            ?? unitError(claims.maxProfitUSD, known.maxProfit)
            ?? unitError(claims.netPremiumUSD, known.payoff.netPremium.dollars)
            ?? result("R05", .repair, holds: true, "No claim is off by a unit.")
    }

    private func unitError(_ claimed: Double?, _ computed: Double?) -> Finding? {
        guard let claimed, let computed, computed != 0, !near(claimed, computed) else { return nil }
        let size = Double(known.subject.legs.map(\.quantity).max() ?? 1)
        let factor = [100, 0.01, size, 1 / size].first {
            $0 != 1 && near(claimed, computed * $0)
        }
        return factor.map {
            repaired(
                "R05",
                "unit_error: \(Wording.dollars(claimed)) is \(Wording.plain($0)) times "
                    + "\(Wording.dollars(computed))."
            )
        }
    }

    private func chance(_ claims: Case.Claims) -> Finding {
        guard let claimed = claims.probabilityOfProfit, let computed = known.chances?.ofProfit
        else { return inapplicable("R06", "No chance is claimed.") }
        if (claimed - computed).magnitude <= limits.claimProbability {
            return result("R06", .repair, holds: true, "Said {%}, is {%}.", claimed, computed)
        }
        return repaired(
            "R06",
            "Said \(Wording.percent(claimed)), is \(Wording.percent(computed))."
        )
    }

    private func near(_ claimed: Double, _ computed: Double) -> Bool {
        let slack = max(limits.claimDollars, limits.claimShare * computed.magnitude)
        return (claimed - computed).magnitude <= slack
    }
}
