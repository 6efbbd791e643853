import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// Requests for all events, whose answers are followed while a model writes them.
    struct Progress {
        @Test func `a slow answer is told of while it comes`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    try stack.misbehave(#"{"mode":"slow","latency_ms":"2500"}"#)
                    let client = try Orchestrator(stack)
                    let answer = try await client.ask("told", and: ("events", "all"))
                    #expect(answer.payload["source"] as? String == "model", "\(answer.fields)")
                    let usage = try #require(answer.payload["usage"] as? [String: Any])
                    #expect(usage["estimated"] as? Bool == false, "\(usage)")

                    let events = try client.events("told")
                    let names = events.map(\.name)
                    let told = events.filter { $0.name == "progress" }
                    #expect(told.count >= 2, "\(names)")
                    #expect(
                        names == ["accepted", "provisional"]
                            + told.map { _ in "progress" } + ["result"]
                    )
                    let counts = told.compactMap { $0.payload["tokens"] as? Int }
                    #expect(counts.count == told.count)
                    #expect(try #require(counts.first) > 0)
                    #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 < $1 }, "\(counts)")
                    #expect(told.allSatisfy { $0.payload["stage"] as? String == "ask" })
                    #expect(told.allSatisfy { $0.payload.count == 2 })
                }
            }
        }

        @Test func `who asks for the result alone is told nothing on the way`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    try stack.misbehave(#"{"mode":"slow","latency_ms":"1200"}"#)
                    let client = try Orchestrator(stack)
                    _ = try await client.ask("still")
                    #expect(try client.events("still").map(\.name) == ["result"])
                }
            }
        }

        @Test
        func `an endpoint that refuses to stream answers in one piece from then on`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let client = try Orchestrator(stack)
                    try stack.misbehave(
                        #"{"status":400,"param":"stream_options","times":1}"#
                    )
                    let answer = try await client.ask("refused", and: ("events", "all"))
                    #expect(answer.payload["source"] as? String == "model", "\(answer.fields)")
                    let usage = try #require(answer.payload["usage"] as? [String: Any])
                    #expect(usage["estimated"] as? Bool == false, "\(usage)")

                    // Streamed, this one would be told of.
                    try stack.misbehave(#"{"mode":"slow","latency_ms":"1500"}"#)
                    let known = try await client.ask("known", and: ("events", "all"))
                    #expect(known.payload["source"] as? String == "model", "\(known.fields)")
                    #expect(
                        try client.events("known").map(\.name)
                            == ["accepted", "provisional", "result"]
                    )
                }
            }
        }

        @Test(arguments: [
            ("fenced", "model", false), ("unstreamed", "model", false), ("length", "model", false),
            ("no_usage", "model", true),
            ("truncate", "rule_based", true), ("reset_midway", "rule_based", true),
            ("stall_midway", "rule_based", true), ("html", "rule_based", true),
            ("refusal", "rule_based", false),
        ])
        func `however a stream goes, one answer comes and is charged`(
            mode: String,
            source: String,
            isEstimated: Bool
        ) async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    try stack.misbehave("{\"mode\":\"\(mode)\"}")
                    let client = try Orchestrator(stack)
                    let answer = try await client.ask(
                        "odd",
                        and: ("events", "all"),
                        ("deadline_ms", "4000")
                    )
                    #expect(answer.payload["source"] as? String == source, "\(answer.fields)")
                    let usage = try #require(answer.payload["usage"] as? [String: Any])
                    #expect(usage["estimated"] as? Bool == isEstimated, "\(usage)")
                    #expect(try client.events("odd").filter(\.isTerminal).count == 1)
                }
            }
        }
    }
}
