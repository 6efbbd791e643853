import ArgumentParser
import Contract
import Desk
import Gateways
import Glibc
import JSON
import Redis

/// What waits and what runs, in every partition and priority.
struct Lag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what waits, what runs, and how old the oldest is.",
        discussion: """
            Waiting is exact: entries in the stream less those that a worker has. Redis'
            own lag is shown beside it. Where an unread entry was deleted, or the group
            was made in the middle of its stream, Redis does not know it ("unknown") until
            all is read; that is no loss.

              strategyctl lag
              strategyctl lag --json | jq .waiting
              strategyctl lag --watch --interval 5

            Below stands what is wrong, if something is, and what mends it.

            EXIT STATUS
              0   shown    64  wrong use    69  Redis cannot be reached
            """
    )

    @Flag(help: "Print it again and again, until interrupted.")
    var watch = false

    @Option(help: "Seconds between two, with --watch.")
    var interval = 1.0

    @Flag(help: "Print JSON, and nothing else; with --watch a line each.")
    var json = false

    func validate() throws {
        guard (0.1...3_600).contains(interval) else {
            throw ValidationError("--interval takes seconds from 0.1 to 3600")
        }
    }

    func run() async throws {
        let (json, watch, interval) = (json, watch, interval)
        try await withService { service in
            repeat {
                var rows: [PartitionLag] = []
                for partition in 0..<service.surroundings.partitions {
                    rows.append(try await PartitionLag.read(partition, in: service))
                }
                let page = LagPage(rows)
                if json {
                    printJSON(page.write)
                } else {
                    let findings = try await FleetReading.read(service.streams).findings
                    // On a terminal each takes the last one's place.
                    if watch, Ink.isTerminal { print("\u{1B}[H\u{1B}[2J", terminator: "") }
                    print(page.text)
                    for finding in findings { print(Self.line(finding)) }
                    if watch, !Ink.isTerminal { print("") }
                }
                fflush(nil)
                if watch { try await Task.sleep(for: .seconds(interval)) }
            } while watch
        }
    }

    private static func line(_ finding: Finding) -> String {
        let mark =
            switch finding.severity {
            case .bad: Ink.red("!!")
            case .warn: Ink.yellow("! ")
            case .info: "  "
            }
        return "\n\(mark) \(Ink.bold(finding.what))\n   \(finding.todo)"
    }
}

/// One partition's queues, of one moment, and what its supervisor estimates.
struct PartitionLag: Sendable {
    let partition: Int
    let books: Measurement
    /// Absent while no supervisor says so.
    let load: Fields

    static func read(_ partition: Int, in service: ServiceView) async throws -> PartitionLag {
        let keys = service.keys(in: partition)
        guard let books = try await Measurement.read(keys, by: service.redis) else {
            complain(
                "the books of partition \(partition) cannot be read: is this the service's Redis?"
            )
            throw ExitCode.unavailable
        }
        return PartitionLag(
            partition: partition,
            books: books,
            load: try await service.hash(keys.load)
        )
    }

    var backlogs: [Backlog] { Queue.allCases.compactMap(backlog) }

    func backlog(_ queue: Queue) -> Backlog? {
        books.streams[queue].map { Backlog($0, nowMs: books.nowMs) }
    }
}

/// The lag of all partitions, as a page or as JSON.
private struct LagPage {
    private let rows: [PartitionLag]
    private let waiting: Int
    private let inFlight: Int

    init(_ rows: [PartitionLag]) {
        self.rows = rows
        let backlogs = rows.flatMap(\.backlogs)
        waiting = backlogs.reduce(0) { $0 + $1.waiting }
        inFlight = backlogs.reduce(0) { $0 + $1.inFlight }
    }

    var text: String {
        var table = [["partition", "priority", "waiting", "in flight", "oldest", "Redis' lag"]]
        for row in rows {
            for queue in Queue.allCases {
                guard let backlog = row.backlog(queue) else { continue }
                table.append([
                    "\(row.partition)", queue.rawValue, "\(backlog.waiting)",
                    "\(backlog.inFlight)",
                    backlog.waiting > 0 ? Figures.span(backlog.oldestAgeMs) : "",
                    Self.lag(row.books.streams[queue], backlog),
                ])
            }
        }
        table.append(["all", "", "\(waiting)", "\(inFlight)", "", ""])
        var lines = Table(table, toTheRight: [2, 3, 4]).lines
        lines.append("")
        lines += rows.map(Self.estimate)
        if waiting == 0, inFlight == 0 {
            lines.append("  Nothing waits and nothing runs: all that was asked has been answered.")
        }
        return lines.joined(separator: "\n")
    }

    private static func lag(_ stream: Measurement.Stream?, _ backlog: Backlog) -> String {
        guard let stream, stream.hasGroup else { return "no group: nobody has read here yet" }
        guard let lag = stream.lag else { return "unknown" }
        return backlog.isLagKnown ? "the same" : "\(lag), and wrong"
    }

    private static func estimate(_ row: PartitionLag) -> String {
        guard let wait = row.load.int("estimated_wait_ms") else {
            return
                "  partition \(row.partition): no estimate of the wait, as no supervisor gives one"
        }
        let accepting = row.load["accepting"] == "0" ? "; hold back: accepting is 0" : ""
        return "  partition \(row.partition): added to low now, an entry would wait "
            + "\(Figures.span(wait))\(accepting)"
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("waiting", waiting)
            writer.field("in_flight", inFlight)
            writer.array("partitions", rows) { writer, row in Self.write(row, to: &writer) }
        }
    }

    private static func write(_ row: PartitionLag, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("partition", row.partition)
            writer.array("queues", Queue.allCases) { writer, queue in
                guard let stream = row.books.streams[queue], let backlog = row.backlog(queue) else {
                    return writer.null()
                }
                writer.object { writer in
                    writer.field("priority", queue.rawValue)
                    writer.field("waiting", backlog.waiting)
                    writer.field("in_flight", backlog.inFlight)
                    writer.field("oldest_ms", backlog.oldestAgeMs)
                    writer.field("redis_lag", orNull: stream.lag.map(Int64.init))
                    writer.field("lag_known", backlog.isLagKnown)
                    writer.field("has_group", stream.hasGroup)
                }
            }
            writer.field("estimated_wait_ms", orNull: row.load.int("estimated_wait_ms"))
            writer.field("accepting", orNull: row.load.int("accepting"))
        }
    }
}
