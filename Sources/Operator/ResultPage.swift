import Desk
import Glibc
import JSON

/// A result as a person reads it: the strategy, its legs, its figures, its risks.
struct ResultPage {
    let text: String

    init(_ payload: JSONObject, requestID: String) {
        var lines: [String] = []
        if let strategy = try? payload.optional("strategy")?.object() {
            lines += Self.strategy(strategy)
            lines += Self.validation(payload)
            lines += Self.impact(payload)
            lines += Self.alternatives(payload)
        } else {
            lines += Self.noTrade(payload)
        }
        lines += Self.origin(payload)
        lines.append("  request     \(requestID)")
        text = lines.joined(separator: "\n")
    }

    private static func strategy(_ strategy: JSONObject) -> [String] {
        let name = (Report.text(strategy, "name") ?? "strategy")
            .split(separator: "_").joined(separator: " ")
        var lines = [Ink.bold(name) + " (\(Report.text(strategy, "outlook") ?? "?"))", ""]
        lines += legs(strategy)
        lines.append("")
        let net = number(strategy, "net_premium_usd") ?? 0
        lines.append("  \(net < 0 ? "debit      " : "credit     ") \(Figures.dollars(abs(net)))")
        lines.append("  max profit  \(bounded(strategy, "max_profit_usd"))")
        lines.append("  max loss    \(bounded(strategy, "max_loss_usd"))")
        let breakevens =
            (try? strategy.optional("breakevens")?.array())
            .map { $0.compactMap { try? $0.double() } } ?? []
        let at = breakevens.map(Figures.plain).joined(separator: ", ")
        lines.append("  breakeven   \(at.isEmpty ? "none" : at)")
        if let chance = number(strategy, "probability_of_profit") {
            let mean = number(strategy, "expected_value_usd").map {
                ", mean \(Figures.dollars($0))"
            }
            lines.append("  profit in   \(Figures.percent(chance)) of outcomes\(mean ?? "")")
        }
        if let margin = number(strategy, "margin_usd") {
            lines.append("  margin      \(Figures.dollars(margin))")
        }
        lines += greeks(strategy)
        if let rationale = Report.text(strategy, "rationale"), !rationale.isEmpty {
            lines += ["", "  \(rationale)"]
        }
        let risks =
            (try? strategy.optional("risks")?.array())
            .map { $0.compactMap { try? $0.string() } } ?? []
        lines += risks.map { "  \(Ink.yellow("risk")) \($0)" }
        return lines + [""]
    }

    private static func greeks(_ strategy: JSONObject) -> [String] {
        guard let greeks = try? strategy.optional("greeks")?.object() else { return [] }
        let parts = [
            ("delta", number(greeks, "delta")), ("gamma", number(greeks, "gamma")),
            ("theta", number(greeks, "theta_per_day")), ("vega", number(greeks, "vega_per_point")),
            ("rho", number(greeks, "rho_per_point")),
        ]
        let words = parts.map { "\($0) \($1.map(Figures.plain) ?? "?")" }
        return ["  greeks      \(words.joined(separator: ", "))"]
    }

    private static func noTrade(_ payload: JSONObject) -> [String] {
        var lines = [Ink.bold("no trade")]
        guard let why = try? payload.optional("no_trade")?.object() else { return lines }
        let rule = Report.text(why, "rule").map { " (\($0))" } ?? ""
        lines.append("  because     \(Report.text(why, "message") ?? "?")\(rule)")
        if let change = try? why.optional("smallest_change")?.object() {
            lines.append("  would help  \(Report.text(change, "message") ?? "?")")
        }
        return lines
    }

    private static func validation(_ payload: JSONObject) -> [String] {
        guard let validation = try? payload.optional("validation")?.object() else { return [] }
        let verdict = (Report.text(payload, "verdict") ?? "?").replacing("_", with: " ")
        let coverage = Report.text(validation, "coverage") ?? "?"
        let pack = Report.text(validation, "rule_pack") ?? "?"
        var lines = ["  verdict     \(verdict): \(coverage), rules of \(pack)"]
        for element in (try? validation.optional("findings")?.array()).map(Array.init) ?? [] {
            guard let finding = try? element.object() else { continue }
            let rule = Report.text(finding, "rule") ?? "?"
            let severity = Report.text(finding, "severity") ?? "?"
            lines.append("  \(rule) \(severity): \(Report.text(finding, "message") ?? "")")
        }
        if (try? payload.optional("requires_principal_review")?.bool()) == true {
            lines.append("  \(Ink.yellow("a principal must review it before it is passed on"))")
        }
        return lines
    }

    private static func impact(_ payload: JSONObject) -> [String] {
        guard let impact = try? payload.optional("portfolio_impact")?.object(),
            let before = try? impact.optional("before")?.object(),
            let after = try? impact.optional("after")?.object()
        else { return [] }
        let words = [
            ("delta", "delta" as StaticString), ("theta", "theta_per_day"),
            ("vega", "vega_per_point"),
        ]
        .map { name, key in
            let values = [before, after].map { number($0, key).map(Figures.plain) ?? "?" }
            return "\(name) \(values.joined(separator: " → "))"
        }
        return ["  portfolio   \(words.joined(separator: ", "))"]
    }

    private static func alternatives(_ payload: JSONObject) -> [String] {
        let elements = (try? payload.optional("alternatives")?.array()).map(Array.init) ?? []
        let lines = elements.compactMap { element -> String? in
            guard let other = try? element.object() else { return nil }
            let name = (Report.text(other, "name") ?? "?").replacing("_", with: " ")
            return "  not         \(name): \(Report.text(other, "why_not") ?? "")"
        }
        return lines
    }

    private static func legs(_ strategy: JSONObject) -> [String] {
        var rows = [["", "", "", "strike", "expiry", "price"]]
        for element in (try? strategy.optional("legs")?.array()).map(Array.init) ?? [] {
            guard let leg = try? element.object() else { continue }
            rows.append([
                Report.text(leg, "action") ?? "", Figures.plain(number(leg, "quantity") ?? 0),
                Report.text(leg, "instrument") ?? "",
                number(leg, "strike").map(Figures.plain) ?? "",
                Report.text(leg, "expiry") ?? "", Figures.dollars(number(leg, "price") ?? 0),
            ])
        }
        return Table(rows, toTheRight: [1, 3, 5]).lines
    }

    private static func origin(_ payload: JSONObject) -> [String] {
        let model = try? payload.optional("model")?.object()
        let usage = try? payload.optional("usage")?.object()
        let timing = try? payload.optional("timing")?.object()
        let source = (Report.text(payload, "source") ?? "?").replacing("_", with: " ")
        let reason = Report.text(payload, "degraded").map { " (\($0))" } ?? ""
        let by = (model.flatMap { Report.text($0, "name") } ?? source) + reason
        let cost = usage.flatMap { number($0, "cost_usd") }.map { ", $\(Figures.exact($0))" } ?? ""
        let time =
            timing.flatMap { number($0, "total_ms") }
            .map { ", \(Figures.plain($0)) ms" } ?? ""
        return ["  written by  \(by)\(cost)\(time); the figures are computed from the legs"]
    }

    private static func bounded(_ object: JSONObject, _ key: StaticString) -> String {
        guard let value = object[key] else { return "not computed" }
        return (try? value.double()).map(Figures.dollars) ?? "unlimited"
    }

    private static func number(_ object: JSONObject, _ key: StaticString) -> Double? {
        try? object.optional(key)?.double()
    }
}
