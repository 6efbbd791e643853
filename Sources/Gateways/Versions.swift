internal import Contract
internal import JSON
internal import Options
package import Pipeline

/// What is at work in this build, for the audit trail: the same names mean the same bytes.
package enum Versions {
    /// A JSON object: the release, the rules, the prompts of each form, the built-in prices, and what
    /// the operator has set that bears on decisions.
    package static func json(release: String, _ settings: DecisionSettings) -> [UInt8] {
        JSONWriter.bytes(reserving: 512) { writer in
            writer.beginObject()
            writer.field("release", release)
            writer.field("rules", rules)
            writer.key("prompts")
            writer.beginArray()
            for version in prompts { writer.value(version) }
            writer.endArray()
            writer.field(
                "prices",
                String(PayloadHash(of: PackageResources.models_json).text.prefix(12))
            )
            writer.key("settings")
            settings.write(to: &writer)
            writer.endObject()
        }
    }

    /// Of the templates by which a model is asked.
    static var prompts: [String] {
        ([.menuFast, .menuFull, .freeForm] as [Question.Form]).map { Prompts.of($0).version }
    }

    /// Of the catalogue of rules: which there are, how much each matters, and when and for whom it binds.
    static var rules: String {
        let lines = RuleCatalogue.all.map { rule in
            let editions = rule.editions.map { edition in
                "\(edition.from.map { "\($0)" } ?? "")…\(edition.until.map { "\($0)" } ?? "")"
            }
            let operators = rule.operators.map(\.rawValue).sorted()
            return
                ([rule.id, rule.severity.rawValue, "\(rule.isEssential)"] + editions + operators)
                .joined(separator: " ")
        }
        let text = Array(lines.joined(separator: "\n").utf8)
        return String(PayloadHash(of: text).text.prefix(12))
    }
}

extension DecisionSettings {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("operator", rules.status.rawValue)
        if let date = rules.date { writer.field("rule_day", "\(date)") }
        writer.field("rate", rate)
        writer.field("screening", screensTexts ? refusesFlagged ? "strict" : "on" : "off")
        if rules.thresholds != Thresholds() {
            writer.key("thresholds")
            ThresholdsFile.write(rules.thresholds, to: &writer)
        }
        writer.endObject()
    }

    /// As `Versions.json` writes them.
    init(_ body: JSONObject) throws(JSONError) {
        let screening = try body.required("screening").string()
        let day = try body.optional("rule_day")?.string()
        let thresholds = try body.optional("thresholds")?.object()
        self.init(
            rules: .init(
                status: try body.required("operator").choice(),
                date: day.flatMap { CivilDate($0) },
                thresholds: try thresholds.map { (body) throws(JSONError) in
                    try ThresholdsFile.thresholds(body)
                } ?? Thresholds()
            ),
            rate: try body.required("rate").double(),
            screensTexts: screening != "off",
            refusesFlagged: screening == "strict"
        )
    }
}
