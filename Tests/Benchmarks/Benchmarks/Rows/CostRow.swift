import Foundation

/// Rows A and E: what a job costs when there is always one more, beside the C program's.
///
/// In one run and alternating (A B, B A, …), so that what the machine does to one it does to both.
struct CostRow: Row {
    let isTLS: Bool
    let jobs: Int
    let rounds: Int

    private static let slots = 100
    /// Of issue 3: worker CPU per job ≤ 2× the C program's.
    private static let ratioMax = 2.0

    var name: String { isTLS ? "E" : "A" }
    var title: String {
        "full load, \(Self.slots) slots, a model without latency"
            + (isTLS ? ", over TLS and HTTP/2 by nginx" : "")
    }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: 0) { port in
            guard isTLS else {
                return try await measure(
                    on: stand,
                    .init(slots: Self.slots, baseURL: "http://127.0.0.1:\(port)/v1")
                )
            }
            return try await TLSFront.run(before: port, on: stand) { front in
                try await measure(
                    on: stand,
                    .init(slots: Self.slots, baseURL: front.baseURL, caFile: front.caFile)
                )
            }
        }
    }

    private func measure(
        on stand: Stand,
        _ settings: Contestant.Settings
    ) async throws -> RowReport {
        let programs = Contestant.Program.allCases
        return try await stand.withContestants(programs, settings) { contestants in
            try await stand.onOneCore { try await measure(contestants, on: stand) }
        }
    }

    private func measure(_ contestants: [Contestant], on stand: Stand) async throws -> RowReport {
        // Connections are opened and memory is warmed before anything counts.
        for contestant in contestants {
            _ = try await Round(of: max(jobs / 4, 500), by: contestant, on: stand)
        }
        var found = contestants.map { _ in [Round]() }
        for round in 0..<rounds {
            let order = Array(contestants.indices)
            for index in round.isMultiple(of: 2) ? order : order.reversed() {
                found[index].append(
                    try await Round(of: jobs, by: contestants[index], on: stand)
                )
            }
        }
        return report(contestants, found)
    }

    private func report(_ contestants: [Contestant], _ found: [[Round]]) -> RowReport {
        var report = RowReport(self)
        let cpu = found.map { Figure("CPU per job", "µs", $0.map(\.cpuPerJob)) }
        for (index, contestant) in contestants.enumerated() {
            report.figures.append(
                .init(
                    program: contestant.program.rawValue,
                    figures: [
                        cpu[index],
                        Figure("throughput", "jobs/s", found[index].map(\.jobsPerSecond)),
                    ]
                )
            )
        }
        // Round by round, since two neighbours share what the machine was doing.
        let ratio = Figure(
            "CPU per job",
            "×",
            zip(found[0], found[1]).map { $0.cpuPerJob / $1.cpuPerJob }
        )
        report.figures.append(.init(program: "worker ÷ C", figures: [ratio]))
        if isTLS {
            report.remarks.append("no bar for this row")
        } else {
            report.bars.append(
                Bar(
                    name: "worker's CPU per job ÷ the C program's, median of rounds",
                    measured: ratio.median,
                    limit: Self.ratioMax,
                    unit: "×"
                )
            )
        }
        report.remarks.append(
            "\(rounds) rounds of \(jobs) jobs each, alternating, everything on one core"
        )
        return report
    }
}
