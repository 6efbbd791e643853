import TestSupport
import Testing

extension IntegrationTests {
    /// Who goes first, and who holds back.
    struct Priorities {
        private func lowAnswered(_ client: Orchestrator, _ ids: [String]) throws -> Int {
            try client.answered(ids).some
        }

        @Test func `a single request goes past a crowd in low, with the next slot`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "200"]) { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "4"]) { _ in
                    let client = try Orchestrator(stack)
                    let crowd = (0..<80).map { "crowd-\($0)" }
                    _ = try client.redis.askAll(crowd.map { Orchestrator.adding($0, to: "low") })
                    for (index, queue) in ["normal", "high", "normal"].enumerated() {
                        try await eventually("some of the crowd") {
                            try lowAnswered(client, crowd) > 4 * index
                        }
                        let id = "single-\(index)"
                        let before = try lowAnswered(client, crowd)
                        _ = try client.redis.askAll([Orchestrator.adding(id, to: queue)])
                        let answer = try await client.answer(to: id)
                        #expect(answer.name == "result")
                        // What ran when it came, and what ran beside it.
                        let past = try lowAnswered(client, crowd) - before
                        #expect(past <= 3 * 4, "\(past) of the crowd went before it")
                    }
                    #expect(try lowAnswered(client, crowd) < crowd.count)
                }
            }
        }

        @Test func `also while the fleet's minute is full of the crowd`() async throws {
            try await Stack.run { stack in
                let paced = [
                    "ENABLE_RATE_LIMITING": "true", "REQUESTS_PER_MINUTE": "120",
                    "MAX_CONCURRENT_REQUESTS": "8", "MAX_PARKED": "16",
                    "MAX_PARKED_PER_USER": "100",
                ]
                try await stack.withWorker(paced) { _ in
                    try await stack.withWorker(paced) { worker in
                        let client = try Orchestrator(stack)
                        let crowd = (0..<200).map { "crowd-\($0)" }
                        _ = try client.redis.askAll(
                            crowd.map { Orchestrator.adding($0, to: "low") }
                        )
                        try await eventually("full parking") {
                            worker.metric("strategy_worker_parked") ?? 0 >= 14
                        }
                        for index in 0..<5 {
                            let start = ContinuousClock.now
                            let answer = try await client.ask("single-\(index)")
                            #expect(answer.name == "result")
                            // A turn is half a second away; the crowd's would be a minute.
                            #expect(ContinuousClock.now - start < .seconds(3))
                        }
                        #expect(try lowAnswered(client, crowd) < crowd.count)
                    }
                }
            }
        }

        @Test func `paused, what runs finishes, nothing starts, and a restart knows it still`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "1500"]) { stack in
                let client = try Orchestrator(stack)
                let key = "strategy:{0}:paused"
                try await stack.withWorker { worker in
                    _ = try client.redis.askAll([Orchestrator.adding("runs")])
                    try await eventually("a running request") { try client.pending() == 1 }
                    _ = try client.redis.ask("HSET", key, "by", "ann", "at", "1")
                    try await eventually("a paused worker") {
                        worker.get("/health")?.text.contains("partition 0 by ann") == true
                    }
                    #expect(worker.isReady)
                    #expect(worker.metric("strategy_worker_paused") == 1)
                    _ = try client.redis.askAll([Orchestrator.adding("waits")])
                    #expect(try await client.answer(to: "runs").name == "result")
                    #expect(try client.pending() == 0 && client.left() == 1)
                    #expect(worker.log.contains("the partition is paused"))
                }
                try await stack.withWorker { worker in
                    try await eventually("a paused worker") {
                        worker.metric("strategy_worker_paused") == 1
                    }
                    #expect(try client.pending() == 0 && client.left() == 1)
                    _ = try client.redis.ask("DEL", key)
                    #expect(try await client.answer(to: "waits").name == "result")
                }
            }
        }

        @Test func `above the watermark nothing new is read, and reading goes on by itself`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker(["MEMORY_WATERMARK": "0.5"]) { worker in
                    let client = try Orchestrator(stack)
                    #expect(try await client.ask("before").name == "result")
                    // Redis takes some megabytes for itself.
                    _ = try client.redis.ask("CONFIG", "SET", "maxmemory", "1500000")
                    try await eventually("a worker that holds back") {
                        worker.metric("strategy_worker_memory_short") == 1
                    }
                    _ = try client.redis.ask("CONFIG", "SET", "maxmemory", "4gb")
                    #expect(try await client.ask("after").name == "result")
                    #expect(worker.metric("strategy_worker_memory_short") == 0)
                }
            }
        }
    }
}
