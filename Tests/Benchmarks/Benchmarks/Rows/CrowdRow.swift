/// Row D: many requests in flight: what they hold, and whether a job costs more among many.
///
/// 100 in flight against 60 ms and 5,000 against 3 s: the same jobs a second, as far as the machine
/// gives them.
struct CrowdRow: Row {
    let waves: Int
    let rounds: Int

    private static let few = (inFlight: 100, latencyMs: 60)
    private static let many = (inFlight: 5_000, latencyMs: 3_000)
    /// Of issue 3: 5,000 in flight within 250 MiB, CPU per job there ≤ 1.5× that at 100.
    private static let residentMaxMiB = 250.0
    private static let ratioMax = 1.5

    let name = "D"
    var title: String {
        "\(Self.many.inFlight) in flight, a model of \(Self.many.latencyMs) ms, beside "
            + "\(Self.few.inFlight) and \(Self.few.latencyMs) ms"
    }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: Self.few.latencyMs) { few in
            try await stand.withSimulator(latencyMs: Self.many.latencyMs) { many in
                try await stand.withContestants(
                    [.worker],
                    .init(slots: Self.few.inFlight, baseURL: "http://127.0.0.1:\(few)/v1")
                ) { atFew in
                    let settings = Contestant.Settings(
                        slots: Self.many.inFlight,
                        baseURL: "http://127.0.0.1:\(many)/v1"
                    )
                    var report = try await stand.withContestants([.worker], settings) { atMany in
                        try await measure(atFew[0], atMany[0], on: stand)
                    }
                    report.figures += try await stand.withContestants([.yardstick], settings) {
                        [try await yardstick($0[0], on: stand)]
                    }
                    return report
                }
            }
        }
    }

    private func measure(
        _ few: Contestant,
        _ many: Contestant,
        on stand: Stand
    ) async throws -> RowReport {
        let jobs = waves * Self.many.inFlight
        var found: (few: [Round], many: [Round]) = ([], [])
        _ = try await Round(of: Self.few.inFlight * 5, by: few, on: stand)
        _ = try await Round(of: Self.many.inFlight, by: many, on: stand)
        for _ in 0..<rounds {
            found.few.append(try await Round(of: jobs, by: few, on: stand))
            found.many.append(try await Round(of: jobs, by: many, on: stand))
        }
        var report = RowReport(self)
        for (inFlight, rounds, contestant) in [
            (Self.few.inFlight, found.few, few), (Self.many.inFlight, found.many, many),
        ] {
            report.figures.append(
                .init(
                    program: "worker at \(inFlight)",
                    figures: try figures(rounds, of: contestant)
                )
            )
        }
        report.bars = [
            Bar(
                name: "peak RSS at \(Self.many.inFlight)",
                measured: try many.residentPeakMiB(),
                limit: Self.residentMaxMiB,
                unit: "MiB"
            ),
            Bar(
                name: "CPU per job at \(Self.many.inFlight) ÷ at \(Self.few.inFlight)",
                measured: found.many.map(\.cpuPerJob).median / found.few.map(\.cpuPerJob).median,
                limit: Self.ratioMax,
                unit: "×"
            ),
        ]
        report.remarks.append("\(rounds) rounds of \(jobs) jobs each, alternating")
        return report
    }

    /// What the libraries alone need among so many; for comparison, without a bar.
    private func yardstick(
        _ contestant: Contestant,
        on stand: Stand
    ) async throws -> RowReport.Group {
        _ = try await Round(of: Self.many.inFlight, by: contestant, on: stand)
        let round = try await Round(of: Self.many.inFlight, by: contestant, on: stand)
        return .init(
            program: "C program at \(Self.many.inFlight)",
            figures: try figures([round], of: contestant)
        )
    }

    private func figures(_ rounds: [Round], of contestant: Contestant) throws -> [Figure] {
        [
            Figure("CPU per job", "µs", rounds.map(\.cpuPerJob)),
            Figure("throughput", "jobs/s", rounds.map(\.jobsPerSecond)),
            Figure("in flight, seen", "requests", rounds.map { Double($0.inFlightMax) }),
            Figure("peak RSS", "MiB", [try contestant.residentPeakMiB()]),
        ]
    }
}
