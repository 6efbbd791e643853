import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl submit`, as people and scripts use it.
    struct Operator {
        private static let flags = [
            "--user", "user123", "--symbol", "SPY", "--price", "450", "--intent", "some income",
        ]

        private func submit(
            _ stack: Stack,
            _ arguments: [String],
            input: String = "",
            folder: URL? = nil,
            settings: [String: String]? = nil
        ) throws -> (status: Int32, output: String) {
            let path = try BuiltProducts.url(of: "strategyctl").path
            let base = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
            let whole = base.merging(settings ?? ["REDIS_URL": stack.redis.url]) { $1 }
            return try Program.run(
                [path, "submit"] + arguments,
                input: input,
                environment: whole,
                folder: folder
            )
        }

        @Test func `an answer is 0, from flags, a file and standard input`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let byFlags = try submit(stack, Self.flags)
                    #expect(byFlags.status == 0, "\(byFlags.output)")
                    for word in ["strike", "max loss", "breakeven", "expiry", "written by"] {
                        #expect(byFlags.output.contains(word), "\(word)")
                    }
                    #expect(!byFlags.output.contains("\u{1B}"))
                    let folder = try TemporaryDirectory()
                    let file = folder.path("request.json")
                    try Data(seedPayload.utf8).write(to: URL(filePath: file))
                    #expect(try submit(stack, [file]).status == 0)
                    let piped = try submit(stack, ["-", "--json"], input: seedPayload)
                    #expect(piped.status == 0)
                    let read = try JSONSerialization.jsonObject(with: Data(piped.output.utf8))
                    #expect((read as? [String: Any])?["decision"] as? String == "trade")
                }
            }
        }

        @Test func `flags replace what a file says`() async throws {
            try await Stack.run { stack in
                let request = ["-", "--user", "other", "--price", "99", "--timeout", "0.1"]
                let (status, _) = try submit(stack, request, input: seedPayload)
                #expect(status == 4)
                let redis = try PlainRedis(stack.redis)
                let entry = try redis.ask("XRANGE", Orchestrator.requests, "-", "+").list.first
                let words = entry?.list.last?.list.compactMap(\.string) ?? []
                let place = try #require(words.firstIndex(of: "payload")) + 1
                let read = try JSONSerialization.jsonObject(with: Data(words[place].utf8))
                let payload = try #require(read as? [String: Any])
                #expect(payload["user_id"] as? String == "other")
                let market = try #require(payload["market_context"] as? [String: Any])
                #expect(market["current_price"] as? Double == 99)
                #expect(market["vix"] as? Double == 18.5 && market["symbol"] as? String == "SPY")
            }
        }

        @Test func `a refusal is 2, a failure 3, no answer 4`() async throws {
            try await Stack.run { stack in
                let silent = try submit(stack, Self.flags + ["--timeout", "0.2"])
                #expect(silent.status == 4)
                #expect(silent.output.contains("no answer"))
                try await stack.withWorker { _ in
                    let refused = try submit(stack, ["-"], input: #"{"user_id":"u"}"#)
                    #expect(refused.status == 2)
                    #expect(refused.output.contains("/user_intent"), "\(refused.output)")
                }
                // What is on its reply stream already is a request's answer.
                try PlainRedis(stack.redis).ask(
                    ["XADD", Orchestrator.reply("f-1"), "*"].map { Array($0.utf8) }
                        + [
                            "event", "failed", "request_id", "f-1", "attempt", "5", "at", "1",
                            "v", "1", "payload",
                            #"{"code":"attempts_exhausted","message":"m","attempts":5}"#,
                        ].map { Array($0.utf8) }
                )
                let failed = try submit(stack, Self.flags + ["--request-id", "f-1"])
                #expect(failed.status == 3)
                #expect(failed.output.contains("attempts_exhausted"))
            }
        }

        @Test func `events are shown as they come`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let shown = try submit(stack, Self.flags + ["--events", "--json"])
                    #expect(shown.status == 0)
                    let names = try shown.output.split(separator: "\n").map { line in
                        let read = try JSONSerialization.jsonObject(with: Data(line.utf8))
                        return (read as? [String: Any])?["event"] as? String
                    }
                    #expect(names == ["accepted", "provisional", "result"])
                }
            }
        }

        @Test func `wrong use is 64, an unreadable file 66, an absent Redis 69`() async throws {
            try await Stack.run { stack in
                #expect(try submit(stack, []).status == 64)
                #expect(try submit(stack, ["--user", "u"]).status == 64)
                for (flag, value) in [
                    ("--priority", "retry"), ("--priority", "urgent"), ("--deadline", "0"),
                    ("--timeout", "1e30"), ("--timeout", "nan"), ("--timeout", "-1"),
                    ("--price", "inf"), ("--request-id", "a b"),
                ] {
                    let (status, output) = try submit(stack, Self.flags + [flag, value])
                    #expect(status == 64, "\(flag) \(value): \(output)")
                }
                #expect(try submit(stack, ["/nowhere.json"]).status == 66)
                #expect(try submit(stack, ["-"], input: "no json").status == 66)
                let nobody = ["REDIS_URL": "redis://u:hush@127.0.0.1:1"]
                let absent = try submit(stack, Self.flags, settings: nobody)
                #expect(absent.status == 69)
                #expect(!absent.output.contains("hush"))
            }
        }

        @Test func `without variables the address is read from the folder's .run`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let folder = try TemporaryDirectory()
                    let run = folder.url.appending(path: ".run")
                    try FileManager.default.createDirectory(
                        at: run,
                        withIntermediateDirectories: false
                    )
                    try Data("REDIS_URL=\(stack.redis.url)\n".utf8)
                        .write(to: run.appending(path: "env"))
                    let (status, output) = try submit(
                        stack,
                        Self.flags,
                        folder: folder.url,
                        settings: [:]
                    )
                    #expect(status == 0, "\(output)")
                }
            }
        }
    }
}
