/// Promises and projections that no list of phrases can hold: they are known by their shape. A sentence
/// that is dropped in error costs little, since what the figures say takes its place; one that stands
/// in error is said to a customer.
enum ProseShapes {
    /// A loss denied: `no way to lose`, `the odds of loss are nil`.
    static func promise(_ words: Words) -> String? {
        deniedAhead(words) ?? deniedBehind(words)
    }

    private static func deniedAhead(_ words: Words) -> String? {
        Part.nothing.first(in: words, asserted: true) { _, _, end in
            var place = end
            while place < end + 3, place < words.count, Part.fillers.matches(words, at: place) {
                place += 1
            }
            guard place < words.count, Part.harms.matches(words, at: place) else { return false }
            let next = place + 1
            return next >= words.count || !Part.bounds.matches(words, at: next)
        }
    }

    private static func deniedBehind(_ words: Words) -> String? {
        Part.harms.first(in: words, asserted: true) { _, _, end in
            var place = end
            while place < min(end + 6, words.count), !Part.copulas.matches(words, at: place) {
                place += 1
            }
            place += 1
            while place < words.count, Part.almost.matches(words, at: place) { place += 1 }
            guard place < words.count else { return false }
            return Part.voids.first(in: words) { _, at, end in
                at == place && (end >= words.count || !Part.bounds.matches(words, at: end))
            } != nil
        }
    }

    /// What will be, said without a condition: `the index sits above it by June`, `a drop is coming`.
    static func projection(_ words: Words) -> String? {
        guard let found = future(words) ?? leaning(words) ?? sign(words) else { return nil }
        return words.contains(Part.conditions) ? nil : found
    }

    private static func future(_ words: Words) -> String? {
        let found = Part.futures.first(in: words, asserted: true) { _, _, end in
            end < words.count && !Part.mechanics.matches(words, at: end)
        }
        return found.flatMap { words.contains(Lexicon.risks) ? nil : $0 }
    }

    private static func leaning(_ words: Words) -> String? {
        Part.leanings.first(in: words, asserted: true) { _, _, end in
            end < words.count && Part.movements.matches(words, at: end)
        }
    }

    /// Of a move that is on its way, or of where prices are by some time.
    private static func sign(_ words: Words) -> String? {
        let moves = Part.signs.first(in: words, asserted: true) { _, _, _ in
            words.contains(Part.motions)
        }
        if let moves, !words.contains(Part.hedges) { return moves }
        let found =
            Part.opinions.first(in: words, asserted: true)
            ?? Part.times.first(in: words) { _, _, _ in words.contains(Part.levels) }
        guard let found, words.contains(Part.markets), !words.contains(Part.hedges) else {
            return nil
        }
        return found
    }
}

private enum Part {
    static let nothing = Phrases([
        "no", "zero", "nil", "without", "hardly a", "hardly any", "barely a", "barely any",
        "free of", "free from", "none of the",
    ])
    /// What may stand between nothing and the harm.
    static let fillers = Phrases([
        "any", "real", "way", "ways", "to", "of", "chance*", "possibility", "possible",
        "potential", "scenario", "such", "thing", "as", "meaningful", "room", "danger", "the",
        "that", "this", "it", "a", "you", "can", "could", "outcome",
    ])
    static let harms = Phrases([
        "loss", "losses", "lose", "loses", "losing", "risk", "risks", "downside", "danger*",
        "worry", "worries", "hassle*", "fail*", "ends badly", "end badly", "goes wrong", "go wrong",
    ])
    /// Behind a harm they make the denial one of a part, or of something else.
    static let bounds = Phrases([
        "more", "beyond", "over", "above", "below", "at", "if", "unless", "when", "as",
        "limit*", "tolerance", "check*", "profile", "rule*", "past", "free", "than", "greater",
    ])
    static let copulas = Phrases(["is", "are", "remain*", "stay*", "look*", "seem*"])
    static let almost = Phrases([
        "practically", "virtually", "simply", "basically", "essentially", "almost", "close", "to",
        "next", "near", "nearly", "effectively", "just", "all", "but",
    ])
    static let voids = Phrases([
        "nil", "zero", "none", "negligible", "nonexistent", "non existent", "absent", "impossible",
        "gone", "eliminated", "removed", "off the table", "ruled out", "out of the question",
        "not an option", "not possible", "nothing", "no issue", "no concern",
    ])

