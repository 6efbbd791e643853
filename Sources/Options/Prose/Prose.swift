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
        let rationale: [Words]
        let claims: [Words]
        /// Without those that are always the same: `hasNotice` tells of the one that matters.
        let disclosures: Words
        let hasNotice: Bool

        init(_ prose: Prose) {
            rationale = prose.rationale.map(Words.init)
            claims = rationale + prose.risks.map(Words.init)
            hasNotice = prose.disclosures.contains(Disclosures.likelihood)
            disclosures = Words(
                prose.disclosures.filter { !Disclosures.fixed.contains($0) }
                    .joined(separator: " ")
            )
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
        let text = Array(sentence.utf8)
        var at = 0
        while at < text.count {
            let follows = at > 0 && (isLetter(text[at - 1]) || text[at - 1] == UInt8(ascii: "_"))
            guard isFigure(text[at]), !follows else {
                // What hangs on letters is a name: Q3, P500.
                if isFigure(text[at]), follows {
                    while at < text.count, isFigure(text[at]) { at += 1 }
                }
                at += 1
                continue
            }
            if at + 10 <= text.count,
                let date = CivilDate(String(decoding: text[at..<(at + 10)], as: UTF8.self))
            {
                dates.append(date)
                at += 10
                continue
            }
            numbers.append(number(text, &at))
        }
        return (numbers, dates)
    }

    private static func number(_ text: [UInt8], _ at: inout Int) -> StatedNumber {
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
        let rest = text[next...]
        let isPercent = rest.first == UInt8(ascii: "%") || rest.starts(with: "percent".utf8)
        return StatedNumber(
            value: value * unit * factor,
            unit: unit * factor,
            isPercent: isPercent
        )
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
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
        return parts.dropLast().joined(separator: ", ") + " and " + last
    }
}
