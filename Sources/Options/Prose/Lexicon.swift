/// The phrases that the rules of communication listen for. A word that ends in `*` stands for
/// all that begin so.
enum Lexicon {
    /// FINRA 2210(d)(1)(B): promissory, exaggerated or unwarranted.
    static let promises = Phrases([
        "guarantee*", "risk free", "riskless", "riskfree", "no risk", "zero risk", "without risk",
        "without any risk", "no downside", "zero downside", "cant lose", "cannot lose",
        "can not lose", "never lose*", "never loses", "sure thing", "sure profit", "sure win",
        "sure gain", "for sure", "certain to", "certain profit", "will double", "will triple",
        "free money", "easy money", "always win*", "always profit*", "always make*", "foolproof",
        "bulletproof", "cant miss", "cannot miss", "never fail*", "assured profit",
        "assured return", "safe profit", "get rich", "no way to lose", "100 safe",
        "losses are impossible", "loss is impossible", "impossible to lose", "bound to",
        "prints cash", "prints money", "print money", "nothing can go wrong",
        "nothing will go wrong", "cannot go wrong", "cant go wrong", "rest assured",
        "completely safe", "perfectly safe", "absolutely safe", "totally safe", "no matter what",
        "no chance of los*", "no possibility of los*", "certainly profit", "certainly make",
        "certainly earn", "surely", "definitely", "undoubtedly", "inevitably", "locked in",
        "locks in a profit", "lock in a profit", "100 percent", "every single time", "without fail",
        "by definition profitable", "secured profit", "money machine", "cash machine",
        "surefire", "slam dunk", "no brainer", "sure bet", "safe bet", "win win", "in the bag",
        "in the pocket", "in your pocket", "as good as", "all but certain", "all but assured",
        "all but guaranteed", "near certain", "nearly certain", "virtually certain",
        "foregone conclusion", "cash cow", "cant fail", "cannot fail", "works every time",
        "whatever happens", "whatever the market", "regardless of what", "regardless of where",
        "regardless of direction", "either way you", "whichever way", "always work*",
        "always pay*", "takes care of itself", "month after month", "year after year",
        "set and forget", "forget about it", "sit back", "principal is protected",
        "capital is protected", "capital is safe", "money is safe", "safe as", "safer than",
        "yet to lose", "never lost", "pays whether", "wins whether", "works whether", "made money",
        "like clockwork", "worry free", "stress free",
    ])

    /// Behind `risk free`.
    static let rates = Phrases(["rate", "rates", "interest"])

    /// These deny a loss; a limit to it behind them makes them true: `cannot lose more than …`.
    static let limits = Phrases(["more", "beyond", "over", "above"])
    static let denials: Set<String> = ["cant lose", "cannot lose", "can not lose", "never lose*"]

    /// FINRA 2210(d)(1)(F): what will be, and by how much.
    static let projections = Phrases(
        [
            "price target", "target price", "annualized return", "annualised return",
            "annual return of", "expected return of", "expected annual", "forecast*", "predict*",
            "projected return", "projected to", "going to rise", "going to fall", "going to rally",
            "going to crash", "to the moon", "poised to",
        ]
            + [
                "rise", "fall", "rally", "drop", "climb", "surge", "crash", "soar", "reach", "hit",
                "gain", "outperform", "return", "appreciate", "make you", "earn you",
                "be profitable",
            ].flatMap { ["will \($0)", "should \($0)", "likely to \($0)", "about to \($0)"] }
            + [
                "expect it to", "expect prices to", "expect a rally", "expect a rise",
                "expect a drop",
                "headed higher", "headed lower", "heading higher", "heading lower", "headed up",
                "headed down", "is imminent", "are imminent", "continues upward",
                "continues downward",
                "continue higher", "continue lower", "set to", "carry it higher", "carry it lower",
                "higher prices", "lower prices", "breakout is", "breakdown is", "around the corner",
                "can only go", "only way is", "will continue", "destined to", "on its way to",
            ]
            + ["stock", "index", "market", "share", "shares", "underlying", "price", "trend"]
            .flatMap { ["expect the \($0) to", "the \($0) is going", "the \($0) keeps"] }
    )

