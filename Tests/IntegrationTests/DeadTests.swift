import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl dead`.
    struct DeadLetters {
        private static let dead = "strategy:{0}:dead"

        /// A letter as the supervisor writes it.
        private func bury(_ plain: PlainRedis, _ id: String, more: [String] = []) throws -> String {
            let words =
                ["XADD", Self.dead, "*", "reason", "5 attempts were not finished by their workers"]
                + ["queue", "retry", "entry_id", "1-1", "at", "1795798460947", "attempts", "5"]
                + ["entry.request_id", id, "entry.payload", #"{"user_intent":"hush"}"#]
                + ["entry.deadline_ms", "9000", "entry.attempt", "5", "entry.priority", "high"]
                + ["entry.requeued_from", "1-1", "entry.deaths", "5", "bytes_cut", "0"] + more
            return try plain.ask(words.map { Array($0.utf8) }).string ?? ""
        }

        private func fields(_ entry: PlainRedis.Reply) -> [String: String] {
            let words = entry.list.last?.list.compactMap(\.string) ?? []
            return stride(from: 0, to: words.count - 1, by: 2).reduce(into: [:]) {
                $0[words[$1]] = words[$1 + 1]
            }
        }

        @Test func `letters are listed and shown, without what the user wrote`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            #expect(try ctl.run("dead", "list").output.contains("No dead letters"))
            let id = try bury(plain, "lost")
            let list = try ctl.json("dead", "list")
            let letter = try #require((list["letters"] as? [[String: Any]])?.first)
            #expect(letter["id"] as? String == id && letter["request_id"] as? String == "lost")
            #expect(letter["attempts"] as? Int == 5 && list["total"] as? Int == 1)
            #expect(
                try ctl.run("dead", "list", "--reason", "other").output.contains("None of the 1")
            )
            let shown = try ctl.run("dead", "show", id)
            #expect(shown.status == 0 && !shown.output.contains("hush"))
            #expect(shown.output.contains("22 bytes; --payload"), "\(shown.output)")
            #expect(try ctl.run("dead", "show", id, "--payload").output.contains("hush"))
            #expect(try ctl.run("dead", "show", "1-1").status == 1)
            #expect(try ctl.run("dead", "show", "nonsense").status == 64)
        }

        @Test func `a replay is a new request with all its time, and the letter goes`() async throws
        {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let high = "strategy:{0}:requests:high"
            let id = try bury(plain, "lost")
            let said = try ctl.run("dead", "replay", id)
            #expect(said.status == 0 && said.output.contains("would replay"), "\(said.output)")
            #expect(said.output.contains("unauthorized"))
            #expect(try plain.ask("XLEN", high).int == 0 && plain.ask("XLEN", Self.dead).int == 1)

            #expect(try ctl.run("dead", "replay", id, "--yes").status == 0)
            #expect(try plain.ask("XLEN", Self.dead).int == 0)
            let entry = try #require(try plain.ask("XRANGE", high, "-", "+").list.first)
            #expect(
                fields(entry) == [
                    "request_id": "lost.r1", "replay_of": "lost", "deadline_ms": "9000",
                    "payload": #"{"user_intent":"hush"}"#,
                ]
            )
            // A replay of the replay counts on, past what is known.
            try plain.ask("HSET", "strategy:{0}:request:lost.r2", "state", "ended")
            let second = try bury(plain, "lost.r1")
            let plan = try ctl.json("dead", "replay", second)
            let replay = try #require((plan["replays"] as? [[String: Any]])?.first)
            #expect(replay["request_id"] as? String == "lost.r1")
            try plain.ask("HSET", "strategy:{0}:request:lost.r1", "state", "ended")
            let third = try ctl.json("dead", "replay", second)
            let next = try #require((third["replays"] as? [[String: Any]])?.first)
            #expect(next["request_id"] as? String == "lost.r3")
            #expect(next["replay_of"] as? String == "lost")
        }

        @Test func `what cannot be replayed says why, and all can be, at a rate`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let nameless = try plain.ask(
                "XADD",
                Self.dead,
                "*",
                "reason",
                "the entry has no request_id",
                "queue",
                "normal",
                "bytes_cut",
                "0",
                "entry.nonsense",
                "1"
            ).string
            let refused = try ctl.run("dead", "replay", nameless ?? "", "--yes")
            #expect(refused.status == 1 && refused.output.contains("names no request"))
            for index in 0..<4 { _ = try bury(plain, "a\(index)") }
            _ = try bury(plain, "a0")
            let time = try ContinuousClock().measure {
                let all = try ctl.run(
                    "dead",
                    "replay",
                    "--all",
                    "--reason",
                    "attempts",
                    "--rate",
                    "20",
                    "--yes"
                )
                #expect(all.status == 0, "\(all.output)")
            }
            #expect(time > .milliseconds(200), "five at 20 a second")
            let entries = try plain.ask("XRANGE", "strategy:{0}:requests:high", "-", "+").list
            let names = entries.compactMap { fields($0)["request_id"] }
            #expect(names == ["a0.r1", "a1.r1", "a2.r1", "a3.r1", "a0.r2"])
            #expect(try plain.ask("XLEN", Self.dead).int == 1, "the nameless one stays")
        }

        @Test func `letters are dropped only when told, and wrong use is 64`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let id = try bury(plain, "lost")
            #expect(try ctl.run("dead", "drop", id).output.contains("would delete"))
            #expect(try plain.ask("XLEN", Self.dead).int == 1)
            #expect(try ctl.run("dead", "drop", id, "--yes").status == 0)
            #expect(try plain.ask("XLEN", Self.dead).int == 0)
            #expect(try ctl.run("dead", "drop", id, "--yes").status == 1)
            #expect(try ctl.run("dead", "drop", "--yes").status == 64)
            #expect(try ctl.run("dead", "replay", id, "--all").status == 64)
            #expect(try ctl.run("dead", "replay", "--all", "--rate", "0").status == 64)
        }
    }
}