    /// What makes a sentence one of `what if`.
    static let conditions = Phrases([
        "if", "when", "unless", "whether", "provided", "as long as", "so long as", "once", "until",
        "otherwise", "in case", "should the", "should it", "should prices", "should volatility",
        "should implied", "should shares", "only where", "were to",
    ])
    static let hedges = Phrases([
        "may", "might", "could", "can", "would", "possible", "possibly", "perhaps",
    ])
    static let futures = Phrases([
        "will", "shall", "youll", "itll", "theyll", "going to", "gonna", "about to",
    ])
    /// What happens by contract, or costs: no view of the market.
    static let mechanics = Phrases([
        "be assigned", "be exercised", "be charged", "be closed", "be owed", "settle*", "owe",
        "need*", "require*", "cost*", "have to", "want", "not", "never",
    ])
    static let leanings = Phrases([
        "should", "likely to", "expected to", "due to", "ready to", "set to", "bound to", "poised",
        "sure to", "tend to", "tends to", "ought to",
    ])
    static let movements = Phrases([
        "rise", "fall", "rally", "drop", "climb", "surge", "crash", "soar", "reach", "gain*",
        "push", "lift", "drive", "drift", "go", "break", "recover", "rebound", "bounce", "decline",
        "slide", "collapse", "come", "continue", "grind", "trend", "advance", "jump", "pop",
        "outperform", "trade", "move", "pay off", "work out", "deliver", "succeed",
    ])
    static let motions = Phrases([
        "rally", "rallies", "rise", "rises", "drop", "drops", "decline*", "surge", "crash",
        "breakout", "breakdown", "pullback", "correction", "rebound", "bounce", "selloff",
        "sell off", "gains", "upside", "downturn", "upturn", "reversal", "squeeze", "fireworks",
        "melt up", "direction", "highs", "lows", "up", "down",
    ])
    static let signs = Phrases([
        "coming", "imminent", "inevitable", "looming", "overdue", "on its way", "on the way",
        "on the horizon", "in the cards", "in the offing", "has legs", "have legs", "points to",
        "point to", "points up", "points down", "look for", "watch for a", "expect", "we expect",
        "anticipate", "in store", "lies ahead", "lie ahead", "upside ahead", "gains ahead",
        "downside ahead", "only one", "question of when", "matter of time", "chart says",
        "charts say", "plenty of", "is due", "are due", "due for", "ready for a",
    ])
    static let markets = Phrases([
        "stock", "stocks", "index", "market", "markets", "shares", "price", "prices",
        "underlying", "spy", "qqq", "etf", "buyers", "sellers", "bulls", "bears", "bottom", "top",
        "volatility", "earnings",
    ])
    static let opinions = Phrases([
        "we see", "i see", "we believe", "i believe", "we think", "i think", "is in", "in control",
        "step in", "stepping in", "are back", "has turned", "have turned",
    ])
    static let levels = Phrases([
        "trade", "trades", "sit", "sits", "stand", "stands", "hit", "hits", "reach", "reaches",
        "see", "finish", "finishes", "end", "ends", "close", "closes", "goes", "tests", "breaks",
    ])
    static let times = Phrases(
        [
            "by expiration", "by expiry", "by then", "by next", "by the end", "by the time",
            "by year", "by friday", "by monday", "before the year", "next week", "next month",
            "coming week*", "coming month*", "this summer", "this winter", "soon",
        ]
            + [
                "spring", "summer", "autumn", "fall", "winter", "january", "february", "march",
                "april", "may", "june", "july", "august", "september", "october", "november",
                "december",
            ].flatMap { ["by \($0)", "in \($0)"] }
    )
}
