import ArgumentParser
import Contract
import Desk
import Gateways
import Glibc
import Policy
import Postgres
import Redis

/// What a user asked for, and what it cost.
struct Usage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a user asked for and what it cost.",
        discussion: """
            By default of the last 24 hours. `requests` counts those that were admitted;
            what was turned away stands under rejections. What ended some seconds ago
            may not be in it yet.

              strategyctl usage alice
              strategyctl usage alice --from 2026-11-01 --to 2026-12-01 --by day
              strategyctl usage alice --by model --csv

            EXIT STATUS
              0   shown, also when there is nothing    64  wrong use
              69  PostgreSQL cannot be reached
            """
    )

    enum Span: String, CaseIterable, ExpressibleByArgument { case hour, day, model }

    @Argument(help: "The user's id.")
    var id: String

    @Option(help: "From this day or moment (UTC): 2026-11-27, 2026-11-27T14:00:00Z or Unix ms.")
    var from: String?

    @Option(help: "Up to, without, this day or moment; by default now.")
    var to: String?

    @Option(help: "hour, day or model.")
    var by: Span = .hour

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    @Flag(help: "Print CSV, and nothing else: the rows of --by.")
    var csv = false

    private static let dayMs: Int64 = 86_400_000

    func validate() throws {
        if json, csv { throw ValidationError("--json and --csv cannot be had at once") }
    }

    func run() async throws {
        let (id, json, csv, by) = (try User.checked(id), json, csv, by)
        var clock = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &clock)
        let now = Int64(clock.tv_sec) * 1_000 + Int64(clock.tv_nsec) / 1_000_000
        // What ends in this very millisecond is in it.
        let end = try to.map(Self.moment) ?? now + 1
        let start = try from.map(Self.moment) ?? end - Self.dayMs
        guard start < end else {
            complain("--from is not before --to")
            throw ExitCode.usage
        }
        let report = try await withDatabase(as: .reader) { pool in
            try await UsageReport.read(
                of: id,
                from: start,
                to: end,
                by: by == .day ? .day : .hour,
                in: pool
            )
        }
        if csv { return print(report.csv(by), terminator: "") }
        let left = await Self.left(of: id)
        if json { return print(String(decoding: report.json(limits: left), as: UTF8.self)) }
        print(report.page(by, left))
    }

    /// A day, a moment, or Unix milliseconds.
    private static func moment(_ text: String) throws(ExitCode) -> Int64 {
        if let ms = Int64(text), ms >= 0 { return ms }
        let full = text.count == 10 ? text + "T00:00:00Z" : text
        guard let ms = Figures.milliseconds(of: full) else {
            complain("'\(text)' is no day or moment: 2026-11-27, 2026-11-27T14:00:00Z or Unix ms")
            throw .usage
        }
        return ms
    }

    /// What Redis says of the hour; nil when it cannot be asked.
    private static func left(of id: String) async -> LimitsPayload? {
        guard let surroundings = try? Surroundings() else { return nil }
        let hour = try? await withRedis(surroundings, isQuiet: true) { redis, _ in
            try await UserHour.read(
                id,
                in: ServiceView(redis, surroundings)
            )
        }
        return hour?.left
    }
}

// MARK: - As people and spreadsheets read it

extension UsageReport {
    func page(_ span: Usage.Span, _ left: LimitsPayload?) -> String {
        var lines = [
            Ink.bold(user) + ", \(Figures.time(fromMs)) to \(Figures.time(toMs))",
            "  requests  \(totals.requests)    results \(totals.results), "
                + "rejected \(totals.rejected), failed \(totals.failed)",
            "  cost      \(totals.cost) USD",
        ]
        if let left {
            lines.append(
                "  left      tier \(left.tier): \(left.requestsLeft.map(String.init) ?? "any number of") "
                    + "requests, \(left.costLeft.map { "\($0)" } ?? "unlimited") USD"
            )
        }
        for (code, count) in rejections { lines.append("  rejected  \(code): \(count)") }
        lines.append("")
        lines += Table(rows(span), toTheRight: Set(1...6)).lines
        return lines.joined(separator: "\n")
    }

    func csv(_ span: Usage.Span) -> String {
        rows(span).map { row in row.map(Self.cell).joined(separator: ",") + "\r\n" }.joined()
    }

    /// As RFC 4180 has it. What a spreadsheet would take for a formula is made text.
    private static func cell(_ text: String) -> String {
        let guarded = text.first.map { "=+-@".contains($0) } == true ? "'" + text : text
        guard guarded.contains(where: { ",\"\r\n".contains($0) }) else { return guarded }
        return "\"" + guarded.replacing("\"", with: "\"\"") + "\""
    }

    private func rows(_ span: Usage.Span) -> [[String]] {
        switch span {
        case .model:
            [["model", "calls", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd"]]
                + models.map {
                    [
                        $0.name, "\($0.calls)", "\($0.promptTokens)", "\($0.cachedTokens)",
                        "\($0.completionTokens)", "\($0.cost)",
                    ]
                }
        case .hour, .day:
            [[span.rawValue, "requests", "results", "rejected", "failed", "cost_usd"]]
                + spans.map {
                    [
                        Figures.time($0.fromMs), "\($0.counts.requests)", "\($0.counts.results)",
                        "\($0.counts.rejected)", "\($0.counts.failed)", "\($0.counts.cost)",
                    ]
                }
        }
    }
}
