import Redis

/// Row G: how long one script keeps Redis from all others while thousands are in flight, a worker's
/// death and what follows from it included.
struct ScriptRow: Row {
    let waves: Int

    private static let inFlight = 5_000
    private static let latencyMs = 3_000
    /// Of issue 4: with 5,000 in flight no script above 5 ms.
    private static let scriptMaxMs = 5.0
    /// Shorter ones are not logged, µs.
    private static let loggedFrom = 500

    let name = "G"
    var title: String {
        "the longest script with \(Self.inFlight) in flight, and when they are taken back"
    }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: Self.latencyMs) { port in
            let settings = Contestant.Settings(
                slots: Self.inFlight,
                baseURL: "http://127.0.0.1:\(port)/v1"
            )
            return try await stand.withContestants([.worker], settings) { contestants in
                let worker = contestants[0]
                return try await stand.withSupervisor(of: worker.prefix) {
                    try await stand.withRedisAhead { isAhead in
                        try await measure(worker, on: stand, isAhead)
                    }
                }
            }
        }
    }

    private func measure(
        _ worker: Contestant,
        on stand: Stand,
        _ isAhead: Bool
    ) async throws -> RowReport {
        let requests = Requests(to: worker, on: stand)
        _ = try await requests.harvest(try await drained(Self.inFlight / 5, requests))
        try await stand.connection.send(
            RedisCommand("CONFIG", "SET", "slowlog-log-slower-than", .number(Self.loggedFrom))
        )
        try await stand.connection.send(RedisCommand("CONFIG", "SET", "slowlog-max-len", 10_000))
        try await stand.connection.send(RedisCommand("SLOWLOG", "RESET"))
        var inFlightMax = 0
        for _ in 0..<waves {
            let arrivals = try await requests.add(Self.inFlight)
            inFlightMax = max(inFlightMax, try await requests.drain())
            _ = try await requests.harvest(arrivals)
        }
        let reclaimed = try await stand.reclaim(Self.inFlight, requests, from: worker)
        let byWorker = try await stand.slowCommands(of: "strategy-worker:")
        let bySupervisor = try await stand.slowCommands(of: "strategy-supervisor:")
        try await stand.connection.send(
            RedisCommand("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
        )
        return report(byWorker, bySupervisor, isAhead, inFlightMax, reclaimed)
    }

    private func drained(_ count: Int, _ requests: Requests) async throws -> [Int64] {
        let arrivals = try await requests.add(count)
        try await requests.drain()
        return arrivals
    }

    private func report(
        _ worker: [Stand.SlowCommand],
        _ supervisor: [Stand.SlowCommand],
        _ isAhead: Bool,
        _ inFlightMax: Int,
        _ reclaimed: Int
    ) -> RowReport {
        var report = RowReport(self)
        let least = Double(Self.loggedFrom) / 1_000
        let longest = (worker + supervisor).max { $0.ms < $1.ms }
        report.figures = [("worker", worker), ("supervisor", supervisor)].map { name, found in
            .init(
                program: name,
                figures: [
                    Figure("longest script", "ms", [found.map(\.ms).max() ?? least]),
                    Figure("scripts above \(least) ms", "", [Double(found.count)]),
                ]
            )
        }
        report.bars = [
            Bar(
                name: "longest script",
                measured: longest?.ms ?? least,
                limit: Self.scriptMaxMs,
                unit: "ms"
            )
        ]
        report.remarks = [
            "\(waves) waves of \(Self.inFlight), \(inFlightMax) seen in flight; then the worker is "
                + "killed and the supervisor takes back \(reclaimed)",
            "the longest: \(longest?.name ?? "none"); by SLOWLOG, from \(least) ms on",
            isAhead
                ? "the kernel ran Redis whenever Redis had work"
                : "what the kernel ran instead of Redis is within it: root could have forbidden that",
        ]
        return report
    }
}
