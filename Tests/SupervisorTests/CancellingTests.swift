import Contract
import Gateways
import Redis
import Supervisor
import Telemetry
import TestSupport
import Testing

/// What is taken back, and batches that do not come whole, in a real Redis.
struct CancellingTests {
    private func order(_ ward: Ward, _ fields: String...) async throws {
        var words = ["XADD", Ward.keys.cancel, "*"] + fields
        words += ["by", "desk"]
        try await ward.all([words])
    }

    private func obey(_ ward: Ward) async throws {
        let token = try #require(await ward.supervisor.leadership.token)
        // What was begun with comes first; the next reading waits for what is new.
        while try await ward.length(Ward.keys.cancel) > 0 {
            _ = try await ward.supervisor.obeyOnce(token)
        }
    }

    private func batch(
        _ ward: Ward,
        size: Int,
        open members: [String],
        envelope: String = "",
        deadlineMs: Int64
    ) async throws {
        let id = try #require(BatchID("b1"))
        var hash = ["HSET", Ward.keys.batch(id), "size", "\(size)", "deadline", "\(deadlineMs)"]
        hash += ["reply_ttl_ms", "60000", "remembered_ms", "600000"]
        if !envelope.isEmpty { hash += ["envelope", envelope] }
        try await ward.all([
            hash,
            ["SADD", Ward.keys.batchOpen(id)] + members,
            ["ZADD", Ward.keys.batches, "\(deadlineMs)", "b1"],
        ])
        for (index, name) in members.enumerated() {
            let entry = try await ward.take([name], by: "w1")[0]
            try await ward.admitted(name, entry, by: "w1", deadlineMs: deadlineMs)
            let place = "\(index) \(size) b1" + (envelope.isEmpty ? "" : " \(envelope)")
            try await ward.redis("HSET", Ward.keys.record(named: name), "batch", place)
        }
    }

