import Foundation
import TestSupport
import Testing

/// The service as it runs, with real processes. One after the other: several of these measure the
/// processor, and all share it.
@Suite(.serialized, .timeLimit(.minutes(5))) enum IntegrationTests {}

extension IntegrationTests {
    struct EndToEnd {
        @Test func `the seed's request is answered with a strategy whose figures are computed`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
                    let answer = try await client.ask(
                        "seed-1",
                        and: ("traceparent", "00-\(trace)-00f067aa0ba902b7-01"),
                        ("authorization", "Bearer not-to-be-kept")
                    )
                    #expect(answer.name == "result")
                    #expect(answer.fields["request_id"] == "seed-1")
                    #expect(answer.fields["traceparent"]?.contains(trace) == true)
                    let payload = answer.payload
                    #expect(payload["decision"] as? String == "trade")
                    #expect(payload["source"] as? String == "model")
                    let strategy = try #require(payload["strategy"] as? [String: Any])
                    #expect((strategy["legs"] as? [Any])?.isEmpty == false)
                    #expect(strategy["max_loss_usd"] is Double)
                    let usage = try #require(payload["usage"] as? [String: Any])
                    #expect(usage["estimated"] as? Bool == false)
                    #expect(try client.left() == 0 && client.pending() == 0)
                    let left = try client.redis.ask("PTTL", Orchestrator.reply("seed-1")).int ?? 0
                    #expect((1...600_000).contains(left))
                    try checkUsage(stack)
                    try await checkLog(worker, trace)
                }
            }
        }

        /// The model was called once, under the request's own name.
        private func checkUsage(_ stack: Stack) throws {
            let path = "/simulator/usage?request_id=seed-1"
            let text = PlainHTTP.get(path, port: stack.simulator.port)?.text ?? ""
            #expect(text.contains("\"calls\":1") || text.contains("\"calls\": 1"), "\(text)")
        }

        /// Every line is JSON; those of the request carry its names; none holds what is secret.
        private func checkLog(_ worker: WorkerProcess, _ trace: String) async throws {
            try await eventually("a line about the request") { worker.log.contains("seed-1") }
            for line in worker.logLines {
                let read = try? JSONSerialization.jsonObject(with: Data(line.utf8))
                #expect(read is [String: Any], "\(line)")
            }
            let ours = worker.logLines.filter { $0.contains("\"request_id\":\"seed-1\"") }
            #expect(!ours.isEmpty)
            #expect(ours.allSatisfy { $0.contains("\"trace_id\":\"\(trace)\"") })
            for secret in [SimulatorProcess.key, "conservative income", "not-to-be-kept"] {
                #expect(!worker.log.contains(secret), "\(secret)")
            }
        }

        @Test func `who asks for all events gets them in order, and the last one ends it`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "50"]) { stack in
                try await stack.withWorker { _ in
                    let client = try Orchestrator(stack)
                    _ = try await client.ask("all-1", and: ("events", "all"))
                    let names = try client.events("all-1").map(\.name)
                    #expect(names == ["accepted", "provisional", "result"])
                    _ = try await client.ask("one-1")
                    #expect(try client.events("one-1").map(\.name) == ["result"])
                }
            }
        }

        @Test func `every priority is served, and the retry stream first`() async throws {
            try await Stack.run { stack in
                let client = try Orchestrator(stack)
                let queues = ["low", "normal", "high", "retry"]
                for queue in queues {
                    try client.redis.ask(Orchestrator.adding("on-\(queue)", to: queue))
                }
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "1"]) { _ in
                    var at: [(Int, String)] = []
                    for queue in queues {
                        at.append((try await client.answer(to: "on-\(queue)").id, queue))
                    }
                    #expect(at.sorted { $0.0 < $1.0 }.last?.1 == "low")
                    #expect(at.min { $0.0 < $1.0 }?.1 == "retry")
                }
            }
        }

        @Test func `health and metrics are served, and Prometheus takes them`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    _ = try await client.ask("m-1")
                    for path in ["/health", "/health/live", "/health/ready"] {
                        #expect(worker.get(path)?.status == 200, "\(path)")
                    }
                    // The answer can be read a moment before it is counted.
                    try await eventually("it is counted") {
                        worker.get("/metrics")?.text.contains("code=\"none\"} 1") == true
                    }
                    let page = try #require(worker.get("/metrics"))
                    #expect(page.status == 200)
                    #expect(
                        page.text.contains(
                            "strategy_worker_requests_finished_total{outcome=\"result\",code=\"none\"} 1"
                        )
                    )
                    #expect(!page.text.contains("m-1") && !page.text.contains("user123"))
                    let (status, output) = try Program.run(
                        ["promtool", "check", "metrics"],
                        input: page.text
                    )
                    #expect(status == 0, "\(output)")
                    #expect(worker.get("/nothing")?.status == 404)
                }
            }
        }

        @Test func `no more requests run at a time than allowed, and all are answered`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "60"]) { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "3"]) { worker in
                    let client = try Orchestrator(stack)
                    let ids = try client.submit(40, "slot")
                    var most = 0.0
                    var held = 0
                    try await eventually("forty answers") {
                        most = max(most, worker.metric("strategy_worker_slots_used") ?? 0)
                        held = max(held, try client.pending())
                        return try client.answered(ids).some == 40
                    }
                    #expect(most == 3)
                    // A read may bring up to one more from each of the four streams.
                    #expect((3...3 + 4).contains(held))
                    #expect(try client.answered(ids).several == 0)
                }
            }
        }
    }
}
