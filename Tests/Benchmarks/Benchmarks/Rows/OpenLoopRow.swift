import EventLoop
import Foundation
import Glibc
import TestSupport

/// Row C: a thousand requests a second, whatever the answers do, against a model of 200 ms.
///
/// Arrivals are a Poisson process with a seed. What a request waits is counted from its arrival in
/// Redis, not from when somebody was ready for it, so nothing is left out where it hurts.
struct OpenLoopRow: Row {
    let seconds: Int
    let rounds: Int
    let seed: UInt64

    private static let ratePerSecond = 1_000
    private static let latencyMs = 200
    private static let slots = 2_000
    /// Of issue 3: added latency p99 at 1,000 requests/s.
    private static let p99MaxMs = 5.0
    /// Of issue 6: seconds that a turn of the loop takes at the most.
    private static let turnMax = "0.002"

    let name = "C"
    var title: String {
        "open loop, \(Self.ratePerSecond) requests/s offered for \(seconds) s, "
            + "a model of \(Self.latencyMs) ms"
    }

    func run(on stand: Stand) async throws -> RowReport {
        try await stand.withSimulator(latencyMs: Self.latencyMs) { port in
            let settings = Contestant.Settings(
                slots: Self.slots,
                baseURL: "http://127.0.0.1:\(port)/v1"
            )
            return try await stand.withContestants(Contestant.Program.allCases, settings) {
                contestants in
                try await stand.withSupervisor(of: contestants[0].prefix) {
                    let found = try await passes(of: contestants, on: stand)
                    return report(contestants, found, try await ahead(contestants[0], on: stand))
                }
            }
        }
    }

    private func passes(
        of contestants: [Contestant],
        on stand: Stand
    ) async throws -> [[Pass]] {
        var found = contestants.map { _ in [Pass]() }
        for contestant in contestants {
            _ = try await offer(to: contestant, on: stand, count: 500, round: 0)
        }
        for round in 1...rounds {
            for index in contestants.indices {
                found[index].append(
                    try await offer(
                        to: contestants[index],
                        on: stand,
                        count: seconds * Self.ratePerSecond,
                        round: round
                    )
                )
            }
        }
        return found
    }

    /// Long turns in a million while the kernel runs the worker whenever it has work; nil where that cannot
    /// be had.
    private func ahead(_ worker: Contestant, on stand: Stand) async throws -> Double? {
        try await worker.withAhead { isAhead in
            guard isAhead else { return nil }
            let count = seconds * Self.ratePerSecond
            return try await offer(to: worker, on: stand, count: count, round: rounds + 1)
                .longTurns
        }
    }

    private struct Pass {
        /// Beyond the model's fixed time: all that anybody else has added.
        var added = Latencies()
        /// Beyond the model's time as the worker saw it: what the worker itself has added.
        var own = Latencies()
        var offeredPerSecond = 0.0
        var cpuPerJob = 0.0
        /// Of the worker's loop: turns that were longer than they may be, in a million.
        var longTurns = 0.0
    }

    private func offer(
        to contestant: Contestant,
        on stand: Stand,
        count: Int,
        round: Int
    ) async throws -> Pass {
        let requests = Requests(to: contestant, on: stand)
        let cpu = try contestant.cpu()
        let turns = try await turns(of: contestant)
        let arrivals = try await arrivals(of: count, requests, stand.loop, round)
        try await requests.drain()
        var pass = Pass()
        pass.cpuPerJob = (try contestant.cpu() - cpu) / .microseconds(1) / Double(count)
        if let before = turns, let after = try await self.turns(of: contestant) {
            let all = max(after.all - before.all, 1)
            pass.longTurns = 1e6 * (1 - (after.within - before.within) / all)
        }
        for passage in try await requests.harvest(arrivals) {
            let total = passage.answeredMs - passage.arrivedMs
            pass.added.record(total - Int64(Self.latencyMs))
            pass.own.record(total - passage.modelMs)
        }
        let spanMs = (arrivals.max() ?? 0) - (arrivals.min() ?? 0)
        pass.offeredPerSecond = Double(count - 1) * 1_000 / Double(max(spanMs, 1))
        say(
            String(
                format: "   %-16@ %5.0f offered/s  added p50 %.0f  p99 %.0f  max %.0f ms",
                contestant.program.rawValue as NSString,
                pass.offeredPerSecond,
                pass.added.percentile(50),
                pass.added.percentile(99),
                pass.added.largest
            )
        )
        return pass
    }

    private func turns(
        of contestant: Contestant
    ) async throws -> (all: Double, within: Double)? {
        guard contestant.program == .worker else { return nil }
        // It answers requests before its metrics are served.
        try await eventually("the worker's metrics") {
            (try? contestant.turns(upTo: Self.turnMax)) != nil
        }
        return try contestant.turns(upTo: Self.turnMax)
    }

    /// Puts requests in at times that were drawn before, each without waiting for another.
    private func arrivals(
        of count: Int,
        _ requests: Requests,
        _ loop: EventLoop,
        _ round: Int
    ) async throws -> [Int64] {
        var dice = Dice(seed: seed &+ UInt64(round))
        var due = EventLoop.Instant.now
        return try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
            for index in 0..<count {
                // Gaps of a Poisson process are exponential.
                let gap = -log(1 - Double.random(in: 0..<1, using: &dice))
                due = due + .seconds(gap / Double(Self.ratePerSecond))
                if due > .now { try await loop.sleep(until: due) }
                group.addTask { (index, try await requests.addOne(index)) }
            }
            var arrivals = [Int64](repeating: 0, count: count)
            for try await (index, arrivedMs) in group { arrivals[index] = arrivedMs }
            return arrivals
        }
    }

    private func report(
        _ contestants: [Contestant],
        _ found: [[Pass]],
        _ longTurns: Double?
    ) -> RowReport {
        var report = RowReport(self)
        for (contestant, passes) in zip(contestants, found) {
            var figures = [
                Figure("offered", "requests/s", passes.map(\.offeredPerSecond)),
                Figure("added latency p50", "ms", passes.map { $0.added.percentile(50) }),
                Figure("added latency p99", "ms", passes.map { $0.added.percentile(99) }),
                Figure("added latency max", "ms", passes.map(\.added.largest)),
                Figure("CPU per job", "µs", passes.map(\.cpuPerJob)),
            ]
            if contestant.program == .worker {
                figures.append(
                    Figure("of it its own p99", "ms", passes.map { $0.own.percentile(99) })
                )
                figures.append(
                    Figure("turns above \(Self.turnMax) s", "per million", passes.map(\.longTurns))
                )
                report.bars.append(
                    Bar(
                        name: "added latency p99 (median of rounds)",
                        measured: figures[2].median,
                        limit: Self.p99MaxMs,
                        unit: "ms"
                    )
                )
            }
            report.figures.append(
                .init(program: contestant.program.rawValue, figures: figures)
            )
        }
        if let longTurns {
            report.bars.append(
                Bar(
                    name: "turns above \(Self.turnMax) s",
                    measured: longTurns,
                    limit: 0,
                    unit: "per million"
                )
            )
        }
        report.remarks = [
            "\(rounds) rounds; added = reply − arrival − \(Self.latencyMs) ms, by Redis' entry IDs "
                + "(± 1 ms); the simulator's and the kernel's lateness are within it, as they are "
                + "within the C program's",
            "a turn's time is by the clock: what the kernel ran instead of the worker is within it, but "
                + "not in the bar's, of a pass in which it ran the worker whenever that had work",
            "own = reply − arrival − model_ms, the model's time as the worker saw it",
        ]
        return report
    }
}
