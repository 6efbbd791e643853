/// Sentences that a model might write, of no consequence.
package enum Prose {
    private static let subjects = [
        "The premium", "A defined loss", "The wider wing", "Time decay", "The implied volatility",
        "A smaller position", "The nearer expiration", "An early exit",
    ]
    private static let predicates = [
        "pays for the wait", "limits what a gap can cost", "leaves room for a pullback",
        "works for the seller", "is priced above its average", "keeps the account in reach",
        "needs closer watching", "avoids most of the assignment risk",
    ]
    private static let conditions = [
        "while the trend holds", "in a calm market", "before the next report",
        "as long as the strike is not tested", "when volatility stays where it is",
        "if the quote is near the estimate", "for the chosen horizon", "at this level of risk",
    ]

    package static func sentence(dice: inout Dice) -> String {
        func one(_ words: [String]) -> String {
            words[Int.random(in: words.indices, using: &dice)]
        }
        return "\(one(subjects)) \(one(predicates)) \(one(conditions))."
    }

    /// Sentences until the text has at least so many tokens.
    package static func text(tokens: Int, dice: inout Dice) -> String {
        var text = sentence(dice: &dice)
        while TokenEstimator.completionTokens(text) < tokens {
            text += " " + sentence(dice: &dice)
        }
        return text
    }
}
