/// What is not answered, whoever asks: inside information, manipulation, evading limits (rule O03).
struct ContentPolicy: Sendable {
    private let lexicon: ScreeningLexicon
    private let unless: UInt8
    private let reasons: [UInt8: ScreeningReason]

    private enum Limits {
        /// Words before, within which a word of denial or of reporting turns the meaning round.
        static let denialReach = 4
    }

    init(_ tables: ScreeningTables) {
        lexicon = tables.policy
        unless = lexicon.concept("unless")
        reasons = [
            lexicon.concept("inside"): .insideInformation,
            lexicon.concept("manipulate"): .manipulation,
            lexicon.concept("evade"): .evadingLimits,
        ]
    }

    /// What the text asks for that is not answered: `I have no inside information` asks for nothing.
    func broken(by points: [UInt32]) -> ScreeningReason? {
        let found = lexicon.concepts(points.span, ScreeningText.words(points.span))
        for (index, one) in found.enumerated() {
            guard let reason = reasons[one.concept] else { continue }
            let isDenied = found[..<index].contains {
                $0.concept == unless && one.place - $0.place <= Limits.denialReach
            }
            if !isDenied { return reason }
        }
        return nil
    }
}
