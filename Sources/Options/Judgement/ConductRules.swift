/// O01 and O03–O05, C14: what the customer wrote, how the model answered, what was recorded.
struct ConductRules {

    private let known: Evidence

    init(_ known: Evidence) { self.known = known }

    func write(to report: inout RuleReport) {
        if let intent = known.subject.intent { IntentScreen(intent).write(to: &report) }
        model(&report)
        report.add(record())
    }

    private func model(_ report: inout RuleReport) {
        guard let state = known.subject.model else { return }
        if state == .none {
            report.add(inapplicable("O04", "No model took part."))
            return report.add(inapplicable("O05", "No model took part."))
        }
        report.add(
            result(
                "O04",
                .block,
                failsWith: state == .answered ? nil : "It was \(state.rawValue).",
                "It answered, whole and in form."
            )
        )
        report.add(result("O05", .information, holds: true, "No confidence of the model is read."))
    }

    private func record() -> Finding? {
        guard let isRecorded = known.subject.isRecorded else { return nil }
        return result(
            "C14",
            .block,
            holds: isRecorded,
            isRecorded ? "The record is complete." : "The record could not be written."
        )
    }
}

/// A customer's words before anything is made of them: data, whatever they say.
package struct IntentScreen: Sendable {
    /// O01 and O03.
    package var results: [RuleResult] { [data.result, conduct.result] }
    private let data: Finding
    private let conduct: Finding
    /// The phrase of misuse that was found; a request with one is refused.
    package let misuse: String?

    /// Unicode scalars of an intent that are read; the contract refuses longer ones.
    package static let scalarsMax = 2_000

    package init(_ intent: String) {
        let words = Words(intent)
        misuse = Lexicon.misuse.first(in: words, asserted: true)
        let isASCII = intent.utf8.allSatisfy { $0 < 0x80 }
        let hidden =
            isASCII
            ? intent.utf8.contains { Self.isHidden(Unicode.Scalar($0)) }
            : intent.unicodeScalars.contains(where: Self.isHidden)
        let isLong =
            (isASCII ? intent.utf8.count : intent.unicodeScalars.count) > Self.scalarsMax
        let order = Lexicon.instructions.first(in: words)
        if hidden || isLong {
            data = failure(
                "O01",
                .block,
                isLong
                    ? "More than \(Self.scalarsMax) characters."
                    : "A character of control or of writing direction."
            )
        } else if let order {
            data = repaired("O01", "“\(order)” was read as words and obeyed by nobody.")
        } else {
            data = result("O01", .block, holds: true, "It asks for nothing but a strategy.")
        }
        conduct = result(
            "O03",
            .block,
            failsWith: misuse.map { "It speaks of “\($0)”." },
            "Nothing in it is improper."
        )
    }

    func write(to report: inout RuleReport) {
        report.add(data)
        report.add(conduct)
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
