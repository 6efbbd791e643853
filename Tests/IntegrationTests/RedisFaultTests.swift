import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// What the worker makes of a Redis that dies, forgets, or loses the group.
    struct RedisFaults {
        @Test func `Redis killed under load comes back, and every request is answered once`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "40"]) { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "40"]) { worker in
                    let before = try Orchestrator(stack)
                    let ids = try before.submit(600, "kill")
                    try await eventually("answers to some") { try before.answered(ids).some > 50 }
                    stack.redis.kill()
                    try await outage(of: worker)
                    try await stack.redis.start()
                    let client = try Orchestrator(stack)
                    try await client.untilAllIsDone()
                    let (some, several) = try client.answered(ids)
                    #expect(some == 600 && several == 0)
                    #expect(worker.exitStatus == nil)
                    try await eventually("readiness") { worker.isReady }
                }
            }
        }

        /// While Redis is away: the worker says so, keeps trying, and hardly uses the processor.
        private func outage(of worker: WorkerProcess) async throws {
            func attempts() -> Int {
                worker.logLines.count { $0.contains("Redis is not connected") }
            }
            // What is left of the load ends first: answers that the model is still writing.
            try await eventually("the first attempts") { attempts() >= 4 }
            let (start, used) = (ContinuousClock.now, worker.processorSeconds)
            let first = attempts()
            try await eventually("word of it") { worker.get("/health/ready")?.status == 503 }
            #expect(worker.get("/health/live")?.status == 200)
            try await eventually("further attempts") { attempts() >= first + 4 }
            let wall = (ContinuousClock.now - start) / .seconds(1)
            #expect(worker.processorSeconds - used < 0.3 * wall + 0.05)
            // It looks once a second.
            try await eventually("the reason") {
                worker.get("/health")?.text.contains("not connected") == true
            }
        }

        @Test func `a group that is destroyed is made again, and nothing is lost`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "20"]) { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "10"]) { worker in
                    let client = try Orchestrator(stack)
                    let ids = try client.submit(200, "group")
                    try await eventually("some answers") { try client.answered(ids).some > 20 }
                    try client.redis.ask("XGROUP", "DESTROY", Orchestrator.requests, "workers")
                    try await eventually("all answers") { try client.answered(ids).some == 200 }
                    #expect(try client.answered(ids).several == 0)
                    try await client.untilAllIsDone()
                    try await eventually("readiness") { worker.isReady }
                }
            }
        }

        @Test func `a flushed Redis is served again`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "30"]) { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    _ = try client.submit(100, "lost")
                    try client.redis.ask("FLUSHALL")
                    try client.redis.ask("SCRIPT", "FLUSH")
                    #expect(try await client.ask("after-1").name == "result")
                    let ids = try client.submit(50, "after")
                    try await eventually("all answers") { try client.answered(ids).some == 50 }
                    try await client.untilAllIsDone()
                    #expect(worker.exitStatus == nil)
                }
            }
        }

        @Test func `a stream that was replaced by something else is served when it is back`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    _ = try await client.ask("type-1")
                    try client.redis.ask("DEL", Orchestrator.requests)
                    try client.redis.ask("SET", Orchestrator.requests, "x")
                    try await eventually("word of it") {
                        worker.log.contains("Redis refuses to be read")
                    }
                    let used = worker.processorSeconds
                    let start = ContinuousClock.now
                    func refusals() -> Int {
                        worker.logLines.count { $0.contains("refuses to be read") }
                    }
                    let first = refusals()
                    try await eventually("more of it") { refusals() >= first + 3 }
                    let wall = (ContinuousClock.now - start) / .seconds(1)
                    #expect(worker.processorSeconds - used < 0.3 * wall + 0.05)
                    try client.redis.ask("DEL", Orchestrator.requests)
                    #expect(try await client.ask("type-2").name == "result")
                    try await eventually("readiness") { worker.isReady }
                }
            }
        }

        @Test func `answers that a full Redis refuses to others are still written`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "200"]) { stack in
                try await stack.withWorker { _ in
                    let client = try Orchestrator(stack)
                    let ids = try client.submit(20, "full")
                    try await eventually("all at the model") {
                        try ids.allSatisfy { id in
                            let record = "strategy:{0}:request:\(id)"
                            return try client.redis.ask("HEXISTS", record, "calling").int == 1
                        }
                    }
                    try client.redis.ask("CONFIG", "SET", "maxmemory", "1")
                    try await eventually("all answers") { try client.answered(ids).some == 20 }
                }
            }
        }

        @Test func `a worker told to stop while Redis is away does so at once`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    stack.redis.kill()
                    try await eventually("word of it") {
                        worker.log.contains("Redis is not connected")
                    }
                    worker.signal(SIGTERM)
                    // DRAIN_TIMEOUT would be 35 s.
                    #expect(try await worker.end(within: .seconds(15)) == 0)
                }
            }
        }
    }
}
