// Benchmarks: what the worker costs beside a minimal C program, and how late and how large it gets.
// Belongs here: rows of the bench, the servers they need, how a figure is measured and judged.
// Does not: what is measured. Both programs run as processes of their own, as they are shipped.
//
// Read in this order:
//   Benchmarks.swift  arguments, the rows, what is printed and written
//   Rows/             one file a row, each with its bar
//   Stand.swift       the private servers, and the requests that are put in and taken out
//   Contestant.swift  one program under measure
//   RedisWork.swift   what Redis itself says of its work
//   Watchdog.swift    the supervisor beside a contestant
//   Probe.swift       CPU, memory and the machine's noise, by the kernel's own accounts
//   Figures.swift     medians, bars, and the report as a table and as JSON

import ArgumentParser
import EventLoop
import Foundation
import Glibc
import UnixSignals

@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strategy-bench",
        abstract: "Measures the worker beside a minimal C program, and judges it by its bars.",
        discussion: """
            Starts private servers on free ports and ends them. All processes share this machine's \
            cores: CPU per job is the figure; jobs per second tell of the machine as a whole.

            EXIT STATUS
              0  every bar is met, or --quick was given
              1  a bar is missed, or a row could not be measured
            """
    )

    @Flag(help: "A smoke run of less than a minute; its figures are too short to be judged.")
    var quick = false

    @Option(help: "Rows to run, as in A,C; all by default.")
    var rows = "A,B,C,D,E,F,G,H,I"

    @Option(help: "Seed of the arrivals and of the simulator.")
    var seed: UInt64 = 1

    @Option(help: "Folder of strategy-worker and openai-simulator; by default this program's own.")
    var programs: String?

    @Option(help: "Folder for the report as JSON.")
    var results = ".build/bench"

    @Option(help: "Priority of all processes of the run; below 0 as root only.")
    var nice = -10

    func run() async throws {
        try raiseDescriptorLimit()
        let names = Set(rows.uppercased().split(separator: ",").map(String.init))
        let chosen = Self.allRows(quick: quick, seed: seed).filter { names.contains($0.name) }
        guard !chosen.isEmpty else { throw ValidationError("no such row: \(rows)") }
        let folders = try Folders(programs: programs)
        let priority = Priority(nice: nice)
        defer { priority.restore() }
        let seed = seed
        var report = try await untilInterrupted {
            try await EventLoop.run(named: "bench") { loop in
                try await Self.measure(chosen, on: loop, folders, seed: seed)
            }
        }
        report.isQuick = quick
        print(report.table)
        print("\nJSON: \(try report.write(to: URL(filePath: results)))")
        if !quick, !report.isMet { throw ExitCode.failure }
    }

    private static func allRows(quick: Bool, seed: UInt64) -> [any Row] {
        [
            CostRow(isTLS: false, jobs: quick ? 1_000 : 4_000, rounds: quick ? 2 : 11),
            WaveRow(waves: quick ? 1 : 6),
            OpenLoopRow(seconds: quick ? 2 : 10, rounds: quick ? 1 : 3, seed: seed),
            CrowdRow(waves: quick ? 1 : 3, rounds: quick ? 1 : 2),
            CostRow(isTLS: true, jobs: quick ? 1_000 : 3_000, rounds: quick ? 1 : 5),
            RedisRow(
                jobs: quick ? 1_000 : 5_000,
                rounds: quick ? 1 : 5,
                many: quick ? 20_000 : 1_000_000
            ),
            ScriptRow(waves: quick ? 1 : 3),
            MenuCostRow(requests: quick ? 2 : 10),
            DeadlineRow(seconds: quick ? 4 : 60, seed: seed),
        ]
    }

    private static func measure(
        _ rows: [any Row],
        on loop: EventLoop,
        _ folders: Folders,
        seed: UInt64
    ) async throws -> Report {
        try await Stand.run(on: loop, folders, seed: seed) { stand in
            var report = try await Report(about: stand)
            for row in rows {
                say("\(row.name)  \(row.title)")
                let load = LoadAverage.now
                let noise = Noise(ours: stand.cpuOfAll())
                var part = try await row.run(on: stand)
                part.noise = noise.end(ours: stand.cpuOfAll())
                part.loadAverage = [load, LoadAverage.now]
                report.rows.append(part)
            }
            return report
        }
    }

    /// 5,000 requests in flight are as many descriptors, here and in every process started here.
    private func raiseDescriptorLimit() throws {
        var limit = rlimit()
        let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(which, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(which, &limit)
        guard limit.rlim_max >= 6_000 else {
            throw ValidationError("the limit of open files is \(limit.rlim_max); 6000 are needed")
        }
    }
}

/// Runs `body`; SIGINT and SIGTERM cancel it, so that every server is ended on the way out.
private func untilInterrupted<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { break }
            try Task.checkCancellation()
            throw ExitCode(130)
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}

/// One line of progress, on standard error: the table alone goes to standard output.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = unsafe write(STDERR_FILENO, line, line.count)
}
