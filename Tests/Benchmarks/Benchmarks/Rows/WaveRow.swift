/// Row B: a thousand at once against a model that takes 200 ms: memory, and how late the answers.
struct WaveRow: Row {
    let waves: Int

    private static let inFlight = 1_000
    private static let latencyMs = 200

    let name = "B"
    var title: String { "\(Self.inFlight) requests at once, a model of \(Self.latencyMs) ms" }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: Self.latencyMs) { port in
            let settings = Contestant.Settings(
                slots: Self.inFlight,
                baseURL: "http://127.0.0.1:\(port)/v1"
            )
            return try await stand.withContestants(Contestant.Program.allCases, settings) {
                contestants in
                var report = RowReport(self)
                for contestant in contestants {
                    report.figures.append(try await measure(contestant, on: stand))
                }
                report.remarks = [
                    "\(waves) waves after one to warm up; added = reply − arrival − "
                        + "\(Self.latencyMs) ms, by Redis' entry IDs (± 1 ms)",
                    "\(Self.inFlight) arrive in the same moment: the last waits for the CPU of all",
                ]
                return report
            }
        }
    }

    private func measure(_ contestant: Contestant, on stand: Stand) async throws -> RowReport.Group
    {
        let requests = Requests(to: contestant, on: stand)
        var p50: [Double] = []
        var p99: [Double] = []
        var inFlightMax = 0
        for wave in 0...waves {
            let arrivals = try await requests.add(Self.inFlight)
            inFlightMax = max(inFlightMax, try await requests.drain())
            let passages = try await requests.harvest(arrivals)
            guard wave > 0 else { continue }
            var added = Latencies()
            for passage in passages {
                added.record(passage.answeredMs - passage.arrivedMs - Int64(Self.latencyMs))
            }
            p50.append(added.percentile(50))
            p99.append(added.percentile(99))
        }
        return .init(
            program: contestant.program.rawValue,
            figures: [
                Figure("added latency p50", "ms", p50), Figure("added latency p99", "ms", p99),
                Figure("in flight, seen", "requests", [Double(inFlightMax)]),
                Figure("peak RSS", "MiB", [try contestant.residentPeakMiB()]),
            ]
        )
    }
}
