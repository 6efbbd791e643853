import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl explain` and `answer`.
    struct Explanations {
        private func life(_ ctl: Ctl, _ id: String) throws -> [String: Any] {
            let page = try ctl.json("explain", id)
            return try #require((page["partitions"] as? [[String: Any]])?.first)
        }

        private func moments(_ life: [String: Any]) throws -> [[String: Any]] {
            try #require(life["moments"] as? [[String: Any]])
        }

        @Test func `a request that was answered has its calls and its cost, in order`() async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let orchestrator = try Orchestrator(stack)
                    let ctl = Ctl(redis: stack.redis)
                    let answer = try await orchestrator.ask(
                        "told",
                        seedPayload,
                        and: ("events", "all")
                    )
                    // The first event is `accepted`; the answer may be on its way.
                    _ = try await orchestrator.answer(to: "told")
                    let life = try life(ctl, "told")
                    #expect(life["state"] as? String == "ended")
                    #expect(life["user_id"] as? String == "user123")
                    let moments = try moments(life)
                    let whats = moments.compactMap { $0["what"] as? String }
                    #expect(
                        Set(whats)
                            == ["added", "accepted", "provisional", "asked", "answered", "result"]
                    )
                    let times = moments.compactMap { $0["at"] as? Int }
                    #expect(times == times.sorted() && times.count == moments.count)
                    let end = try #require(moments.first { $0["what"] as? String == "result" })
                    let usage = answer.payload["usage"] as? [String: Any]
                    #expect(end["cost_usd"] as? Double == usage?["cost_usd"] as? Double)
                    #expect(end["payer"] as? String == "user")
                    let text = try ctl.run("explain", "told").output
                    #expect(!text.contains("conservative income"), "what the user wrote")
                    #expect(text.contains("ended, result") && text.contains("tokens in"))
                }
            }
        }

        @Test func `one that waits is found, and one that is held names its owner`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let normal = "strategy:{0}:requests:normal"
            try plain.ask("XGROUP", "CREATE", normal, "workers", "0", "MKSTREAM")
            try plain.ask(Orchestrator.adding("first", "{}"))
            try plain.ask(Orchestrator.adding("second", "{}"))
            try plain.ask(
                "XREADGROUP",
                "GROUP",
                "workers",
                "gone",
                "COUNT",
                "1",
                "STREAMS",
                normal,
                ">"
            )
            let held = try life(ctl, "first")
            let pending = try #require(held["pending"] as? [String: Any])
            #expect(pending["owner"] as? String == "gone")
            #expect(pending["owner_lives"] as? Bool == false && pending["deliveries"] as? Int == 1)
            let waiting = try life(ctl, "second")
            #expect(waiting["state"] as? String == "unread" && waiting["pending"] is NSNull)
            #expect(try moments(waiting).map { $0["what"] as? String } == ["added"])
            #expect(try ctl.run("explain", "second").output.contains("read by no worker yet"))
        }

        @Test func `what is unknown is 1, and wrong use 64`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let ctl = Ctl(redis: redis)
            for command in ["explain", "answer"] {
                let unknown = try ctl.run(command, "never")
                #expect(unknown.status == 1 && unknown.output.contains("nothing is known"))
                #expect(try ctl.run(command, "not allowed").status == 64)
                #expect(try ctl.run(command, "a", "--partition", "1").status == 64)
                #expect(
                    try ctl.run(command, "a", settings: ["REDIS_URL": "redis://127.0.0.1:1"])
                        .status == 69
                )
            }
        }

        @Test func `an answer can be read again, and is told when it is gone`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { _ in
                    let orchestrator = try Orchestrator(stack)
                    let ctl = Ctl(redis: stack.redis)
                    _ = try await orchestrator.ask("kept")
                    let shown = try ctl.run("answer", "kept")
                    #expect(shown.status == 0 && shown.output.contains("max loss"))
                    #expect(try ctl.json("answer", "kept")["request_id"] as? String == "kept")
                    _ = try await orchestrator.ask("wrong", "{}")
                    #expect(try ctl.run("answer", "wrong").status == 2)
                    try orchestrator.redis.ask("DEL", Orchestrator.reply("kept"))
                    let gone = try ctl.run("answer", "kept")
                    #expect(gone.status == 4 && gone.output.contains("ended as result"))
                    #expect(gone.output.contains("USD"))
                }
            }
        }
    }
}