    private func told(_ ward: Ward) async throws -> [[String: String]] {
        try await ward.entries(Ward.keys.batchReply(try #require(BatchID("b1"))))
    }

    @Test func `what nobody has read is remembered, and what is no order goes`() async throws {
        try await withWard { ward in
            try await order(ward, "request_id", "r1")
            try await order(ward, "batch_id", "b1")
            try await order(ward, "request_id", "a b")
            try await order(ward, "request_id", "r1", "batch_id", "b1")
            try await obey(ward)
            let id = try #require(RequestID("r1"))
            #expect(try await ward.redis("GET", Ward.keys.cancelMark(id)).text == "\"desk\"")
            let batch = try #require(BatchID("b1"))
            #expect(
                try await ward.redis("GET", Ward.keys.batchCancelMark(batch)).text == "\"desk\""
            )
            #expect(ward.metrics.work.cancelOrders.value(.remembered) == 1)
            #expect(ward.metrics.work.cancelOrders.value(.malformed) == 2)
            let pending = try await ward.redis("XPENDING", Ward.keys.cancel, "supervisor")
            #expect(pending.array?.first?.int == 0)
        }
    }

    @Test func `what is at the model ends, its user pays, and its worker is told`() async throws {
        try await withWard { ward in
            let deadline = try await ward.nowMs() + 30_000
            let entry = try await ward.take(["r1"], by: "w1")[0]
            try await ward.admitted("r1", entry, by: "w1", deadlineMs: deadline, calling: 800)
            try await order(ward, "request_id", "r1")
            try await obey(ward)
            let reply = try await ward.reply("r1")
            #expect(reply.map { $0["event"] } == ["cancelled"])
            #expect(reply.first?["payload"] == #"{"by":"desk","cost_usd":0.0000008}"#)
            let revoked = try await ward.redis("LRANGE", Ward.keys.revoked("w1"), "0", "-1")
            #expect(revoked.array?.first?.text == "normal \(entry) cancelled")
            let cost = try await ward.fields(Ward.keys.userCost("u"))
            #expect(cost["reserved_nanousd"] == "0" && cost["settled_nanousd"] == "800")
            let fleet = try await ward.fields(Ward.global.cost)
            #expect(fleet["reserved_nanousd"] == "0" && fleet["settled_nanousd"] == "800")
            #expect(try await ward.redis("HLEN", Ward.global.reservations).int == 0)
            #expect(try await ward.pending() == 0)
            #expect(ward.metrics.work.cancelOrders.value(.cancelled) == 1)
            // It has ended: a second order changes nothing.
            try await order(ward, "request_id", "r1")
            try await obey(ward)
            #expect(try await ward.reply("r1").count == 1)
            #expect(ward.metrics.work.cancelOrders.value(.ended) == 1)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `by its envelope's id a whole batch ends, and both streams tell its totals`()
        async throws
    {
        try await withWard { ward in
            let deadline = try await ward.nowMs() + 30_000
            try await batch(
                ward,
                size: 2,
                open: ["m0", "m1"],
                envelope: "e1",
                deadlineMs: deadline
            )
            let record = Ward.keys.record(named: "e1")
            try await ward.all([
                [
                    "HSET", record, "state", "expanded", "user", "u", "hash", "h", "attempt", "1",
                    "entry", "1-1", "queue", "low", "expands", "b1", "deadline", "\(deadline)",
                ],
                ["ZADD", Ward.keys.due, "\(deadline)", "e1"],
                ["HINCRBY", Ward.keys.counters, "admitted", "1"],
            ])
            try await order(ward, "request_id", "e1")
            try await obey(ward)
            for name in ["m0", "m1"] {
                #expect(try await ward.reply(name).map { $0["event"] } == ["cancelled"])
            }
            let events = try await told(ward)
            #expect(events.map { $0["event"] } == ["member", "member", "batch_complete"])
            #expect(try await ward.reply("e1").last?["payload"] == events.last?["payload"])
            #expect(events.last?["payload"]?.contains(#""cancelled":2,"missing":0"#) == true)
            #expect(try await ward.redis("ZCARD", Ward.keys.batches).int == 0)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `what of a burst has not come in time is missing, and what has come is waited for`()
        async throws
    {
        // The worker lives: what it has is its own.
        try await withWard(heartbeatTTL: .seconds(60)) { ward in
            try await ward.showLife(of: "w1")
            let past = try await ward.nowMs() - 60_000
            try await batch(ward, size: 3, open: ["m0"], deadlineMs: past)
            try await ward.redis(
                "HSET",
                Ward.keys.record(named: "m0"),
                "deadline",
                "\(past + 120_000)"
            )
            try await ward.redis("ZADD", Ward.keys.due, "\(past + 120_000)", "m0")
            await ward.round()
            #expect(ward.metrics.work.batchesClosed.value == 1)
            #expect(try await told(ward).isEmpty, "one of them is still open")
            let id = try #require(BatchID("b1"))
            let hash = try await ward.fields(Ward.keys.batch(id))
            #expect(hash["missing"] == "2" && hash["closed"] == "1")
            try await order(ward, "batch_id", "b1")
            try await obey(ward)
            let events = try await told(ward)
            #expect(events.map { $0["event"] } == ["member", "batch_complete"])
            #expect(events.last?["payload"]?.contains(#""cancelled":1,"missing":2"#) == true)
        }
    }

    @Test func `of a burst of which nothing came at all everything is missing`() async throws {
        try await withWard { ward in
            let id = try #require(BatchID("b1"))
            let past = try await ward.nowMs() - 60_000
            try await ward.all([
                [
                    "HSET", Ward.keys.batch(id), "size", "3", "deadline", "\(past)",
                    "reply_ttl_ms", "60000",
                ],
                ["ZADD", Ward.keys.batches, "\(past)", "b1"],
            ])
            await ward.round()
            let events = try await told(ward)
            #expect(events.map { $0["event"] } == ["batch_complete"])
            #expect(events.last?["payload"]?.contains(#""missing":3"#) == true)
            await ward.round()
            #expect(try await told(ward).count == 1)
            #expect(ward.metrics.work.batchesClosed.value == 1)
        }
    }

    @Test func `who has lost the lease takes nothing back, and leaves its orders`() async throws {
        try await withWard { ward in
            let token = try #require(await ward.supervisor.leadership.token)
            try await ward.redis("HSET", Ward.keys.lease, "holder", "other", "token", "99")
            try await order(ward, "request_id", "r1")
            // Those begun with, of which there are none, and then what is new.
            _ = try await ward.supervisor.obeyOnce(token)
            _ = try await ward.supervisor.obeyOnce(token)
            let id = try #require(RequestID("r1"))
            #expect(try await ward.redis("EXISTS", Ward.keys.cancelMark(id)).int == 0)
            #expect(try await ward.length(Ward.keys.cancel) == 1)
            #expect(await ward.supervisor.leadership.token == nil)
        }
    }
}
