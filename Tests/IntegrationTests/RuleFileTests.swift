import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// The files by which an operator changes what is offered, end to end.
    struct RuleFiles {
        @Test func `a limit of THRESHOLDS_FILE binds, and what it leaves out stands`() async throws
        {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("thresholds.json")
                try write("{\"quantity_max\":0}", to: file)
                try await stack.withWorker(["THRESHOLDS_FILE": file]) { _ in
                    let payload = try await Orchestrator(stack).ask("bound-1").payload
                    #expect(payload["decision"] as? String == "no_trade")
                    let reason = try #require(payload["no_trade"] as? [String: Any])
                    #expect(reason["rule"] as? String == "S16")
                    #expect((reason["message"] as? String)?.contains("at most 0") == true)
                }
                try write("{\"credit_share\":0,\"vix_cheap\":0}", to: file)
                try await stack.withWorker(["THRESHOLDS_FILE": file]) { _ in
                    let payload = try await Orchestrator(stack).ask("bound-2").payload
                    #expect(payload["decision"] as? String == "trade")
                    let validation = try #require(payload["validation"] as? [String: Any])
                    let findings = try #require(validation["findings"] as? [[String: Any]])
                    #expect(!findings.contains { $0["rule"] as? String == "R08" }, "\(findings)")
                }
            }
        }

        @Test(arguments: [
            ("{\"credit_shore\":0.2}", "credit_shore"), ("{\"quantity_max\":-1}", "quantity_max"),
            ("{\"credit_share\":0.2", "thresholds"),
        ])
        func `a wrong THRESHOLDS_FILE is told at the start, and nothing runs`(
            text: String,
            named: String
        ) async throws {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("thresholds.json")
                try write(text, to: file)
                let (status, output) = try Program.run(
                    [try BuiltProducts.url(of: "strategy-worker").path],
                    environment: [
                        "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                        "REDIS_URL": stack.redis.url, "THRESHOLDS_FILE": file,
                        "OPENAI_API_KEY": "sk-sim-test", "HEALTH_PORT": "0",
                        "OPENAI_BASE_URL": "http://127.0.0.1:\(stack.simulator.port)/v1",
                    ]
                )
                #expect(status != 0 && status != 124, "\(output)")
                #expect(output.contains(named), "\(output)")
            }
        }

        @Test func `RESTRICTED_FILE is in force, and again when it changes`() async throws {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("restricted")
                try write("# nothing of this\nsymbol SPY\n", to: file)
                try await stack.withWorker(["RESTRICTED_FILE": file]) { _ in
                    let client = try Orchestrator(stack)
                    let refused = try await client.ask("listed-1")
                    #expect(refused.code == "unsuitable")
                    #expect(refused.payload["field"] as? String == "/market_context/symbol")
                    try write("strategy bull_put_spread\nstrategy bull_call_spread\n", to: file)
                    let answer = try await firstResult(client)
                    let strategy = answer["strategy"] as? [String: Any]
                    let name = strategy?["name"] as? String
                    #expect(name != "bull_put_spread" && name != "bull_call_spread")
                }
            }
        }

        private func write(_ text: String, to path: String) throws {
            try Data(text.utf8).write(to: URL(filePath: path))
        }

        /// Asks until there is one: workers look at the file once a second.
        private func firstResult(_ client: Orchestrator) async throws -> [String: Any] {
            for number in 0..<200 {
                let answer = try await client.ask("changed-\(number)")
                if answer.name == "result" { return answer.payload }
                try await Task.sleep(for: .milliseconds(50))
            }
            throw CancellationError()
        }
    }
}
