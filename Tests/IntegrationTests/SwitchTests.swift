import TestSupport
import Testing

extension IntegrationTests {
    /// `ENABLE_RATE_LIMITING` and `ENABLE_COST_TRACKING`.
    struct Switches {
        private static let profile = "strategy:{0}:user:user123:profile"

        private func limits(_ event: Event) -> [String: Any] {
            event.payload["limits"] as? [String: Any] ?? [:]
        }

        @Test func `requests and calls are limited when that is on, and only then`() async throws {
            try await Stack.run { stack in
                let client = try Orchestrator(stack)
                try client.redis.ask("HSET", Self.profile, "tier", "free", "requests_per_hour", "1")
                let on = ["ENABLE_RATE_LIMITING": "true", "REQUESTS_PER_MINUTE": "1"]
                try await stack.withWorker(on) { _ in
                    let first = try await client.ask("on-1")
                    #expect(limits(first)["requests_left"] as? Int == 0)
                    let second = try await client.ask("on-2")
                    #expect(second.code == "rate_limited")
                    #expect(second.payload["limit"] as? String == "user_requests_per_hour")
                }
                let off = ["ENABLE_RATE_LIMITING": "false", "REQUESTS_PER_MINUTE": "0"]
                try await stack.withWorker(off) { _ in
                    for number in 1...3 {
                        let answer = try await client.ask("off-\(number)")
                        #expect(answer.payload["source"] as? String == "model")
                        #expect("\(limits(answer)["requests_left"] ?? "")" == "<null>")
                    }
                }
            }
        }

        @Test func `cost an hour is limited when that is on, and only then; it is told either way`()
            async throws
        {
            try await Stack.run { stack in
                let client = try Orchestrator(stack)
                try client.redis.ask("HSET", Self.profile, "cost_per_hour_nanousd", "1000")
                try await stack.withWorker(["ENABLE_COST_TRACKING": "true"]) { _ in
                    let refused = try await client.ask("on-1")
                    #expect(refused.code == "budget_exceeded")
                    #expect(refused.payload["limit"] as? String == "user_cost_per_hour")
                }
                let off = ["ENABLE_COST_TRACKING": "false", "COST_PER_HOUR_LIMIT": "0"]
                try await stack.withWorker(off) { _ in
                    let answer = try await client.ask("off-1")
                    #expect(answer.payload["source"] as? String == "model")
                    let usage = try #require(answer.payload["usage"] as? [String: Any])
                    #expect((usage["cost_usd"] as? Double ?? 0) > 0, "what it cost is told")
                    #expect("\(limits(answer)["cost_left_usd"] ?? "")" == "<null>")
                }
            }
        }
    }
}
