extension RuleCatalogue {
    private static let members: Set<Rule.Operator> = [.brokerDealer, .adviser]

    /// C01–C14: what the rules of the trade ask. Which of them bind depends on the operator.
    static let compliance: [Rule] = [
        Rule(
            "C01",
            .block,
            "The account is approved for what the legs are.",
            needs: [.legs, .account],
            source: "FINRA 2360(b)(16); Regulatory Notice 21-15",
            essential: true
        ),
        Rule(
            "C02",
            .block,
            "The side of the market stays within the position limit.",
            needs: [.legs, .positions],
            source: "FINRA 2360(b)(3); Cboe Rule 8.30",
            essential: true
        ),
        Rule(
            "C03",
            .information,
            "From 200 contracts a side the position is reported.",
            needs: [.legs, .positions],
            source: "FINRA 2360(b)(5)",
            operators: members
        ),
        Rule(
            "C04",
            .block,
            "The customer has the options disclosure document.",
            needs: [.account],
            source: "Exchange Act Rule 9b-1; FINRA 2360(b)(11)",
            essential: true
        ),
        Rule(
            "C05",
            .block,
            "Nothing said is false, exaggerated, promissory or misleading.",
            needs: [.prose],
            source: "FINRA 2210(d)(1)"
        ),
        Rule(
            "C06",
            .block,
            "Each benefit is balanced by its risk, as specific.",
            needs: [.prose],
            source: "FINRA 2220(d)(2)"
        ),
        Rule(
            "C07",
            .block,
            "No performance is predicted or projected.",
            needs: [.prose],
            // SR-FINRA-2026-004 would relax this; while it is pending the stricter rule stands.
            source: "FINRA 2210(d)(1)(F)"
        ),
        Rule(
            "C08",
            .repair,
            "Figures carry their inputs, costs and date.",
            needs: [.prose],
            source: "FINRA 2220(d)(3)"
        ),
        Rule(
            "C09",
            .repair,
            "Likelihoods carry method, limits and the notice.",
            needs: [.prose],
            source: "FINRA 2214"
        ),
        Rule(
            "C10",
            .block,
            "There is a reason to think that it suits this customer.",
            needs: [.account],
            source: "Regulation Best Interest; FINRA 2111 and 2360(b)(19)"
        ),
        Rule(
            "C11",
            .block,
            "Uncovered writing has its statement and its minimum equity.",
            needs: [.legs, .account],
            source: "FINRA 2360(b)(16)(E)"
        ),
        Rule(
            "C12",
            .warning,
            "Day trading stays within the account's regime.",
            needs: [.account],
            source: "FINRA 4210",
            editions: [
                Rule.Edition(
                    from: nil,
                    until: CivilDate(2027, 10, 20),
                    source: "FINRA 4210(f)(8), pattern day trading"
                ),
                Rule.Edition(
                    from: CivilDate(2026, 6, 4),
                    until: nil,
                    source: "SR-FINRA-2025-017, intraday margin (91 FR 20731)"
                ),
            ]
        ),
        Rule(
            "C13",
            .warning,
            "A recent loss on the same underlying may be washed.",
            needs: [.positions],
            source: "Internal Revenue Code, section 1091"
        ),
        Rule(
            "C14",
            .block,
            "The record of how this came about is complete and kept.",
            needs: [.model],
            source: "Exchange Act Rules 17a-3 and 17a-4; FINRA 4511, 3110"
        ),
    ]

    /// O01–O05: what leaves the house.
    static let output: [Rule] = [
        Rule(
            "O01",
            .block,
            "The customer's words are data: limits come from typed fields alone.",
            needs: [.intent],
            source: "own rule"
        ),
        Rule(
            "O02",
            .repair,
            "Every number in the prose is the request's or was computed.",
            needs: [.prose],
            source: "own rule"
        ),
        Rule(
            "O03",
            .block,
            "Nobody is helped to trade on inside knowledge or to evade limits.",
            needs: [.intent],
            source: "own rule"
        ),
        Rule(
            "O04",
            .block,
            "The model answered, whole, in form, and was the one that was asked.",
            needs: [.model],
            source: "own rule"
        ),
        Rule(
            "O05",
            .information,
            "The model's confidence sizes and passes nothing.",
            needs: [.model],
            source: "arXiv 2410.09724"
        ),
    ]
}
