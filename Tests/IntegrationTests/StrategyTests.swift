import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// What the engine makes of requests and of the model's answers, end to end.
    struct Strategies {
        @Test
        func `a model's strategy is held against the rules, with its figures and their basis`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let payload = try await Orchestrator(stack).ask("engine-1").payload
                    #expect(payload["source"] as? String == "model")
                    #expect(payload["verdict"] as? String == "conditional")
                    let strategy = try #require(payload["strategy"] as? [String: Any])
                    let chance = try #require(strategy["probability_of_profit"] as? Double)
                    #expect((0.3...0.99).contains(chance))
                    #expect((strategy["disclosures"] as? [String])?.isEmpty == false)
                    let basis = try #require(payload["basis"] as? [String: Any])
                    #expect(basis["volatility"] as? Double == 0.185)
                    #expect(
                        (basis["volatility_source"] as? String)?.contains("assumed_vol") == true
                    )
                    #expect(basis["prices"] as? String == "estimate")
                    let validation = try #require(payload["validation"] as? [String: Any])
                    #expect(validation["rule_pack"] is String)
                }
            }
        }

        @Test func `a restricted symbol never reaches the model, and the list needs no restart`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let client = try Orchestrator(stack)
                    let added = try restrict(stack, "add")
                    #expect(added.status == 0 && added.output == "symbol SPY\n", "\(added)")
                    try await untilAnswered(client, "rejected")
                    let answer = try await client.ask("restricted-1")
                    #expect(answer.code == "unsuitable")
                    #expect(answer.payload["field"] as? String == "/market_context/symbol")
                    let path = "/simulator/usage?request_id=restricted-1"
                    let usage = PlainHTTP.get(path, port: stack.simulator.port)?.text ?? ""
                    #expect(usage.contains("\"requests\":{}"), "\(usage)")
                    #expect(try restrict(stack, "remove").output.isEmpty)
                    try await untilAnswered(client, "result")
                }
            }
        }

        private func restrict(
            _ stack: Stack,
            _ command: String
        ) throws -> (status: Int32, output: String) {
            try Program.run(
                [
                    try BuiltProducts.url(of: "strategyctl").path, "restrict", command, "symbol",
                    "SPY",
                ],
                environment: [
                    "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                    "REDIS_URL": stack.redis.url,
                ]
            )
        }

        /// Asks until the answer is of this kind: workers look at the list once a second.
        private func untilAnswered(_ client: Orchestrator, _ name: String) async throws {
            for number in 0..<200 {
                if try await client.ask("until-\(name)-\(number)").name == name { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("no \(name) came")
        }

        @Test(arguments: [
            ("free", false), ("basic", false), ("premium", true), ("enterprise", true),
        ])
        func `a portfolio is told of from tier premium on`(tier: String, isTold: Bool) async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker(["DEFAULT_TIER": tier]) { _ in
                    let client = try Orchestrator(stack)
                    let payload = try await client.ask("held-1", Self.holding).payload
                    #expect(payload["decision"] as? String == "trade")
                    let impact = payload["portfolio_impact"] as? [String: Any]
                    #expect((impact != nil) == isTold)
                    let validation = try #require(payload["validation"] as? [String: Any])
                    let odd = validation["positions"] as? [[String: Any]]
                    #expect(odd?.first?["fault"] as? String == "expired", "\(validation)")
                    guard let impact else { return }
                    #expect((impact["scenarios"] as? [Any])?.isEmpty == false)
                    #expect(impact["shares"] as? Int == 300)
                    let custom = Self.holding.replacing(
                        "{\"user_id\"",
                        with: "{\"mode\":\"custom\",\"user_id\""
                    )
                    let answer = try await client.ask("custom-1", custom)
                    #expect((answer.code == "tier_feature") == (tier == "premium"))
                }
            }
        }

        private static let holding = """
            {"user_id":"user123","user_intent":"income","market_context":{"symbol":"SPY",
            "current_price":450.0,"vix":18.5,"trend":"bullish"},"portfolio_context":{"positions":[
            {"symbol":"SPY","quantity":300},{"symbol":"SPY   240119C00400000","quantity":1}]},
            "risk_preferences":{"risk_tolerance":"medium","max_loss":1000},
            "account":{"equity_usd":100000,"approval_level":3}}
            """

        @Test func `no pace left is answered by rule, costs nothing, and frees what was set aside`()
            async throws
        {
            try await Stack.run { stack in
                let limits = ["ENABLE_RATE_LIMITING": "true", "REQUESTS_PER_MINUTE": "0"]
                try await stack.withWorker(limits) { _ in
                    let client = try Orchestrator(stack)
                    let answer = try await client.ask("pace-1")
                    #expect(answer.payload["degraded"] as? String == "global_pace")
                    #expect(answer.payload["decision"] as? String == "trade")
                    let usage = try #require(answer.payload["usage"] as? [String: Any])
                    #expect(usage["cost_usd"] as? Double == 0)
                    let reserved = try client.redis.ask(
                        "HGET",
                        "strategy:{0}:user:user123:cost",
                        "reserved_nanousd"
                    ).string
                    #expect(reserved == "0")
                }
            }
        }

        @Test func `what a level forbids is not passed on, whatever the model writes`() async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let forLevel2 = seedPayload.replacing(
                        "\"max_cost_usd\"",
                        with: "\"account\":{\"approval_level\":2},\"max_cost_usd\""
                    )
                    let payload = try await Orchestrator(stack).ask("level-1", forLevel2).payload
                    #expect(payload["source"] as? String == "rule_based")
                    // All that suits needs level 3: there is nothing to choose.
                    #expect(payload["degraded"] as? String == "nothing_to_choose")
                    let strategy = payload["strategy"] as? [String: Any]
                    let why = payload["no_trade"] as? [String: Any]
                    #expect((strategy == nil) != (why == nil))
                }
            }
        }
    }
}
