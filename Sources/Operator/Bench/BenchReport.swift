import Contract
import Desk
import Histogram
import JSON

/// What came of a bench.
struct BenchReport: Sendable {
    private let plan: BenchPlan
    var took = Duration.zero
    var unanswered = 0
    /// What Redis itself did not take.
    var refusedByRedis = 0
    private var asked = 0
    private(set) var answered = 0
    private var events: [String: Int] = [:]
    private var codes: [String: Int] = [:]
    private var sources: [String: Int] = [:]
    private var cost = 0.0
    private var lateMost = Duration.zero
    private var all = BenchReport.histogram()
    private var byQueue: [Queue: Histogram<UInt64>] = [:]

    /// The service's aims.
    private enum Aims {
        static let seconds95 = 2.0
        static let errors = 0.05
        static let dollars = 0.5
    }

    private static let errorCodes = [
        RejectionCode.deadlinePassed.rawValue, RejectionCode.overloaded.rawValue,
    ]

    init(_ plan: BenchPlan) { self.plan = plan }

    /// Microseconds up to two hours, three digits.
    private static func histogram() -> Histogram<UInt64> {
        Histogram(
            highestTrackableValue: 7_200_000_000,
            numberOfSignificantValueDigits: .three
        )
    }

    mutating func asked(_ count: Int, late: Duration) {
        asked += count
        lateMost = max(lateMost, late)
    }

    mutating func ended(_ end: ReplyEvent, _ queue: Queue, _ time: Duration) {
        answered += plan.batch ?? 1
        let micros = UInt64(max(time / .microseconds(1), 1))
        if end.name == "result" || end.name == "batch_complete" {
            _ = all.record(micros)
            _ = byQueue[queue, default: Self.histogram()].record(micros)
        }
        _ = Inside.read(end.payload) { payload -> Bool? in
            func count(_ key: StaticString) -> Int {
                (try? payload.optional(key)?.int64()).map { Int($0) } ?? 0
            }
            if end.name == "batch_complete" {
                events["result", default: 0] += count("done")
                events["rejected", default: 0] += count("rejected")
                events["failed", default: 0] += count("failed")
                events["cancelled", default: 0] += count("cancelled") + count("missing")
                cost += (try? payload.optional("cost_usd")?.double()) ?? 0
                return true
            }
            events[end.name, default: 0] += plan.batch ?? 1
            if let code = Inside.text(payload, "code") { codes[code, default: 0] += 1 }
            if let source = Inside.text(payload, "source") { sources[source, default: 0] += 1 }
            let usage = try? payload.optional("usage")?.object()
            cost += (try? usage?.optional("cost_usd")?.double()) ?? 0
            return true
        }
    }

    /// Milliseconds; 0 where nothing was answered.
    func percentile(_ percentile: Double) -> Int64 {
        all.totalCount == 0 ? 0 : Int64(all.valueAtPercentile(percentile) / 1_000)
    }

    var results: Int { events["result", default: 0] }

    private var errors: Int {
        events["failed", default: 0] + unanswered
            + Self.errorCodes.reduce(0) { $0 + codes[$1, default: 0] }
    }

    /// Latency by percentile, as a curve: how many nines, and milliseconds.
    var curve: [(percentile: Double, milliseconds: Double)] {
        guard all.totalCount > 0 else { return [] }
        var points: [(Double, Double)] = []
        var left = 100.0
        while 100 - left < 100 - 100 / Double(all.totalCount), left > 0.0001 {
            points.append((100 - left, Double(all.valueAtPercentile(100 - left)) / 1_000))
            left *= 0.93
        }
        points.append((100 - left, Double(all.max) / 1_000))
        return points
    }

    var title: String {
        let load =
            plan.rate.map { "\(Figures.plain($0)) a second, open loop" }
            ?? "\(plan.concurrency ?? 0) at once"
        let batch = plan.batch.map { ", batches of \($0)" } ?? ""
        return "\(load)\(batch), for \(Figures.plain(plan.time / .seconds(1))) s"
    }
}

// MARK: - For people

extension BenchReport {
    var page: String {
        let seconds = took / .seconds(1)
        var lines = [Ink.bold("bench") + "  \(title), \(plan.mix.users) users", ""]
        lines +=
            Table(
                [
                    [
                        "asked", "answered", "results", "rejected", "failed", "no answer",
                        "a second",
                    ],
                    [
                        "\(asked)", "\(answered)", "\(results)",
                        "\(events["rejected", default: 0])",
                        "\(events["failed", default: 0])", "\(unanswered)",
                        Figures.plain((Double(answered) / max(seconds, 0.001) * 10).rounded() / 10),
                    ],
                ],
                toTheRight: [0, 1, 2, 3, 4, 5, 6]
            ).lines
        lines.append("")
        lines += latencies
        lines.append("")
        lines += facts.map { "  \($0)" }
        lines.append("")
        lines += aims
        return lines.joined(separator: "\n")
    }

