import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl breaker`.
    struct Breakers {
        private func states(_ page: [String: Any]) -> [String: String] {
            let ways = page["breakers"] as? [[String: Any]] ?? []
            return Dictionary(
                ways.compactMap { way in
                    (way["name"] as? String).map { ($0, way["state"] as? String ?? "") }
                },
                uniquingKeysWith: { one, _ in one }
            )
        }

        @Test func `a key that was refused is tried again at the word of an operator`()
            async throws
        {
            try await Stack.run { stack in
                let ctl = Ctl(redis: stack.redis)
                let empty = try ctl.run("breaker")
                #expect(empty.status == 0 && empty.output.contains("No way to a model"))
                let changes = ["OPENAI_FALLBACK_MODELS": "gpt-4.1"]
                try await stack.withWorker(changes) { worker in
                    try stack.misbehave(#"{"mode":"error","code":"invalid_api_key"}"#)
                    let client = try Orchestrator(stack)
                    let refused = try await client.ask("off-1")
                    #expect(refused.payload["source"] as? String == "rule_based")
                    let off = ["primary:gpt-4-turbo": "off", "primary:gpt-4.1": "off"]
                    #expect(states(try ctl.json("breaker")) == off)
                    let page = try ctl.run("breaker", "list").output
                    #expect(page.contains("key_refused") && page.contains("tried again in"))

                    let unknown = try ctl.run("breaker", "reset", "secondary")
                    #expect(unknown.status == 1 && unknown.output.contains("primary:gpt-4.1"))
                    #expect(try ctl.run("breaker", "reset").status == 64)
                    #expect(states(try ctl.json("breaker")) == off)

                    // Not mended: the first call closes it again.
                    let one = states(try ctl.json("breaker", "reset", "primary:gpt-4.1"))
                    #expect(one == ["primary:gpt-4.1": "ramping"])
                    try await eventually("it off again") {
                        _ = try await client.ask("still-\(UUID().uuidString)")
                        return states(try ctl.json("breaker")) == off
                    }

                    stack.behave()
                    let both = states(try ctl.json("breaker", "reset", "primary"))
                    #expect(both == off.mapValues { _ in "ramping" })
                    try await eventually("an answer of the model's") {
                        let answer = try await client.ask("well-\(UUID().uuidString)")
                        return answer.payload["source"] as? String == "model"
                    }
                    #expect(worker.exitStatus == nil)
                }
            }
        }
    }
}
