extension RuleCatalogue {
    /// R01–R21: what can be lost, and does the customer know?
    static let risk: [Rule] = [
        Rule(
            "R01",
            .block,
            "The exact largest loss is within the customer's limit.",
            source: "exact payoff"
        ),
        Rule(
            "R02",
            .block,
            "The loss has an end however far the underlying rises.",
            source: "exact payoff"
        ),
        Rule(
            "R03",
            .block,
            "Undefined or substantial risk only for high tolerance and level 4.",
            needs: [.legs, .account],
            source: "FINRA Regulatory Notice 21-15",
            essential: true
        ),
        Rule(
            "R04",
            .block,
            "What is claimed about the figures is what the figures are.",
            needs: [.legs, .claims],
            source: "exact payoff"
        ),
        Rule(
            "R05",
            .repair,
            "No claim is off by a unit: a hundred times, or by the quantity.",
            needs: [.legs, .claims],
            source: "exact payoff"
        ),
        Rule(
            "R06",
            .repair,
            "A claimed chance of profit is within five points of the computed.",
            needs: [.claims, .volatility],
            source: "FINRA 2214 and 2220"
        ),
        Rule(
            "R07",
            .warning,
            "The expected value is no worse than the costs explain.",
            needs: [.legs, .volatility, .fees],
            source: "policy",
            policy: true
        ),
        Rule(
            "R08",
            .warning,
            "What can be earned is worth what is risked, after fees.",
            needs: [.legs, .fees],
            source: "policy",
            policy: true
        ),
        Rule(
            "R09",
            .block,
            "The margin estimate is within the buying power.",
            needs: [.legs, .account],
            source: "FINRA 4210(f)(2); Cboe margin manual",
            essential: true
        ),
        Rule(
            "R10",
            .warning,
            "The loss is a small part of the equity, the underlying too.",
            needs: [.legs, .equity],
            source: "policy",
            essential: true,
            policy: true
        ),
        Rule(
            "R11",
            .warning,
            "The book's Greeks after the trade are within its limits.",
            needs: [.legs, .portfolioGreeks],
            source: "policy",
            essential: true,
            policy: true
        ),
        Rule(
            "R12",
            .block,
            "The strategy earns in the direction that it is said to.",
            needs: [.legs, .volatility],
            source: "own arithmetic"
        ),
        Rule(
            "R13",
            .warning,
            "Volatility is not sold cheap or bought dear without a reason.",
            needs: [.legs, .vix],
            source: "policy",
            policy: true
        ),
        Rule(
            "R14",
            .block,
            "The worst of the stress grid is within the limit.",
            needs: [.legs, .volatility],
            source: "policy, after the OCC's 15 % shock",
            policy: true
        ),
        Rule(
            "R15",
            .warning,
            "No short option in the money is worth exercising early.",
            needs: [.legs, .dividends],
            source: "Cboe covered calls, part 5",
            essential: true
        ),
        Rule(
            "R16",
            .warning,
            "Where early exercise matters the American value is used.",
            needs: [.legs, .volatility],
            source: "own arithmetic"
        ),
        Rule(
            "R17",
            .warning,
            "What happens at expiry can be settled in cash or shares.",
            needs: [.legs, .account],
            source: "OCC Rule 805; FINRA 2360(b)(23)"
        ),
        Rule(
            "R18",
            .warning,
            "No earnings or ex-date falls into the life of short premium.",
            needs: [.legs, .events],
            source: "policy",
            essential: true,
            policy: true
        ),
        Rule(
            "R19",
            .warning,
            "Spreads and open interest let the legs be traded.",
            needs: [.legs, .chain],
            source: "policy",
            essential: true,
            policy: true
        ),
        Rule(
            "R20",
            .warning,
            "The verdict stands at four fifths and six fifths of the volatility.",
            needs: [.legs, .volatility],
            source: "policy",
            policy: true
        ),
        Rule(
            "R21",
            .block,
            "With what is held already, no covered leg becomes naked.",
            needs: [.legs, .positions],
            source: "exact payoff"
        ),
    ]
}
