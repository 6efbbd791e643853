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

        @Test func `whatever the model does, the request is answered once and the reason is told`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    for (number, (behavior, reason)) in Self.behaviors.enumerated() {
                        stack.behave()
                        try stack.misbehave(behavior)
                        let id = "odd-\(number)"
                        let answer = try await client.ask(id, and: ("deadline_ms", "5000"))
                        try expectFallback(answer, because: reason)
                        #expect(try client.events(id).count == 1)
                        let told = answer.fields["payload"] ?? ""
                        #expect(!told.contains("HUSH") && !told.contains(SimulatorProcess.key))
                    }
                    stack.behave()
                    let fine = try await client.ask("fine-again")
                    #expect(fine.payload["source"] as? String == "model")
                    #expect(!worker.log.contains("HUSH"))
                    #expect(!worker.log.contains(SimulatorProcess.key))
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
            (#"{"mode":"malformed"}"#, "invalid_output"),
            (#"{"mode":"refusal"}"#, "invalid_output"),
            (#"{"mode":"content_filter"}"#, "invalid_output"),
            (#"{"mode":"length","tokens":5}"#, "invalid_output"),
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
