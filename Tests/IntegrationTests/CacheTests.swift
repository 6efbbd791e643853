import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// Asking once for all who ask the same, among two workers.
    struct Caches {
        /// Short lives, so that a dead one is known soon.
        private static let shared = ["CACHE_TTL": "60", "HEARTBEAT_TTL": "2"]

        private static func payload(_ user: String, _ more: String = "") -> String {
            """
            {"user_id":"\(user)","user_intent":"income, please","market_context":{"symbol":"SPY",
            "current_price":450.0,"vix":18.5,"trend":"bullish"},
            "risk_preferences":{"risk_tolerance":"medium","max_loss":1000}\(more)}
            """
        }

        private func calls(_ stack: Stack) throws -> Int {
            let answer = PlainHTTP.get("/simulator/usage", port: stack.simulator.port)
            let page = try JSONSerialization.jsonObject(with: answer?.body ?? Data())
            let total = (page as? [String: Any])?["total"] as? [String: Any]
            return try #require(total?["calls"] as? Int)
        }

        private func add(_ client: Orchestrator, _ ids: [String], _ payload: String) throws {
            _ = try client.redis.askAll(ids.map { Orchestrator.adding($0, payload) })
        }

        /// What became of them: how often each source, each answered once.
        private func sources(_ client: Orchestrator, _ ids: [String]) async throws -> [String: Int]
        {
            var found: [String: Int] = [:]
            for id in ids {
                let answer = try await client.answer(to: id, within: .seconds(40))
                #expect(answer.name == "result", "\(answer.fields)")
                #expect(try client.events(id).filter(\.isTerminal).count == 1)
                found[answer.payload["source"] as? String ?? "", default: 0] += 1
            }
            return found
        }

        @Test func `forty who ask the same at once, of two workers, are one call`() async throws {
            // Neither holds more than 28 of them at a time, parked or not.
            let narrow = Self.shared.merging([
                "MAX_CONCURRENT_REQUESTS": "4", "MAX_PARKED": "24",
            ]) { $1 }
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "500"]) { stack in
                try await stack.withWorker(narrow) { one in
                    try await stack.withWorker(narrow) { other in
                        let client = try Orchestrator(stack)
                        let ids = (0..<40).map { "same-\($0)" }
                        // Half of them by another user: nothing in them is anybody's own.
                        try add(client, Array(ids.prefix(20)), Self.payload("ann"))
                        try add(client, Array(ids.suffix(20)), Self.payload("bob"))
                        #expect(try await sources(client, ids) == ["model": 1, "cache": 39])
                        #expect(try calls(stack) == 1)
                        let read = [one, other].map {
                            $0.metric("strategy_worker_entries_read_total{priority=\"normal\"}")
                                ?? 0
                        }
                        #expect(read.allSatisfy { $0 > 0 }, "\(read)")
                        try await checkBooks(client)
                        let hits = [one, other].map {
                            $0.metric("strategy_worker_cache_total{outcome=\"hit\"}") ?? 0
                        }
                        #expect(hits.reduce(0, +) == 39)
                        let later = try await client.ask("later", Self.payload("cy"))
                        #expect(later.payload["source"] as? String == "cache")
                        let told = try #require(later.payload["cache"] as? [String: Any])
                        #expect((told["age_ms"] as? Int ?? -1) > 0)
                        let usage = try #require(later.payload["usage"] as? [String: Any])
                        #expect(usage["cost_usd"] as? Double == 0)
                    }
                }
            }
        }

        /// One call's cost, a place for each, and nothing set aside for anybody.
        private func checkBooks(_ client: Orchestrator) async throws {
            let places = try ["ann", "bob"].map {
                try client.redis.ask("ZCARD", "strategy:{0}:user:\($0):requests").int
            }
            #expect(places == [20, 20])
            for key in ["{global}:cost", "{0}:user:ann:cost", "{0}:user:bob:cost"] {
                let left = try client.redis.ask("HGET", "strategy:\(key)", "reserved_nanousd")
                #expect(left.string == nil || left.string == "0", "\(key)")
            }
            let parked = try client.redis.ask("HGET", "strategy:{0}:counters", "parked").string
            #expect(parked == "0")
        }

        @Test func `where a portfolio is told of, each user asks for himself`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "200"]) { stack in
                try await stack.withWorker(Self.shared) { _ in
                    let client = try Orchestrator(stack)
                    let own =
                        #","portfolio_context":{"positions":[{"symbol":"SPY","quantity":100}]}"#
                    for user in ["ann", "bob"] {
                        let ids = (0..<5).map { "\(user)-\($0)" }
                        try add(client, ids, Self.payload(user, own))
                    }
                    let all = ["ann", "bob"].flatMap { user in (0..<5).map { "\(user)-\($0)" } }
                    #expect(try await sources(client, all) == ["model": 2, "cache": 8])
                    #expect(try calls(stack) == 2)
                }
            }
        }

        @Test(arguments: ["marked", "answered"])
        func `when the worker of who asks is killed, another asks, and each is answered once`(
            step: String
        ) async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "1500"]) { stack in
                // It reads the one and no other.
                let doomed = Self.shared.merging([
                    "FAULT_AT": "\(step)=kill", "MAX_CONCURRENT_REQUESTS": "1",
                ]) { $1 }
                let client = try Orchestrator(stack)
                let ids = (0..<10).map { "lost-\($0)" }
                try await stack.withWorker(doomed) { victim in
                    try client.redis.ask(Orchestrator.adding(ids[0], Self.payload("ann")))
                    try await eventually("a leader") { try leads(client) }
                    try await stack.withWorker(Self.shared) { other in
                        try add(client, Array(ids.dropFirst()), Self.payload("ann"))
                        #expect(try await victim.end() == 128 + SIGKILL)
                        let rest = Array(ids.dropFirst())
                        let found = try await sources(client, rest)
                        // Whom the dead one had read comes back with a supervisor, which is not here.
                        #expect(found == ["model": 1, "cache": 8], "\(found)")
                        let lost = other.metric("strategy_worker_cache_leaders_lost_total")
                        #expect(lost == 1)
                    }
                }
            }
        }

        private func leads(_ client: Orchestrator) throws -> Bool {
            try !client.redis.ask("KEYS", "strategy:{cache:*").list.isEmpty
        }

        @Test func `who waits is answered by its own deadline, and who asks by the model`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "2500"]) { stack in
                try await stack.withWorker(Self.shared) { _ in
                    let client = try Orchestrator(stack)
                    try client.redis.ask(Orchestrator.adding("slow", Self.payload("ann")))
                    try await eventually("a leader") { try leads(client) }
                    let hasty = try await client.ask(
                        "hasty",
                        Self.payload("bob"),
                        and: ("deadline_ms", "600"),
                        ("events", "all")
                    )
                    #expect(hasty.payload["source"] as? String == "rule_based")
                    #expect(hasty.payload["degraded"] as? String == "deadline")
                    let events = try client.events("hasty").map(\.name)
                    #expect(events == ["accepted", "provisional", "result"])
                    let slow = try await client.answer(to: "slow")
                    #expect(slow.payload["source"] as? String == "model")
                    #expect(try calls(stack) == 1)
                }
            }
        }

        @Test func `when who asks fails, one who waits asks`() async throws {
            try await Stack.run(simulator: ["SIMULATOR_LATENCY_MS": "300"]) { stack in
                let changes = Self.shared.merging(["OPENAI_FALLBACK_MODELS": "none"]) { $1 }
                try await stack.withWorker(changes) { _ in
                    try stack.misbehave(#"{"mode":"refusal","times":1}"#)
                    let client = try Orchestrator(stack)
                    let ids = (0..<6).map { "fails-\($0)" }
                    try add(client, ids, Self.payload("ann"))
                    let found = try await sources(client, ids)
                    #expect(found == ["rule_based": 1, "model": 1, "cache": 4], "\(found)")
                    #expect(try calls(stack) == 2)
                }
            }
        }
    }
}
