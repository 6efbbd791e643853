import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// What becomes of requests when the model does not do its part.
    struct Models {
        @Test func `a model that is down is answered by rule`() async throws {
            try await Stack.run { stack in
                let nobody = try freePort()
                let changes = ["OPENAI_BASE_URL": "http://127.0.0.1:\(nobody)"]
                try await stack.withWorker(changes) { worker in
                    let answer = try await Orchestrator(stack).ask("down-1")
                    try expectFallback(answer, because: "upstream_error")
                    #expect(worker.exitStatus == nil)
                }
            }
        }

        @Test(arguments: ["stall", "stall_midway"])
        func `a model that stalls is answered by rule before the deadline`(
            mode: String
        ) async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    try stack.misbehave("{\"mode\":\"\(mode)\"}")
                    let client = try Orchestrator(stack)
                    let added = try client.redis.ask(
                        Orchestrator.adding("late-1", and: ("deadline_ms", "1000"))
                    ).string
                    let start = Int((added ?? "").split(separator: "-").first ?? "") ?? 0
                    let answer = try await client.answer(to: "late-1")
                    try expectFallback(answer, because: "deadline")
                    // By Redis' clock; the second is for a machine that is busy.
                    #expect(answer.id - start >= 800)
                    #expect(answer.id - start <= 2_000)
                }
            }
        }

        @Test(arguments: Self.behaviors)
        func `whatever the model does, the request is answered once and the reason is told`(
            behavior: String,
            reason: String
        ) async throws {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    try stack.misbehave(behavior)
                    let answer = try await client.ask("odd", and: ("deadline_ms", "5000"))
                    try expectFallback(answer, because: reason)
                    #expect(try client.events("odd").count == 1)
                    let told = answer.fields["payload"] ?? ""
                    #expect(!told.contains("HUSH") && !told.contains(SimulatorProcess.key))
                    #expect(!worker.log.contains("HUSH"))
                    #expect(!worker.log.contains(SimulatorProcess.key))
                }
            }
        }

        @Test(arguments: [error(500, "server_error"), error(404, "model_not_found")])
        func `where the first model does not answer, the next one does, and is named`(
            behavior: String
        ) async throws {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let scoped = behavior.replacing(
                        "{\"mode\"",
                        with: "{\"model\":\"gpt-4-turbo\",\"mode\""
                    )
                    try stack.misbehave(scoped)
                    let client = try Orchestrator(stack)
                    let payload = try await client.ask("next-1").payload
                    #expect(payload["source"] as? String == "model", "\(payload)")
                    let model = try #require(payload["model"] as? [String: Any])
                    #expect((model["name"] as? String)?.hasPrefix("gpt-4.1") == true)
                    #expect((model["attempts"] as? Int ?? 0) >= 2)
                    let ledger = try client.redis.ask("XRANGE", "strategy:{0}:ledger", "-", "+")
                    let row = ledger.list.flatMap(\.list).flatMap(\.list).compactMap(\.string)
                        .joined(separator: " ")
                    #expect(row.contains("failover") && row.contains("menu-fast-"), "\(row)")
                    // The fleet's books follow the answer.
                    try await eventually("the fleet's claims are settled") {
                        let reserved = try client.redis.ask(
                            "HGET",
                            "strategy:{global}:cost",
                            "reserved_nanousd"
                        ).string
                        return reserved == nil || reserved == "0"
                    }
                }
            }
        }

        @Test func `a key that is refused is asked with no more, and the alert is counted`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    try stack.misbehave(Self.error(401, "invalid_api_key"))
                    let client = try Orchestrator(stack)
                    try expectFallback(try await client.ask("key-1"), because: "upstream_error")
                    for number in 2...4 {
                        let answer = try await client.ask("key-\(number)")
                        try expectFallback(answer, because: "circuit_open")
                    }
                    let usage = PlainHTTP.get("/simulator/usage", port: stack.simulator.port)
                    #expect(usage?.text.contains("key-2") == false)
                    let page = try #require(worker.get("/metrics")).text
                    #expect(
                        page.contains("strategy_worker_model_alerts_total{kind=\"key_refused\"} 1")
                    )
                    #expect(worker.log.contains("check OPENAI_API_KEY"))
                }
            }
        }

        @Test(arguments: ["fenced", "malformed", "length"])
        func `a choice is read through a fence, and from an answer that was cut short`(
            mode: String
        ) async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    try stack.misbehave("{\"mode\":\"\(mode)\"}")
                    let payload = try await Orchestrator(stack).ask("cut-1").payload
                    #expect(payload["source"] as? String == "model", "\(payload)")
                    #expect(payload["strategy"] is [String: Any])
                }
            }
        }

        /// A strategy of the service's own.
        private func expectFallback(_ answer: Event, because reason: String) throws {
            #expect(answer.name == "result", "\(answer.fields)")
            #expect(answer.payload["source"] as? String == "rule_based")
            #expect(answer.payload["degraded"] as? String == reason, "\(answer.fields)")
            let strategy = try #require(answer.payload["strategy"] as? [String: Any])
            #expect(strategy["max_loss_usd"] is Double)
        }

        private static let behaviors = [
            (#"{"mode":"refusal"}"#, "invalid_output"),
            (#"{"mode":"content_filter"}"#, "invalid_output"),
            (#"{"mode":"length","tokens":2}"#, "invalid_output"),
            (#"{"mode":"html"}"#, "invalid_output"),
            (#"{"mode":"truncate"}"#, "upstream_error"),
            (#"{"mode":"reset"}"#, "upstream_error"),
            (#"{"mode":"reset_midway"}"#, "upstream_error"),
            (error(500, "server_error"), "upstream_error"),
            (error(429, "rate_limit_exceeded"), "upstream_error"),
            (error(401, "invalid_api_key"), "upstream_error"),
            (error(404, "model_not_found"), "upstream_error"),
            (error(400, "context_length_exceeded"), "upstream_error"),
        ]

        private static func error(_ status: Int, _ code: String) -> String {
            """
            {"mode":"error","status":\(status),"code":"\(code)","type":"server_error",\
            "message":"HUSH: a sentence that nobody may see"}
            """
        }

        @Test func `usage that is left out is estimated from above`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let client = try Orchestrator(stack)
                    let known = try await client.ask("usage-1").payload["usage"] as? [String: Any]
                    try stack.misbehave(#"{"mode":"no_usage"}"#)
                    let unknown = try await client.ask("usage-2").payload["usage"] as? [String: Any]
                    #expect(unknown?["estimated"] as? Bool == true)
                    let cost = try #require(known?["cost_usd"] as? Double)
                    #expect(try #require(unknown?["cost_usd"] as? Double) > cost)
                }
            }
        }

        @Test(arguments: ["gpt-4-turbo", "gpt-4o", "gpt-4.1-mini", "gpt-6-luna"])
        func `every family of models answers`(model: String) async throws {
            try await Stack.run { stack in
                try await stack.withWorker(["OPENAI_MODEL": model]) { _ in
                    let answer = try await Orchestrator(stack).ask("family-1")
                    #expect(answer.name == "result", "\(answer.fields)")
                }
            }
        }
    }
}
