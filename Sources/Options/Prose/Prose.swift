/// What is said about a strategy, a sentence an element.
package struct Prose: Hashable, Sendable {
    package var rationale: [String]
    package var risks: [String]
    package var disclosures: [String]

    package init(rationale: [String], risks: [String] = [], disclosures: [String] = []) {
        self.rationale = rationale
        self.risks = risks
        self.disclosures = disclosures
    }

    /// All that is said about this strategy; the disclosures are fixed text around it.
    var claims: [String] { rationale + risks }

    /// Everything in words, read once.
    struct Read: Sendable {
        let claims: [Words]
        /// How many of them are reasons; the rest are risks.
        let rationaleCount: Int
        let hasNotice: Bool
        let namesInputs: Bool

        var rationale: ArraySlice<Words> { claims[..<rationaleCount] }

        init(_ prose: Prose) {
            claims = Words.all(prose.claims)
            rationaleCount = prose.rationale.count
            var rest: [String] = []
            var (hasNotice, namesInputs) = (false, false)
            for text in prose.disclosures {
                if text == Disclosures.likelihood {
                    hasNotice = true
                } else if Disclosures.areInputs(text) {
                    namesInputs = true
                } else if !Disclosures.fixed.contains(text) {
                    rest.append(text)
                }
            }
            if !rest.isEmpty, !(hasNotice && namesInputs) {
                let words = Words(rest.joined(separator: " "))
                hasNotice = hasNotice || words.contains(Lexicon.notice)
                namesInputs = namesInputs || Lexicon.inputs.allSatisfy { words.contains($0) }
            }
            self.hasNotice = hasNotice
            self.namesInputs = namesInputs
        }
    }
}

/// A number as prose writes it: `$1,234.50`, `62 %`, `5k`.
struct StatedNumber: Hashable, Sendable {
    let value: Double
    /// What the last figure shown stands for: 0.01 for two decimals.
    let unit: Double
    let isPercent: Bool

    /// Within half of the last figure shown.
    func states(_ fact: Double) -> Bool {
        func near(_ fact: Double) -> Bool {
            (fact.magnitude - value).magnitude <= 0.5 * unit + 1e-9 * max(1, value)
        }
        return near(fact) || isPercent && near(100 * fact)
    }

    /// Every number of a sentence; dates of the form 2026-12-18 are read apart.
    static func all(in sentence: String) -> (numbers: [StatedNumber], dates: [CivilDate]) {
        var numbers: [StatedNumber] = []
        var dates: [CivilDate] = []
        let text = sentence.utf8Span.span
        var at = 0
        while at < text.count {
            guard isFigure(text[at]) else {
                at += 1
                continue
            }
            // What hangs on letters is a name: Q3, P500.
            if at > 0, isLetter(text[at - 1]) || text[at - 1] == UInt8(ascii: "_") {
                while at < text.count, isFigure(text[at]) { at += 1 }
                at += 1
                continue
            }
            if at + 10 <= text.count, let date = CivilDate(text.extracting(at..<(at + 10))) {
                dates.append(date)
                at += 10
                continue
            }
            numbers.append(number(text, &at))
        }
        return (numbers, dates)
    }

    private static func number(_ text: Span<UInt8>, _ at: inout Int) -> StatedNumber {
        var (value, unit) = (0.0, 1.0)
        var hasPoint = false
        while at < text.count {
            if isFigure(text[at]) {
                if hasPoint { unit /= 10 }
                value = value * 10 + Double(text[at] - UInt8(ascii: "0"))
            } else if at + 1 < text.count, isFigure(text[at + 1]),
                text[at] == UInt8(ascii: ",") || text[at] == UInt8(ascii: ".") && !hasPoint
            {
                hasPoint = hasPoint || text[at] == UInt8(ascii: ".")
            } else {
                break
            }
            at += 1
        }
        var factor = 1.0
        if at < text.count, text[at] | 0x20 == UInt8(ascii: "k"),
            at + 1 == text.count || !isLetter(text[at + 1])
        {
            factor = 1_000
        }
        var next = at
        while next < text.count, text[next] == UInt8(ascii: " ") { next += 1 }
        let isPercent =
            next < text.count
            && (text[next] == UInt8(ascii: "%") || begins(text, at: next, with: "percent"))
        return StatedNumber(
            value: value * unit * factor,
            unit: unit * factor,
            isPercent: isPercent
        )
    }

    private static func begins(_ text: Span<UInt8>, at start: Int, with word: String) -> Bool {
        let word = word.utf8Span.span
        guard start + word.count <= text.count else { return false }
        for offset in word.indices where text[start + offset] != word[offset] { return false }
        return true
    }

    private static func isFigure(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}

/// Figures in sentences.
enum Wording {
    /// `$1,234.50`.
    static func dollars(_ value: Double) -> String {
        guard value.magnitude < 1e15 else { return "$\(value)" }
        let cents = Int64((value.magnitude * 100).rounded())
        var whole = String(cents / 100)
        var grouped = ""
        while whole.count > 3 {
            grouped = ",\(whole.suffix(3))" + grouped
            whole = String(whole.dropLast(3))
        }
        let rest = cents % 100
        return "\(value < 0 ? "-" : "")$\(whole)\(grouped).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// At most so many decimals, none that say nothing.
    static func plain(_ value: Double, decimals: Int = 2) -> String {
        guard value.magnitude < 1e12 else { return "\(value)" }
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        let units = Int64((value.magnitude * Double(scale)).rounded())
        var text = "\(value < 0 && units > 0 ? "-" : "")\(units / scale)"
        if units % scale > 0 {
            var fraction = String(units % scale + scale).dropFirst()
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += ".\(fraction)"
        }
        return text
    }

    static func percent(_ share: Double) -> String { plain(100 * share, decimals: 1) + " %" }

    /// `a, b and c`.
    static func list(_ parts: [String]) -> String {
        guard parts.count > 1 else { return parts.first ?? "" }
        var text = ""
        for (place, part) in parts.enumerated() {
            if place > 0 { text += place + 1 < parts.count ? ", " : " and " }
            text += part
        }
        return text
    }
}
