import Contract
import Desk
import Gateways
import Telemetry

/// One look at the service, as lines.
struct TopPage {
    let lines: [String]

    var text: String { lines.joined(separator: "\n") }

    private enum Limits {
        /// Columns of a curve at the most: two minutes, at a look a second.
        static let curve = 120
        /// Where the width is not known.
        static let width = 100
    }

    init(_ reading: FleetReading, _ history: FleetHistory, size: (width: Int, height: Int)?) {
        let width = size?.width ?? Limits.width
        var lines = [Self.head(reading), ""]
        lines += Self.findings(reading.findings, width)
        lines += Self.figures(reading, history)
        lines.append("")
        lines += Self.curves(history, width)
        lines.append("")
        lines += Self.queues(reading)
        lines.append("")
        lines += Self.workers(reading)
        lines.append("")
        lines.append(Self.totals(reading))
        self.lines = lines
    }

    private static func head(_ reading: FleetReading) -> String {
        let leaders = Set(reading.partitions.compactMap(\.leader)).sorted()
        let led = leaders.isEmpty ? "led by nobody" : "led by \(leaders.joined(separator: ", "))"
        let count = Figures.count(reading.partitions.count, "partition", "partitions")
        return Ink.bold("strategy service") + "  \(Figures.time(reading.nowMs))  \(count), \(led)"
    }

    private static func findings(_ findings: [Finding], _ width: Int) -> [String] {
        guard !findings.isEmpty else { return [Ink.green("All is well."), ""] }
        return findings.flatMap { finding in
            let mark =
                switch finding.severity {
                case .bad: Ink.red("!!")
                case .warn: Ink.yellow("! ")
                case .info: "  "
                }
            let todo = wrapped(finding.todo, max(width - 4, 40)).map { "   \($0)" }
            return ["\(mark) \(Ink.bold(finding.what))"] + todo
        } + [""]
    }

    private static func figures(_ reading: FleetReading, _ history: FleetHistory) -> [String] {
        let figures = reading.figures
        let rates = history.samples.last?.rates
        let waiting = figures.waiting.values.reduce(0, +)
        let flight = figures.inFlight.values.reduce(0, +)
        let oldest = figures.oldestWaitingMs.values.max() ?? 0
        let errors = (rates?.errorsPerSecond ?? 0) / max(rates?.endedPerSecond ?? 0, 1e-9)
        let spent = reading.budget.settled + reading.budget.reserved
        let rows = [
            [
                "waiting", "\(waiting)", waiting > 0 ? "oldest \(Figures.span(oldest))" : "",
                "ended/s", number(rates?.endedPerSecond), "",
            ],
            [
                "in flight", "\(flight)",
                "of \(figures.slots) slots"
                    + (figures.parked > 0 ? ", \(figures.parked) parked" : ""),
                "errors",
                rates?.endedPerSecond ?? 0 > 0 ? Figures.percent(min(errors, 1)) : "-",
                "aim: under 5 %",
            ],
            [
                "p50", span(rates?.seconds50), "", "p95", span(rates?.seconds95),
                "aim: under 2 s",
            ],
            [
                "this hour", "$\(Figures.dollars(Double(spent.amount) / 1e9))",
                reading.budget.limit.map { "of $\(Figures.dollars(Double($0.amount) / 1e9))" }
                    ?? "no limit",
                "p99", span(rates?.seconds99), "",
            ],
        ]
        return Table(rows, toTheRight: [1, 4]).lines
    }

    private static func number(_ value: Double?) -> String {
        value.map { Figures.plain(($0 * 10).rounded() / 10) } ?? "-"
    }

    private static func span(_ seconds: Double?) -> String {
        seconds.map { Figures.span(Int64(($0 * 1_000).rounded())) } ?? "-"
    }

    private static func curves(_ history: FleetHistory, _ width: Int) -> [String] {
        let samples = history.samples.suffix(min(max(width - 24, 10), Limits.curve))
        func curve(
            _ name: String,
            _ of: (FleetHistory.Sample) -> Double?,
            _ unit: (Double) -> String
        )
            -> String
        {
            let values = samples.map { of($0) ?? 0 }
            let most = values.max() ?? 0
            let padded = name + String(repeating: " ", count: max(9 - name.count, 0))
            return "  \(padded) \(sparks(values, most))  \(most > 0 ? "max \(unit(most))" : "")"
        }
        return [
            curve("waiting", { Double($0.waiting) }, { Figures.plain($0) }),
            curve("ended/s", { $0.rates.endedPerSecond }, { number($0) }),
            curve("p95", { $0.rates.seconds95 }, { span($0) }),
        ]
    }

    /// One column a value, eight heights.
    static func sparks(_ values: [Double], _ most: Double) -> String {
        let heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        return values.map { value in
            guard most > 0, value > 0 else { return "▁" }
            return heights[min(Int(value / most * 7.999), 7)]
        }.joined()
    }

    private static func queues(_ reading: FleetReading) -> [String] {
        var rows = [["partition", "priority", "waiting", "in flight", "oldest", ""]]
        for partition in reading.partitions {
            for (index, queue) in Queue.allCases.enumerated() {
                guard let backlog = partition.backlog(queue) else { continue }
                rows.append([
                    index == 0 ? "\(partition.partition)" : "", queue.rawValue,
                    "\(backlog.waiting)", "\(backlog.inFlight)",
                    backlog.waiting > 0 ? Figures.span(backlog.oldestAgeMs) : "",
                    index == 0 && partition.pause != nil ? "paused" : "",
                ])
            }
        }
        return Table(rows, toTheRight: [2, 3, 4]).lines
    }

    private static func workers(_ reading: FleetReading) -> [String] {
        guard !reading.workers.isEmpty else { return ["  no worker"] }
        var rows = [["worker", "state", "holds", "slots", "lease", "release"]]
        for worker in reading.workers {
            rows.append([
                worker.name, worker.life == nil ? "no sign of life" : "alive", "\(worker.held)",
                worker.life.map { "\($0.slots)" } ?? "",
                worker.life.map { Figures.span(Int64($0.expiresInMs)) } ?? "over",
                worker.life?.release ?? "",
            ])
        }
        return Table(rows, toTheRight: [2, 3, 4]).lines
    }

    private static func totals(_ reading: FleetReading) -> String {
        let counts = reading.counts
        let sources = ResultPayload.Source.allCases
            .map { "\($0.rawValue) \(counts.results($0))" }.joined(separator: ", ")
        let cost = counts.cost(.user) + counts.cost(.house)
        return "  ended in all \(counts.ended): \(counts.ended("result")) results (\(sources)), "
            + "\(counts.ended(withAnyCode: "rejected")) rejected, "
            + "\(counts.ended(withAnyCode: "failed")) failed, "
            + "\(counts.ended("cancelled")) cancelled; \(cost) USD"
    }

    static func wrapped(_ text: String, _ width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
