import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// What is left behind when a worker stops, asked or not.
    struct WorkerFaults {
        @Test func `a worker told to stop finishes what it has, and reads no more`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "400"]) { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "10"]) { worker in
                    let client = try Orchestrator(stack)
                    let ids = try client.submit(60, "drain")
                    try await eventually("ten running") {
                        worker.metric("strategy_worker_slots_used") == 10
                    }
                    worker.signal(SIGTERM)
                    try await eventually("draining") {
                        worker.get("/health/ready")?.status == 503 || worker.exitStatus != nil
                    }
                    #expect(try await worker.end() == 0)
                    let (some, several) = try client.answered(ids)
                    #expect(some >= 10 && some < 60 && several == 0)
                    #expect(try client.pending() == 0)
                    #expect(try client.left() == 60 - some)
                    #expect(worker.log.contains("the worker has ended"))
                }
                try await stack.withWorker { _ in
                    try await Orchestrator(stack).untilAllIsDone()
                }
            }
        }

        @Test func `what is not finished within the drain limit is handed back`() async throws {
            try await Stack.run { stack in
                let changes = ["DRAIN_TIMEOUT": "0.5", "CONSUMER_NAME": "the-one"]
                try await stack.withWorker(changes) { worker in
                    try stack.misbehave(#"{"mode":"stall"}"#)
                    let client = try Orchestrator(stack)
                    let ids = try client.submit(5, "cut")
                    try await eventually("five running") {
                        worker.metric("strategy_worker_slots_used") == 5
                    }
                    worker.signal(SIGTERM)
                    #expect(try await worker.end(within: .seconds(15)) == 0)
                    #expect(try client.answered(ids).some == 0)
                    #expect(try client.pending() == 0 && client.left() == 0)
                    let retry = "strategy:{0}:requests:retry"
                    #expect(try client.redis.ask("XLEN", retry).int == 5)
                    let first = try client.redis.ask("XRANGE", retry, "-", "+", "COUNT", "1")
                    let fields = first.list.first?.list.last?.list.map { $0.string ?? "" } ?? []
                    let place = try #require(fields.firstIndex(of: "attempt"))
                    #expect(fields[place + 1] == "1")
                }
                stack.behave()
                try await stack.withWorker(changes) { _ in
                    let client = try Orchestrator(stack)
                    let ids = (0..<5).map { "cut-\($0)" }
                    try await eventually("all answered") { try client.answered(ids).some == 5 }
                }
            }
        }

        @Test func `a worker killed under load loses no answer, and what it held is pending`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "30"]) { stack in
                let changes = ["MAX_CONCURRENT_REQUESTS": "20", "CONSUMER_NAME": "the-one"]
                let client = try Orchestrator(stack)
                var ids: [String] = []
                try await stack.withWorker(changes) { worker in
                    ids = try client.submit(400, "kill")
                    try await eventually("some answers") { try client.answered(ids).some > 40 }
                    worker.signal(SIGKILL)
                    #expect(try await worker.end() == 128 + SIGKILL)
                    let (some, several) = try client.answered(ids)
                    #expect(some > 40 && several == 0)
                    #expect(try client.left() == 400 - some)
                    #expect((1...24).contains(try client.pending()))
                }
                // One of the same name takes over what the other held.
                try await stack.withWorker(changes) { _ in
                    try await client.untilAllIsDone()
                    let (some, several) = try client.answered(ids)
                    #expect(some == 400 && several == 0)
                }
            }
        }

        @Test func `two workers share the work, and each request is answered once`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "10"]) { stack in
                try await stack.withWorker { one in
                    try await stack.withWorker { other in
                        let client = try Orchestrator(stack)
                        let ids = try client.submit(500, "both")
                        try await client.untilAllIsDone()
                        let (some, several) = try client.answered(ids)
                        #expect(some == 500 && several == 0)
                        for worker in [one, other] {
                            let read = worker.metric(
                                "strategy_worker_entries_read_total{priority=\"normal\"}"
                            )
                            #expect((read ?? 0) > 0)
                        }
                    }
                }
            }
        }
    }
}