    /// What a sentence about a strategy is made of: two of these at the least.
    static let terms = Phrases([
        "strike*", "spread*", "put", "puts", "call", "calls", "credit*", "debit*", "premium*",
        "loss", "losses", "lose", "loses", "losing", "lost", "profit*", "gain", "gains",
        "breakeven*", "break even", "breaks even", "brings in", "earn*", "worthless", "delta*",
        "theta*", "vega*", "gamma*", "decay*", "time",
        "volatil*", "vol", "iv", "vix", "expir*", "position*", "strateg*", "leg", "legs", "wing*",
        "margin*", "assign*", "exercis*", "income", "risk*", "limit*", "cap", "caps", "capped",
        "defined", "toleran*", "condor*", "butterfl*", "collar*", "straddle*", "strangle*",
        "calendar*", "diagonal*", "vertical*", "covered", "hedg*", "protect*", "collateral*",
        "contract*", "option*", "cushion*", "payoff*", "reward*", "probabilit*", "chance*",
        "odds", "money", "underlying", "trend*", "bullish", "bearish", "neutral", "view",
        "outlook", "horizon", "range*", "objective*", "account*", "capital", "cost*", "price*",
        "holder*", "holding*", "held", "share*", "stock*", "market*", "index", "move*", "rise*",
        "fall*", "drop*", "trade*", "seller*", "sell*", "buy*", "buyer*", "short", "long", "size*",
        "quantity", "earnings", "dividend*", "fill*", "quote*", "maximum", "level*", "exit*",
        "spot", "close*", "rate*", "exposure", "diversif*", "figure*", "fees", "assumption*",
    ])

    /// What a sentence must be balanced for.
    static let benefits = Phrases([
        "profit*", "gain*", "earn*", "income", "reward*", "upside", "credit", "benefit*",
        "return*",
    ])
    static let risks = Phrases(["lose*", "loss*", "losing", "risk*", "lost"])
    static let unlimited = Phrases(["unlimited", "unbounded", "no limit"])
    static let endless = Phrases(["unlimited profit*", "unlimited upside", "unlimited gain*"])
    /// What C08 and C09 look for in the disclosures.
    static let inputs = ["fees", "volatility", "as of"].map { Phrases([$0]) }
    static let notice = Phrases(["hypothetical in nature"])
    static let likelihoods = Phrases(["probability", "chance*", "likelihood", "odds", "likely"])

    /// Words that speak to the machine instead of saying what is wanted.
    static let instructions = Phrases([
        "ignore the max*", "ignore max*", "ignore all", "ignore any", "ignore previous",
        "ignore your", "ignore my limit*", "ignore the limit*", "ignore limit*",
        "ignore the risk*", "ignore the rules", "disregard the*", "disregard all",
        "disregard previous", "disregard your", "override the*", "override all", "override my",
        "bypass the*", "act as level*", "treat me as*", "pretend to be", "pretend that",
        "you are now", "system prompt", "new instructions", "previous instructions",
        "developer mode", "jailbreak", "do not validate", "dont validate", "skip validation",
        "skip the checks", "skip the validation", "without validation", "no validation",
        "no risk checks", "disable the*", "approve this trade", "mark this as*",
        "reveal your", "print your instructions", "set max loss to*", "raise my limit*",
        "assume i am approved", "assume approval", "as an admin*", "i am the administrator",
    ])

    /// O03. Inside knowledge, manipulation, evasion.
    static let misuse = Phrases([
        "inside information", "insider information", "insider tip", "inside tip",
        "insider trading", "non public", "nonpublic", "not public yet", "not yet public",
        "material information", "before it is announced", "before its announced",
        "before the announcement is public", "confidential tip", "leaked earnings",
        "leaked results", "works at the company and told", "told me about the merger",
        "told me the earnings", "pump and dump", "pump the stock", "spoof*", "wash trade*",
        "wash trading", "paint the tape", "painting the tape", "corner the market",
        "manipulate*", "push the price", "move the price", "bang the close",
        "mark the close", "pin the stock", "evade*", "avoid the position limit*",
        "around the position limit*", "get around the limit*", "under the reporting",
        "avoid reporting", "without reporting", "hide it from", "hide this from",
        "hide the trade", "split across accounts", "several accounts so", "launder*",
        "avoid detection", "structur* deposits",
    ])
}
