import EventLoop
import Foundation
import Redis
import TestSupport

/// Row I: requests with two seconds' time, of a model that takes as long as models do: on one endpoint,
/// and with calls beside slow ones to a second.
struct DeadlineRow: Row {
    let seconds: Int
    let seed: UInt64

    private static let ratePerSecond = 25
    /// Median and p99 of a log-normal.
    private static let latency = "1200,9000"
    private static let deadlineMs = 2_000
    private static let hedgeAfterMs = 500
    private static let slots = 500
    // Of issue 7.
    private static let answerMaxMs = 2_000.0
    private static let provisionalMaxMs = 20.0
    /// 71 % by the model is the most that this latency allows.
    private static let ruleShareMax = 32.0
    private static let ruleShareMaxHedged = 20.0

    let name = "I"
    var title: String {
        "\(Self.ratePerSecond) requests/s for \(seconds) s, deadline_ms \(Self.deadlineMs), "
            + "a model of 1.2 s, p99 9 s"
    }

    private struct Pass {
        var answers = Latencies()
        var provisionals = Latencies()
        var count = 0
        var byModel = 0
        /// As the replies tell it, dollars.
        var cost = 0.0
        var calls = 0

        var ruleShare: Double { 100 * Double(count - byModel) / Double(max(count, 1)) }
    }

    func run(on stand: Stand) async throws -> RowReport {
        let (alone, beside) = try await stand.withSimulator(latency: Self.latency, seed: seed) {
            first in
            let one = try await pass(on: stand, [first])
            let two = try await stand.withSimulator(latency: Self.latency, seed: seed + 1) {
                second in
                _ = PlainHTTP.post("/simulator/reset", "", port: first)
                return try await pass(on: stand, [first, second])
            }
            return (one, two)
        }
        return report(alone, beside)
    }

    private func pass(on stand: Stand, _ ports: [Int]) async throws -> Pass {
        var settings = Contestant.Settings(
            slots: Self.slots,
            baseURL: "http://127.0.0.1:\(ports[0])/v1"
        )
        if ports.count > 1 {
            let second = "http://127.0.0.1:\(ports[1])/v1"
            settings.others = [
                "OPENAI_ENDPOINTS": #"[{"name":"second","base_url":"\#(second)"}]"#,
                "HEDGE_AFTER_MS": "\(Self.hedgeAfterMs)", "HEDGE_BUDGET": "1",
            ]
        }
        return try await stand.withContestants([.worker], settings) { contestants in
            let queue = Requests(to: contestants[0], on: stand)
            let arrivals = try await offer(queue, stand.loop)
            try await queue.drain()
            var pass = Pass()
            for (index, arrivedMs) in arrivals.enumerated() {
                try await look(at: "d\(index)", arrivedMs, queue, &pass)
            }
            pass.calls = try ports.reduce(0) { try $0 + Bill(port: $1).calls }
            say(
                String(
                    format: "   %d endpoints  p95 %.0f ms  by the model %.1f %%",
                    ports.count,
                    pass.answers.percentile(95),
                    100 - pass.ruleShare
                )
            )
            return pass
        }
    }

    /// At times that were drawn before, each without waiting for another.
    private func offer(_ queue: Requests, _ loop: EventLoop) async throws -> [Int64] {
        var dice = Dice(seed: seed)
        var due = EventLoop.Instant.now
        var arrivals: [Int64] = []
        for index in 0..<seconds * Self.ratePerSecond {
            let gap = -log(1 - Double.random(in: 0..<1, using: &dice))
            due = due + .seconds(gap / Double(Self.ratePerSecond))
            if due > .now { try await loop.sleep(until: due) }
            let payload = Payload.text(of: "d\(index)", detail: "fast")
            let fields = ["deadline_ms", "\(Self.deadlineMs)", "events", "all"]
            arrivals.append(try await queue.add("d\(index)", payload, fields))
        }
        return arrivals
    }

    private func look(
        at id: String,
        _ arrivedMs: Int64,
        _ queue: Requests,
        _ pass: inout Pass
    ) async throws {
        for event in try await queue.events(of: id) {
            switch event.name {
            case "provisional": pass.provisionals.record(event.atMs - arrivedMs)
            case "result":
                pass.count += 1
                pass.answers.record(event.atMs - arrivedMs)
                let read = try JSONSerialization.jsonObject(with: Data(event.payload))
                let told = read as? [String: Any] ?? [:]
                if told["source"] as? String == "model" { pass.byModel += 1 }
                pass.cost += (told["usage"] as? [String: Any])?["cost_usd"] as? Double ?? 0
                guard told["strategy"] is [String: Any] else {
                    throw Stand.Failure("\(id) has no strategy")
                }
            case "accepted", "progress": continue
            default: throw Stand.Failure("\(id) ended as \(event.name)")
            }
        }
    }

    private func report(_ alone: Pass, _ beside: Pass) -> RowReport {
        var report = RowReport(self)
        for (name, pass) in [("one endpoint", alone), ("a second beside", beside)] {
            let count = Double(max(pass.count, 1))
            report.figures.append(
                .init(
                    program: name,
                    figures: [
                        Figure("answered", "requests", [Double(pass.count)]),
                        Figure("answer p50", "ms", [pass.answers.percentile(50)]),
                        Figure("answer p95", "ms", [pass.answers.percentile(95)]),
                        Figure("answer p99", "ms", [pass.answers.percentile(99)]),
                        Figure("provisional p99", "ms", [pass.provisionals.percentile(99)]),
                        Figure("by the model", "%", [100 - pass.ruleShare]),
                        Figure("calls a request", "", [Double(pass.calls) / count]),
                        Figure("cost a request", "¢", [100 * pass.cost / count]),
                    ]
                )
            )
            let isAlone = name == "one endpoint"
            report.bars += [
                Bar(
                    name: "\(name): answer p95",
                    measured: pass.answers.percentile(95),
                    limit: Self.answerMaxMs,
                    unit: "ms"
                ),
                Bar(
                    name: "\(name): not by the model",
                    measured: pass.ruleShare,
                    limit: isAlone ? Self.ruleShareMax : Self.ruleShareMaxHedged,
                    unit: "%"
                ),
                Bar(
                    name: "\(name): provisional p99",
                    measured: pass.provisionals.percentile(99),
                    limit: Self.provisionalMaxMs,
                    unit: "ms"
                ),
            ]
        }
        let extra = (beside.calls - alone.calls, beside.cost - alone.cost)
        report.remarks = [
            "every answer is a strategy that passed all rules; from the entry's ID to the event's, by "
                + "Redis",
            "beside slow calls after \(Self.hedgeAfterMs) ms: \(extra.0) calls and "
                + String(format: "%.2f", extra.1)
                + " USD more; a call that is given up is charged at what was set aside for it",
        ]
        return report
    }
}
