import Contract
import Desk
import JSON

/// What became of a batch: by outcome and source, what it cost, how long answers took.
struct BatchTally: Sendable {
    let requests: Int
    let wrongLines: Int
    /// By `result`, or how it ended otherwise, with its code.
    private(set) var outcomes: [String: Int] = [:]
    private var sources: [String: Int] = [:]
    private var degraded: [String: Int] = [:]
    private var cost = NanoUSD.zero
    private var latenciesMs: [Int64] = []
    private(set) var answered = 0
    /// Answered before this run asked.
    private(set) var answeredBefore = 0
    var pushed = 0
    var seconds = 0.0
    var batches: [String] = []

    init(requests: Int, wrongLines: Int) {
        self.requests = requests
        self.wrongLines = wrongLines
    }

    var unanswered: Int { requests - answered }
    /// Whether anything is there that is no result.
    var isMixed: Bool { wrongLines > 0 || outcomes["result", default: 0] < requests }

    mutating func count(_ answer: BatchAnswer, before: Bool) {
        answered += 1
        if before { answeredBefore += 1 }
        var outcome = answer.event
        _ = Inside.read(answer.payload) { payload -> Bool? in
            if let code = Report.text(payload, "code") { outcome += ", \(code)" }
            let usage = try? payload.optional("usage")?.object()
            if let dollars = try? (usage ?? payload).optional("cost_usd")?.double() {
                cost = cost + NanoUSD(Int64((dollars * 1e9).rounded()))
            }
            guard answer.event == "result" else { return nil }
            sources[Report.text(payload, "source") ?? "?", default: 0] += 1
            if let reason = Report.text(payload, "degraded") { degraded[reason, default: 0] += 1 }
            let timing = try? payload.optional("timing")?.object()
            if let total = try? timing?.optional("total_ms")?.int64() { latenciesMs.append(total) }
            return nil
        }
        outcomes[outcome, default: 0] += 1
    }

    /// One that ended, and whose answer is gone.
    mutating func countGone(code: String, cost: NanoUSD) {
        answered += 1
        answeredBefore += 1
        outcomes[code == "result" ? code : "ended, \(code)", default: 0] += 1
        self.cost = self.cost + cost
    }

    // MARK: - As a page and as JSON

    private static func sorted(_ counts: [String: Int]) -> [(String, Int)] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    private var quantiles: [(String, Int64)] {
        let values = latenciesMs.sorted()
        guard let longest = values.last else { return [] }
        func at(_ share: Double) -> Int64 {
            values[min(Int(share * Double(values.count)), values.count - 1)]
        }
        return [("p50", at(0.5)), ("p90", at(0.9)), ("p99", at(0.99)), ("longest", longest)]
    }

    var lines: [String] {
        var head = Figures.count(requests, "request", "requests")
        if wrongLines > 0 { head += ", \(Figures.count(wrongLines, "wrong line", "wrong lines"))" }
        if answeredBefore > 0 { head += "; \(answeredBefore) had been answered before" }
        var rows = Self.sorted(outcomes).map { [$0.0, "\($0.1)"] }
        if unanswered > 0 { rows.append(["no answer", "\(unanswered)"]) }
        var lines = [head] + Table(rows, toTheRight: [1]).lines
        var facts: [(String, String)] = []
        let because = Self.sorted(degraded).map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        let by = Self.sorted(sources).map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        if !by.isEmpty {
            facts.append(("written by", by + (because.isEmpty ? "" : " (\(because))")))
        }
        facts.append(("cost", "\(cost) USD"))
        if !quantiles.isEmpty {
            let told = quantiles.map { "\($0.0) \(Figures.span($0.1))" }
            facts.append(("from adding", told.joined(separator: ", ")))
        }
        facts.append(("took", Figures.span(Int64(seconds * 1_000)) + rate))
        if !batches.isEmpty { facts.append(("batch", batches.joined(separator: ", "))) }
        let width = facts.map(\.0.count).max() ?? 0
        lines += facts.map { name, value in
            "  " + name + String(repeating: " ", count: width - name.count) + "  " + value
        }
        if unanswered > 0 { lines.append("Run it again: what has no answer is pushed again.") }
        return lines
    }

    private var rate: String {
        let fresh = answered - answeredBefore
        guard fresh > 0, seconds > 0 else { return "" }
        return ", \(Figures.plain((Double(fresh) / seconds * 10).rounded() / 10)) a second"
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("requests", requests)
            writer.field("wrong_lines", wrongLines)
            writer.field("answered", answered)
            writer.field("answered_before", answeredBefore)
            writer.field("unanswered", unanswered)
            writer.field("pushed", pushed)
            for (name, counts) in [
                ("outcomes", outcomes), ("sources", sources), ("degraded", degraded),
            ] {
                writer.key(escaping: name)
                writer.object { writer in
                    for (key, count) in Self.sorted(counts) {
                        writer.key(escaping: key)
                        writer.value(count)
                    }
                }
            }
            writer.field("cost_usd", usd: cost)
            writer.key("total_ms")
            writer.object { writer in
                for (name, value) in quantiles {
                    writer.key(escaping: name)
                    writer.value(value)
                }
            }
            writer.field("seconds", seconds)
            writer.array("batches", batches) { writer, batch in writer.value(batch) }
        }
    }
}
