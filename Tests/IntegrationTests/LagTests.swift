import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// `strategyctl lag`.
    struct Lags {
        private static let normal = "strategy:{0}:requests:normal"

        private func queue(_ page: [String: Any], _ name: String) throws -> [String: Any] {
            let partitions = try #require(page["partitions"] as? [[String: Any]])
            let queues = try #require(partitions.first?["queues"] as? [[String: Any]])
            return try #require(queues.first { $0["priority"] as? String == name })
        }

        @Test func `what waits and runs is exact, also where Redis does not know it`() async throws
        {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            let empty = try ctl.run("lag")
            #expect(empty.status == 0 && empty.output.contains("Nothing waits and nothing runs"))
            #expect(empty.output.contains("no group"))

            try plain.ask("XGROUP", "CREATE", Self.normal, "workers", "0", "MKSTREAM")
            let ids = try (0..<5).compactMap { index in
                try plain.ask("XADD", Self.normal, "*", "request_id", "r\(index)").string
            }
            try plain.ask(
                "XREADGROUP",
                "GROUP",
                "workers",
                "w",
                "COUNT",
                "2",
                "STREAMS",
                Self.normal,
                ">"
            )
            var found = try queue(ctl.json("lag"), "normal")
            #expect(found["waiting"] as? Int == 3 && found["in_flight"] as? Int == 2)
            #expect(found["redis_lag"] as? Int == 3 && found["lag_known"] as? Bool == true)
            try #require(ids.count == 5)
            try plain.ask("XDEL", Self.normal, ids[3])
            found = try queue(ctl.json("lag"), "normal")
            #expect(found["waiting"] as? Int == 2 && found["lag_known"] as? Bool == false)
            #expect(found["redis_lag"] is NSNull)
            #expect(try ctl.run("lag").output.contains("unknown"))
        }

        @Test func `the sums are of all partitions, and the load is told where there is one`()
            async throws
        {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            for partition in 0..<3 {
                try plain.ask(
                    "XADD",
                    "strategy:{\(partition)}:requests:low",
                    "*",
                    "request_id",
                    "a"
                )
            }
            try plain.ask(
                "HSET",
                "strategy:{1}:load",
                "waiting",
                "1",
                "estimated_wait_ms",
                "61000",
                "accepting",
                "0"
            )
            let page = try ctl.json("lag", settings: ["PARTITIONS": "3"])
            #expect(page["waiting"] as? Int == 3)
            let partitions = try #require(page["partitions"] as? [[String: Any]])
            #expect(partitions.map { $0["estimated_wait_ms"] as? Int } == [nil, 61_000, nil])
            let text = try ctl.run("lag", settings: ["PARTITIONS": "3"]).output
            #expect(text.contains("1 min; hold back"), "\(text)")
        }

        @Test func `a long backlog costs no more than a short one`() async throws {
            let redis = try await RedisServer()
            defer { redis.stop() }
            let (ctl, plain) = (Ctl(redis: redis), try PlainRedis(redis))
            func shortest() throws -> Duration {
                try (0..<5).map { _ in
                    try ContinuousClock().measure { try ctl.run("lag") }
                }.min() ?? .zero
            }
            let before = try shortest()
            let fill = "for i = 1, 200000 do redis.call('XADD', KEYS[1], '*', 'request_id', i) end"
            try plain.ask("EVAL", fill, "1", Self.normal)
            let after = try shortest()
            #expect(try ctl.json("lag")["waiting"] as? Int == 200_000)
            #expect(after < before + .milliseconds(100), "\(before), then \(after)")
        }
    }
}
