extension RuleCatalogue {
    /// S01–S20: are these legs a strategy at all?
    static let structural: [Rule] = [
        Rule(
            "S01",
            .block,
            "The strategy has the form it must have and every number is finite.",
            source: "own schema"
        ),
        Rule(
            "S02",
            .block,
            "One to four option legs and at most one stock leg.",
            source: "order forms of tastytrade and Tradier"
        ),
        Rule(
            "S03",
            .block,
            "Every leg has a side, a type and what its type needs, in range.",
            source: "OSI; ODD"
        ),
        Rule(
            "S04",
            .block,
            "All legs stand on the requested underlying, in standard contracts.",
            source: "OSI plan 1.8"
        ),
        Rule(
            "S05",
            .repair,
            "A stated option symbol is the one its leg gives.",
            source: "OSI plan 1.8"
        ),
        Rule("S06", .block, "No contract stands twice.", source: "order form of tastytrade"),
        Rule(
            "S07",
            .repair,
            "Leg ratios have no common factor; it belongs to the quantity.",
            source: "order form of Alpaca"
        ),
        Rule(
            "S08",
            .block,
            "Every expiry lies after today in New York.",
            needs: [.legs, .calendar],
            source: "own rule"
        ),
        Rule(
            "S09",
            .block,
            "Every expiry is a trading day.",
            needs: [.legs, .calendar],
            source: "exchange calendars"
        ),
        Rule(
            "S10",
            .block,
            "Every expiry is listed.",
            needs: [.legs, .chain],
            source: "Cboe listing rules; SR-FINRA-2014-027; Nasdaq STO programme",
            essential: true
        ),
        Rule(
            "S11",
            .block,
            "Every strike is listed, or at least stands on the grid.",
            needs: [.legs, .chain],
            source: "Cboe Rule 4.5",
            essential: true
        ),
        Rule(
            "S12",
            .block,
            "No strike is further from the forward than a price can go.",
            needs: [.legs, .spot, .volatility],
            source: "policy",
            policy: true
        ),
        Rule(
            "S13",
            .repair,
            "The stated name is that of the legs.",
            source: "catalogue; QuantConnect LEAN definitions"
        ),
        Rule(
            "S14",
            .block,
            "A stated credit or debit has the sign of the computed premium.",
            source: "own arithmetic"
        ),
        Rule(
            "S15",
            .warning,
            "Long and short legs stand between one to three and three to one.",
            source: "policy",
            policy: true
        ),
        Rule(
            "S16",
            .block,
            "The quantity is whole, within the cap and a tenth of open interest.",
            source: "policy",
            policy: true
        ),
        Rule(
            "S17",
            .block,
            "Prices leave no sure gain and no sure loss.",
            needs: [.legs, .spot],
            source: "Black–Scholes–Merton bounds"
        ),
        Rule(
            "S18",
            .warning,
            "Each price implies a volatility that is near the reference.",
            needs: [.legs, .volatility],
            source: "policy",
            essential: true,
            policy: true
        ),
        Rule(
            "S19",
            .block,
            "A short option is covered only by one that expires on or after it.",
            source: "Interactive Brokers margin table"
        ),
        Rule(
            "S20",
            .block,
            "Calls are written on no more shares than are held and free.",
            needs: [.legs, .positions],
            source: "FINRA 2360, covered positions"
        ),
    ]
}
