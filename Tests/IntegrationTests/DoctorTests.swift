import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl doctor`.
    struct Doctors {
        /// What it found, by name; nil where a check is well.
        private func findings(
            _ ctl: Ctl,
            settings: [String: String] = [:]
        ) throws -> [String: String] {
            let page = try ctl.json("doctor", settings: settings)
            let checks = try #require(page["checks"] as? [[String: Any]])
            let wrong = checks.filter { $0["ok"] as? Bool == false }
            for check in wrong {
                #expect((check["why"] as? String)?.isEmpty == false, "\(check)")
                #expect((check["mend"] as? String)?.isEmpty == false, "\(check)")
            }
            return Dictionary(
                wrong.compactMap { check in
                    guard let name = check["name"] as? String else { return nil }
                    return (name, check["detail"] as? String ?? "")
                }
            ) { $1 }
        }

        @Test func `a server that is set up wrongly is told what is wrong`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            #expect(
                Set(try findings(ctl).keys)
                    == ["persistence", "agreement", "groups", "supervisor", "workers"]
            )
            let checks = try ctl.json("doctor")["checks"] as? [[String: Any]] ?? []
            let outbox = checks.first { $0["name"] as? String == "outbox" }
            #expect(outbox?["detail"] as? String == "0 rows wait to be carried to PostgreSQL")
            try plain.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            try plain.ask("CONFIG", "SET", "stream-node-max-bytes", "4096")
            try plain.ask("CONFIG", "SET", "maxmemory", "1000000000")
            try plain.ask("HSET", "strategy:{global}:config", "partitions", "4", "schema", "1")
            let found = try findings(ctl)
            #expect(found["eviction"]?.contains("allkeys-lru") == true)
            #expect(found["stream nodes"]?.contains("4096") == true)
            #expect(found["agreement"]?.contains("4 partitions") == true)
            let text = try ctl.run("doctor")
            #expect(text.status == 1)
            #expect(text.output.contains("CONFIG SET maxmemory-policy noeviction"))
            let four = try findings(ctl, settings: ["PARTITIONS": "4"])
            #expect(four["agreement"] == nil && four["groups of 3"] != nil)
        }

        @Test func `dead consumers, ghosts and replies that never expire are found`() async throws {
            let redis = try await RedisServer(appendOnly: true)
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let normal = "strategy:{0}:requests:normal"
            for queue in ["retry", "high", "normal", "low"] {
                let key = "strategy:{0}:requests:\(queue)"
                try plain.ask("XGROUP", "CREATE", key, "workers", "0", "MKSTREAM")
            }
            for id in ["1-1", "1-2"] { try plain.ask("XADD", normal, id, "request_id", "a") }
            try plain.ask(
                "XREADGROUP",
                "GROUP",
                "workers",
                "gone",
                "COUNT",
                "2",
                "STREAMS",
                normal,
                ">"
            )
            try plain.ask("XDEL", normal, "1-2")
            try plain.ask("XADD", "strategy:{0}:reply:left", "*", "event", "accepted")
            try plain.ask("HSET", "strategy:{0}:counters", "admitted", "2", "ended", "1")
            let found = try findings(ctl)
            #expect(found["consumers"]?.contains("2 entries are held by 1 dead consumer") == true)
            #expect(found["ghosts"]?.contains("as 1-2") == true)
            #expect(found["replies"]?.contains("strategy:{0}:reply:left") == true)
            #expect(found["books"]?.contains("off by 1") == true)
            #expect(found["persistence"] == nil && found["groups"] == nil)
            try plain.ask("SET", "strategy:{0}:worker:gone", "boot 1.0.0 1", "EX", "60")
            #expect(try findings(ctl)["consumers"] == nil)
        }
    }
}