    private var latencies: [String] {
        guard all.totalCount > 0 else { return ["  no result, so no latency"] }
        var rows = [["latency", "p50", "p90", "p95", "p99", "p99.9", "max"]]
        rows.append(Self.row("all", all))
        if byQueue.count > 1 {
            for queue in Queue.ofOrchestrators {
                if let own = byQueue[queue] { rows.append(Self.row(queue.rawValue, own)) }
            }
        }
        return Table(rows, toTheRight: [1, 2, 3, 4, 5, 6]).lines
    }

    private static func row(_ name: String, _ histogram: Histogram<UInt64>) -> [String] {
        [name]
            + [50, 90, 95, 99, 99.9].map {
                Figures.span(Int64(histogram.valueAtPercentile($0) / 1_000))
            } + [Figures.span(Int64(histogram.max / 1_000))]
    }

    private var facts: [String] {
        var facts: [String] = []
        func listed(_ name: String, _ numbers: [String: Int]) {
            guard !numbers.isEmpty else { return }
            let text = numbers.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
                .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            facts.append("\(name)  \(text)")
        }
        listed("by        ", sources)
        listed("codes     ", codes)
        let each = results > 0 ? ", $\(Figures.exact(cost / Double(results))) a result" : ""
        facts.append("cost        $\(Figures.exact(cost))\(each)")
        let late = Int64(lateMost / .milliseconds(1))
        if late > 50 {
            facts.append(
                "late        this machine asked up to \(Figures.span(late)) after the time: counted in"
            )
        }
        if refusedByRedis > 0 { facts.append("not taken   \(refusedByRedis), by Redis itself") }
        return facts
    }

    private var aims: [String] {
        func line(_ name: String, _ isMet: Bool, _ value: String) -> String {
            "  \(isMet ? Ink.green("met   ") : Ink.red("missed"))  \(name): \(value)"
        }
        let seconds = Double(percentile(95)) / 1_000
        let share = Double(errors) / Double(max(asked, 1))
        let each = cost / Double(max(results, 1))
        return [
            line("p95 under 2 s", seconds < Aims.seconds95, Figures.span(percentile(95))),
            line("errors under 5 %", share < Aims.errors, Figures.percent(share)),
            line("a result under $0.50", each < Aims.dollars, "$\(Figures.exact(each))"),
        ]
    }
}

// MARK: - For programs

extension BenchReport {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("load", title)
            writer.field("seconds", took / .seconds(1))
            writer.field("asked", asked)
            writer.field("answered", answered)
            writer.field("unanswered", unanswered)
            Self.write("events", events, to: &writer)
            Self.write("codes", codes, to: &writer)
            Self.write("sources", sources, to: &writer)
            writer.field("cost_usd", cost)
            writer.field("errors", errors)
            writer.field("late_ms", Int64(lateMost / .milliseconds(1)))
            writer.key("latency_ms")
            Self.write(all, to: &writer)
            writer.key("latency_ms_by_priority")
            writer.object { writer in
                for queue in Queue.ofOrchestrators {
                    guard let own = byQueue[queue] else { continue }
                    writer.key(escaping: queue.rawValue)
                    Self.write(own, to: &writer)
                }
            }
            writer.array("curve", curve) { writer, point in
                writer.beginArray()
                writer.value(point.percentile)
                writer.value(point.milliseconds)
                writer.endArray()
            }
        }
    }

    private static func write(
        _ key: StaticString,
        _ numbers: [String: Int],
        to writer: inout JSONWriter
    ) {
        writer.key(key)
        writer.object { writer in
            for (name, number) in numbers.sorted(by: { $0.key < $1.key }) {
                writer.key(escaping: name)
                writer.value(number)
            }
        }
    }

    private static func write(_ histogram: Histogram<UInt64>, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("count", Int64(histogram.totalCount))
            guard histogram.totalCount > 0 else { return }
            for percentile in [50, 90, 95, 99, 99.9] {
                writer.key(escaping: "p\(Figures.plain(percentile))")
                writer.value(Double(histogram.valueAtPercentile(percentile)) / 1_000)
            }
            writer.field("max", Double(histogram.max) / 1_000)
        }
    }
}
