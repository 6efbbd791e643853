import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl user`.
    struct Users {
        @Test func `the folder's database is not told of another service's users`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let folder = URL.temporaryDirectory.appending(path: "ctl-\(UUID().uuidString)")
            let run = folder.appending(path: ".run")
            try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            // Nobody listens there: a command that looked would say so.
            try Data("DATABASE_URL=postgresql://nobody@127.0.0.1:1/none\n".utf8)
                .write(to: run.appending(path: "env"))
            let set = try Program.run(
                [try BuiltProducts.url(of: "strategyctl").path, "user", "set", "bob"]
                    + ["--tier", "basic"],
                environment: ["PATH": "/usr/bin:/bin", "REDIS_URL": redis.url],
                folder: folder
            )
            #expect(set.status == 0, "\(set.output)")
            let profile = "strategy:{0}:user:bob:profile"
            #expect(try PlainRedis(redis).ask("HGET", profile, "tier").string == "basic")
        }

        @Test func `a profile is set, shown, and cleared, member by member`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let profile = "strategy:{0}:user:alice:profile"
            #expect(try ctl.run("user", "set", "alice", "--tier", "premium").status == 0)
            #expect(
                try ctl.run("user", "set", "alice", "--cost-per-hour", "75.5").status == 0
            )
            #expect(try plain.ask("HGET", profile, "tier").string == "premium")
            #expect(
                try plain.ask("HGET", profile, "cost_per_hour_nanousd").string == "75500000000"
            )
            let shown = try ctl.json("user", "show", "alice")
            #expect(shown["tier"] as? String == "premium")
            #expect(shown["tier_from"] as? String == "profile")
            let cost = try #require(shown["cost"] as? [String: Any])
            #expect(cost["limit_usd"] as? Double == 75.5 && cost["from"] as? String == "profile")
            let requests = try #require(shown["requests"] as? [String: Any])
            #expect(requests["limit"] as? Int == 200 && requests["from"] as? String == "tier")

            let level = try ctl.json("user", "set", "alice", "--approval-level", "2")
            #expect(level["approval_level"] as? Int == 2)
            #expect(try plain.ask("HGET", profile, "approval_level").string == "2")

            let cleared = try ctl.run(
                "user",
                "set",
                "alice",
                "--clear",
                "cost-per-hour",
                "--requests-per-hour",
                "7"
            )
            #expect(cleared.status == 0)
            #expect(cleared.output.contains("50") && cleared.output.contains("7"))
            #expect(try plain.ask("HEXISTS", profile, "cost_per_hour_nanousd").int == 0)
        }

        @Test func `what is spent, reserved and left is what admission counts`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let now = Int(try plain.ask("TIME").list.first?.string ?? "") ?? 0
            let (hour, user) = (3_600, "strategy:{0}:user:bob:")
            // One request and one cost have left the hour, and nobody has counted them off yet.
            try plain.ask("ZADD", user + "requests", "\((now - hour - 5) * 1_000)", "old")
            try plain.ask("ZADD", user + "requests", "\((now - 600) * 1_000)", "new")
            try plain.ask(
                "ZADD",
                user + "costlog",
                "\((now - hour - 5) * 1_000)",
                "300000000:old:1"
            )
            try plain.ask("ZADD", user + "costlog", "\((now - 600) * 1_000)", "100000000:new:1")
            try plain.ask(
                "HSET",
                user + "cost",
                "settled_nanousd",
                "400000000",
                "reserved_nanousd",
                "50000000",
                "limit_nanousd",
                "1000000000"
            )
            let shown = try ctl.json("user", "show", "bob")
            let requests = try #require(shown["requests"] as? [String: Any])
            #expect(requests["used"] as? Int == 1 && requests["left"] as? Int == 9)
            #expect(requests["frees_at"] as? Int == (now - 600 + hour) * 1_000)
            let cost = try #require(shown["cost"] as? [String: Any])
            #expect(cost["settled_usd"] as? Double == 0.1)
            #expect(cost["reserved_usd"] as? Double == 0.05)
            #expect(cost["left_usd"] as? Double == 0.85)
            let basic = try ctl.json("user", "show", "bob", settings: ["DEFAULT_TIER": "basic"])
            #expect(basic["tier"] as? String == "basic")
            let own = try #require(basic["cost"] as? [String: Any])
            #expect(own["limit_usd"] as? Double == 10, "whatever his last admission counted with")
            try plain.ask("HSET", "strategy:{global}:cost", "limit_nanousd", "4000000000")
            let capped = try ctl.json(
                "user",
                "show",
                "bob",
                settings: ["DEFAULT_TIER": "basic", "USER_COST_SHARE": "0.25"]
            )
            let share = try #require(capped["cost"] as? [String: Any])
            #expect(share["from"] as? String == "fleet_share" && share["limit_usd"] as? Double == 1)
        }

        @Test func `an unknown user is 1 and says so, wrong use is 64`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let ctl = Ctl(redis: redis)
            let unknown = try ctl.run("user", "show", "nobody")
            #expect(unknown.status == 1 && unknown.output.contains("nothing is known"))
            for arguments in [
                ["user", "set", "a"], ["user", "set", "a", "--tier", "gold"],
                ["user", "set", "a", "--cost-per-hour", "-1"],
                ["user", "set", "a", "--cost-per-hour", "9000001"],
                ["user", "set", "a", "--requests-per-hour", "-1"],
                ["user", "set", "a", "--approval-level", "5"],
                ["user", "set", "a", "--tier", "free", "--clear", "tier"],
                ["user", "set", "a\u{7}", "--tier", "free"], ["user", "show", ""],
            ] {
                let (status, output) = try ctl.run(arguments)
                #expect(status == 64, "\(arguments): \(output)")
            }
            let plain = try PlainRedis(redis)
            #expect(try plain.ask("DBSIZE").int == 0, "nothing of it was written")
        }
    }
}
