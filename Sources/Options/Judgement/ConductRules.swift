/// O01 and O03–O05, C14: what the customer wrote, how the model answered, what was recorded.
struct ConductRules {
    private let subject: Case

    init(_ subject: Case) { self.subject = subject }

    func results() -> [RuleResult] { intent() + model() + record() }

    private func intent() -> [RuleResult] {
        guard let intent = subject.intent else { return [] }
        return IntentScreen(intent).results
    }

    private func model() -> [RuleResult] {
        guard let state = subject.model else { return [] }
        if state == .none {
            return ["O04", "O05"].map { inapplicable($0, "No model took part.") }
        }
        return [
            result(
                "O04",
                .block,
                holds: state == .answered,
                state == .answered ? "It answered, whole and in form." : "It was \(state.rawValue)."
            ),
            result("O05", .information, holds: true, "No confidence of the model is read."),
        ]
    }

    private func record() -> [RuleResult] {
        guard let isRecorded = subject.isRecorded else { return [] }
        return [
            result(
                "C14",
                .block,
                holds: isRecorded,
                isRecorded ? "The record is complete." : "The record could not be written."
            )
        ]
    }
}

/// A customer's words before anything is made of them: data, whatever they say.
package struct IntentScreen: Sendable {
    /// O01 and O03.
    package let results: [RuleResult]
    /// The phrase of misuse that was found; a request with one is refused.
    package let misuse: String?

    /// Unicode scalars of an intent that are read; the contract refuses longer ones.
    package static let scalarsMax = 2_000

    package init(_ intent: String) {
        let words = Words(intent)
        misuse = Lexicon.misuse.first(in: words, asserted: true)
        let hidden = intent.unicodeScalars.first(where: Self.isHidden)
        let isLong = intent.unicodeScalars.count > Self.scalarsMax
        let order = Lexicon.instructions.first(in: words)
        let data: RuleResult
        if hidden != nil || isLong {
            data = result(
                "O01",
                .block,
                holds: false,
                isLong
                    ? "More than \(Self.scalarsMax) characters."
                    : "A character of control or of writing direction."
            )
        } else if let order {
            data = RuleResult(
                "O01",
                .repaired,
                severity: .repair,
                evidence: "“\(order)” was read as words and obeyed by nobody."
            )
        } else {
            data = result("O01", .block, holds: true, "It asks for nothing but a strategy.")
        }
        results = [
            data,
            result(
                "O03",
                .block,
                holds: misuse == nil,
                misuse.map { "It speaks of “\($0)”." } ?? "Nothing in it is improper."
            ),
        ]
    }

    /// Control characters but line ends and tabs, and those that turn or hide what is read.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: false
        case 0..<0x20, 0x7F..<0xA0: true
        case 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064, 0x2066...0x206F, 0xFEFF: true
        case 0xE0000...0xE007F: true
        default: false
        }
    }
}
