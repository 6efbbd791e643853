/// A rule's result on its way into a report.
struct Finding: Sendable {
    let rule: StaticString
    let outcome: RuleOutcome
    let severity: Rule.Severity
    let grounds: Grounds?
    /// Wins over `grounds`: a sentence that had to be put together.
    let sentence: String?

    init(
        _ rule: StaticString,
        _ outcome: RuleOutcome,
        _ severity: Rule.Severity,
        grounds: Grounds? = nil,
        sentence: String? = nil
    ) {
        self.rule = rule
        self.outcome = outcome
        self.severity = severity
        self.grounds = grounds
        self.sentence = sentence
    }

    /// In words, for whoever has no report.
    var result: RuleResult {
        RuleResult(
            rule.description,
            outcome,
            severity: severity,
            evidence: sentence ?? grounds?.sentence ?? ""
        )
    }
}

/// A sentence and the figures in it, put together when somebody reads it.
struct Grounds: Sendable {
    private let template: StaticString
    private let figures: (Double, Double, Double)

    /// - Parameter template: `{$}` stands for dollars, `{%}` for a share, `{n}` for a number, each
    ///   taking the next figure.
    init(_ template: StaticString, _ a: Double = 0, _ b: Double = 0, _ c: Double = 0) {
        self.template = template
        figures = (a, b, c)
    }

    var sentence: String {
        let text = template.description
        var written = ""
        written.reserveCapacity(template.utf8CodeUnitCount + 32)
        var rest = text.utf8[...]
        var next = 0
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            written += Substring(rest[..<open])
            let kind = rest.index(after: open)
            let figure = next == 0 ? figures.0 : next == 1 ? figures.1 : figures.2
            written += Self.write(figure, as: rest[kind])
            next += 1
            rest = rest[rest.index(kind, offsetBy: 2)...]
        }
        written += Substring(rest)
        return written
    }

    private static func write(_ figure: Double, as kind: UInt8) -> String {
        switch kind {
        case UInt8(ascii: "$"): Wording.dollars(figure)
        case UInt8(ascii: "%"): Wording.percent(figure)
        default: Wording.plain(figure)
        }
    }
}

/// - Parameter template: As `Grounds` reads it.
func result(
    _ rule: StaticString,
    _ severity: Rule.Severity,
    holds: Bool,
    _ template: StaticString,
    _ a: Double = 0,
    _ b: Double = 0,
    _ c: Double = 0
) -> Finding {
    Finding(rule, holds ? .pass : .fail, severity, grounds: Grounds(template, a, b, c))
}

/// - Parameters:
///   - sentence: What fails, where something does.
///   - otherwise: What is said when it passes.
func result(
    _ rule: StaticString,
    _ severity: Rule.Severity,
    failsWith sentence: String?,
    _ otherwise: StaticString
) -> Finding {
    sentence.map { failure(rule, severity, $0) }
        ?? result(rule, severity, holds: true, otherwise)
}

/// A fail that takes words of its own to say.
func failure(_ rule: StaticString, _ severity: Rule.Severity, _ sentence: String) -> Finding {
    Finding(rule, .fail, severity, sentence: sentence)
}

func repaired(_ rule: StaticString, _ sentence: String) -> Finding {
    Finding(rule, .repaired, .repair, sentence: sentence)
}

func inapplicable(_ rule: StaticString, _ why: StaticString) -> Finding {
    Finding(rule, .notApplicable, .information, grounds: Grounds(why))
}
