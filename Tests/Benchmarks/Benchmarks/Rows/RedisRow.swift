import Foundation
import Glibc
import Redis
import TestSupport

/// Row F: what a request costs Redis, with few waiting and with very many.
struct RedisRow: Row {
    let jobs: Int
    let rounds: Int
    let many: Int

    private static let few = 1_000
    private static let slots = 100
    private static let latencyMs = 20
    /// Requests under the monitor.
    private static let monitored = 500
    /// Of issue 4: round trips and Redis' own time a request; the same, within 5 %, however many wait.
    private static let commandsMax = 6.0
    private static let microsecondsMax = 300.0
    private static let ratioMax = 1.05

    let name = "F"
    var title: String { "Redis' share of a request, \(Self.few) and \(many) waiting" }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: Self.latencyMs) { port in
            let settings = Contestant.Settings(
                slots: Self.slots,
                baseURL: "http://127.0.0.1:\(port)/v1"
            )
            return try await stand.withContestants([.worker], settings) { atFew in
                try await stand.withContestants([.worker], settings) { atMany in
                    try await measure(atFew[0], atMany[0], on: stand)
                }
            }
        }
    }

    private func measure(
        _ few: Contestant,
        _ many: Contestant,
        on stand: Stand
    ) async throws -> RowReport {
        // Both streams stand in one Redis: what size alone does to it, it does to both.
        _ = try await Requests(to: many, on: stand).add(self.many)
        many.process.signal(SIGSTOP)
        _ = try await stand.work(jobs / 4, of: few, waiting: Self.few)
        let commands = try await stand.commandsPerJob(Self.monitored, of: few)
        var found: (few: [RedisWork], many: [RedisWork]) = ([], [])
        for round in 0..<rounds {
            let (atFew, atMany) = try await pair(few, many, on: stand)
            found.few.append(atFew)
            found.many.append(atMany)
            say(
                String(
                    format: "   round %d: %.0f µs and %.0f µs of Redis a request",
                    round + 1,
                    atFew.microsecondsPerJob,
                    atMany.microsecondsPerJob
                )
            )
        }
        many.process.signal(SIGCONT)
        let left = try await stand.connection.send(
            RedisCommand("XLEN", .text("\(many.prefix):{0}:requests:normal"))
        )
        try await stand.connection.send(
            RedisCommand("UNLINK", .text("\(many.prefix):{0}:requests:normal"))
        )
        return report(commands, found, left: left.int ?? 0)
    }

    /// One after the other, the other standing still.
    private func pair(
        _ few: Contestant,
        _ many: Contestant,
        on stand: Stand
    ) async throws -> (few: RedisWork, many: RedisWork) {
        let atFew = try await stand.work(jobs, of: few, waiting: Self.few)
        few.process.signal(SIGSTOP)
        many.process.signal(SIGCONT)
        let atMany = try await stand.work(jobs, of: many, waiting: 0)
        many.process.signal(SIGSTOP)
        few.process.signal(SIGCONT)
        return (atFew, atMany)
    }

    private func report(
        _ commands: Double,
        _ found: (few: [RedisWork], many: [RedisWork]),
        left: Int
    ) -> RowReport {
        var report = RowReport(self)
        let few = Figure("Redis' time a request", "µs", found.few.map(\.microsecondsPerJob))
        let many = Figure("Redis' time a request", "µs", found.many.map(\.microsecondsPerJob))
        let ratio = Figure(
            "Redis' time a request",
            "×",
            zip(found.many, found.few).map { $0.microsecondsPerJob / $1.microsecondsPerJob }
        )
        report.figures = [
            .init(
                program: "\(Self.few) waiting",
                figures: [
                    few, Figure("Redis' CPU a request", "µs", found.few.map(\.cpuPerJob)),
                    Figure("commands a request", "", [commands]),
                ]
            ),
            .init(
                program: "\(self.many) waiting",
                figures: [many, Figure("Redis' CPU a request", "µs", found.many.map(\.cpuPerJob))]
            ),
            .init(program: "many ÷ few", figures: [ratio]),
        ]
        report.bars = [
            Bar(
                name: "round trips a request",
                measured: commands,
                limit: Self.commandsMax,
                unit: ""
            ),
            Bar(
                name: "Redis' time a request (median of rounds)",
                measured: max(few.median, many.median),
                limit: Self.microsecondsMax,
                unit: "µs"
            ),
            Bar(
                name: "Redis' time a request, many waiting ÷ few (median of rounds)",
                measured: ratio.median,
                limit: Self.ratioMax,
                unit: "×"
            ),
        ]
        report.remarks = [
            "\(rounds) rounds of \(jobs) requests each, in turn; \(left) were left of the many",
            "time by INFO commandstats, of EVALSHA and XREADGROUP; commands by MONITOR, the reads, "
                + "signs of life and the clock among them",
        ]
        return report
    }
}
