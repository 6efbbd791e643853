import Contract
import Gateways
import Redis
import Supervisor
import Telemetry
import TestSupport
import Testing

/// What dead workers left, in a real Redis.
struct ReclaimTests {
    @Test func `a dead worker's entry is added again, and its attempt is charged`() async throws {
        try await withWard { ward in
            let deadline = try await ward.nowMs() + 30_000
            let ids = try await ward.take(
                ["r1"],
                from: .high,
                by: "gone",
                ["deadline_ms", "30000", "authorization", "Bearer x", "note", "kept"]
            )
            try await ward.admitted(
                "r1",
                ids[0],
                .high,
                by: "gone",
                attempt: 2,
                deadlineMs: deadline,
                calling: 5_000
            )
            await ward.round()

            let again = try #require(try await ward.entries(Ward.keys.requests(.retry)).first)
            #expect(again["attempt"] == "3" && again["priority"] == "high")
            #expect(again["requeued_from"] == "\(ids[0])")
            #expect(again["deadline_at"] == "\(deadline)" && again["note"] == "kept")
            #expect(again["payload"] == body && again["authorization"] == nil)
            let record = try await ward.fields(Ward.keys.record(named: "r1"))
            #expect(record["state"] == "waiting" && record["attempt"] == "3")
            #expect(record["reserved"] == "0" && record["calling"] == nil)
            #expect(try await ward.length(Ward.keys.requests(.high)) == 0)
            #expect(try await ward.pending(.high) == 0)
            let revoked = try await ward.redis("LRANGE", Ward.keys.revoked("gone"), "0", "-1")
            #expect(revoked.array?.first?.text == "high \(ids[0])")

            // What it may have spent: the user is free of it, the house has paid.
            let cost = try await ward.fields(Ward.keys.userCost("u"))
            #expect(cost["reserved_nanousd"] == "0")
            let fleet = try await ward.fields(Ward.global.cost)
            #expect(fleet["reserved_nanousd"] == "0" && fleet["settled_nanousd"] == "5000")
            #expect(try await ward.redis("HLEN", Ward.global.reservations).int == 0)
            let row = try #require(try await ward.entries(Ward.keys.ledger).first)
            #expect(row["payer"] == "house" && row["cost_nanousd"] == "5000")

            #expect(ward.metrics.work.reclaimed.value(.dead) == 1)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
            #expect(ward.metrics.waiting.value(.retry) == 1)
        }
    }

    @Test func `a turn that a dead worker had and did not use costs nobody anything`() async throws
    {
        try await withWard { ward in
            let deadlineMs = try await ward.nowMs() + 60_000
            let entry = try #require(try await ward.take(["r1"], by: "w1").first)
            try await ward.admitted("r1", entry, by: "w1", deadlineMs: deadlineMs)
            // It had asked the fleet, and died before it marked the call.
            try await ward.all([
                ["HSET", Ward.global.reservations, "0:r1:1:1", "700:\(deadlineMs)"],
                ["HINCRBY", Ward.global.cost, "reserved_nanousd", "700"],
            ])
            await ward.round()
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 1)
            #expect(try await ward.redis("HLEN", Ward.global.reservations).int == 0)
            let cost = try await ward.fields(Ward.global.cost)
            #expect(cost["reserved_nanousd"] == "0" && cost["settled_nanousd"] == nil)
            #expect(try await ward.length(Ward.keys.ledger) == 0)
        }
    }

    @Test func `a living worker's entries are never touched`() async throws {
        try await withWard { ward in
            try await ward.showLife(of: "alive")
            let ids = try await ward.take(["r1", "r2"], by: "alive")
            try await ward.admitted(
                "r1",
                ids[0],
                by: "alive",
                deadlineMs: try await ward.nowMs() + 30_000
            )
            for _ in 0..<3 { await ward.round() }
            #expect(try await ward.pending() == 2)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 0)
            #expect(ward.metrics.inFlight.value(.normal) == 2)
            #expect(ward.metrics.lagKnown.value(.normal) == 1)
        }
    }

    @Test func `of 500 entries the one that kills its worker alone is the one dead letter`()
        async throws
    {
        try await withWard { ward in
            let names = (0..<499).map { "r\($0)" }
            _ = try await ward.take(names, by: "gone")
            let poison = try await ward.take(["bad"], by: "alone", ["traceparent", "t"])
            try await ward.redis("SET", Ward.keys.alone("alone"), "\(poison[0])")
            let start = ContinuousClock.now
            await ward.round()
            // A bound for liveness: on a free machine it takes some 50 ms.
            #expect(ContinuousClock.now - start < .seconds(10))

            #expect(try await ward.length(Ward.keys.requests(.retry)) == 499)
            #expect(try await ward.pending() == 0)
            let letters = try await ward.entries(Ward.keys.dead)
            #expect(letters.count == 1 && letters.first?["entry.request_id"] == "bad")
            let events = try await ward.reply("bad")
            #expect(events.count == 1 && events[0]["event"] == "failed")
            #expect(events[0]["payload"]?.contains(#""code":"poison""#) == true)
            #expect(events[0]["traceparent"] == "t")
            // Whoever pushes it again is the same: its payload was read for that.
            let record = try await ward.fields(Ward.keys.record(named: "bad"))
            #expect(record["user"] == "u")
            #expect(record["hash"] == PayloadHash(of: Array(body.utf8)).text)
            #expect(ward.metrics.work.deadLetters.value(.poison) == 1)
            #expect(ward.metrics.work.reclaimed.value(.dead) == 499)
            #expect(ward.metrics.work.reaped.value == 2)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `after the last attempt it ends, and frees what it held`() async throws {
        try await withWard { ward in
            let ids = try await ward.take(["r1"], by: "gone")
            try await ward.admitted(
                "r1",
                ids[0],
                by: "gone",
                attempt: 5,
                deadlineMs: try await ward.nowMs() + 30_000,
                calling: 700
            )
            await ward.round()
            let events = try await ward.reply("r1")
            #expect(events.count == 1 && events[0]["event"] == "failed")
            let payload = events[0]["payload"] ?? ""
            #expect(payload.contains(#""code":"attempts_exhausted""#))
            #expect(payload.contains(#""attempts":5"#))
            #expect(try await ward.length(Ward.keys.dead) == 1)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 0)
            #expect(try await ward.fields(Ward.keys.record(named: "r1"))["state"] == "ended")
            let cost = try await ward.fields(Ward.keys.userCost("u"))
            #expect(cost["reserved_nanousd"] == "0")
            let fleet = try await ward.fields(Ward.global.cost)
            #expect(fleet["settled_nanousd"] == "700" && fleet["reserved_nanousd"] == "0")
            #expect(ward.metrics.work.deadLetters.value(.attemptsExhausted) == 1)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `deliveries count where they are more than the attempts`() async throws {
        try await withWard { ward in
            let ids = try await ward.take(["r1", "r2"], by: "gone")
            for (id, count) in zip(ids, [5, 4]) {
                try await ward.redis(
                    "XCLAIM",
                    Ward.keys.requests(.normal),
                    "workers",
                    "gone",
                    "0",
                    "\(id)",
                    "RETRYCOUNT",
                    "\(count)",
                    "JUSTID"
                )
            }
            await ward.round()
            #expect(try await ward.reply("r1").first?["event"] == "failed")
            #expect(try await ward.reply("r2").isEmpty)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 1)
        }
    }

    @Test func `who names no request becomes a dead letter in the end, and nobody is told`()
        async throws
    {
        try await withWard { ward in
            let key = Ward.keys.requests(.low)
            try await ward.redis("XADD", key, "*", "payload", "x", "authorization", "secret")
            let read = ["XREADGROUP", "GROUP", "workers", "gone", "STREAMS", key, ">"]
            try await ward.all([read])
            await ward.round()
            for _ in 0..<4 {
                try await ward.redis(
                    "XREADGROUP",
                    "GROUP",
                    "workers",
                    "gone",
                    "STREAMS",
                    Ward.keys.requests(.retry),
                    ">"
                )
                await ward.round()
            }
            let letter = try #require(try await ward.entries(Ward.keys.dead).first)
            #expect(letter["entry.payload"] == "x" && letter["attempts"] == "5")
            #expect(letter["entry.authorization"] == nil)
            #expect(try await ward.redis("KEYS", "*reply*").array?.isEmpty == true)
            #expect(try await ward.redis("KEYS", "*request:*").array?.isEmpty == true)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `a pending entry without content is acknowledged, and counted`() async throws {
        try await withWard { ward in
            let ids = try await ward.take(["r1", "r2"], by: "gone")
            try await ward.redis("XDEL", Ward.keys.requests(.normal), "\(ids[0])")
            await ward.round()
            #expect(ward.metrics.work.ghosts.value == 1)
            #expect(try await ward.pending() == 0)
            #expect(try await ward.counter("ghosts:normal") == 1)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 1)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `an entry whose request has ended only goes`() async throws {
        try await withWard { ward in
            let ids = try await ward.take(["r1"], by: "gone")
            try await ward.admitted("r1", ids[0], by: "gone", deadlineMs: 1 << 50)
            try await ward.all([
                ["HSET", Ward.keys.record(named: "r1"), "state", "ended"],
                ["ZREM", Ward.keys.due, "r1"], ["HINCRBY", Ward.keys.counters, "ended", "1"],
            ])
            await ward.round()
            #expect(try await ward.length(Ward.keys.requests(.normal)) == 0)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 0)
            #expect(try await ward.reply("r1").isEmpty)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `a consumer goes when it is dead and has nothing, and never with what it has`()
        async throws
    {
        // Nothing is taken back yet, so that what the dead have stays theirs.
        let server = try await RedisServer()
        try await withWards(server) { ward, patient in
            try await ward.begin()
            _ = try await ward.take(["r1"], by: "gone")
            for name in ["idle", "alive"] {
                try await ward.redis(
                    "XGROUP",
                    "CREATECONSUMER",
                    Ward.keys.requests(.low),
                    "workers",
                    name
                )
            }
            try await ward.showLife(of: "alive")
            let supervision = patient.supervisor.supervision
            let token = try #require(await ward.supervisor.leadership.token)
            for name in ["gone", "idle", "alive"] {
                _ = try await supervision.reap(name, token)
            }
            #expect(try await ward.pending() == 1)
            let names = try await supervision.consumers().map { "\($0.queue) \($0.name)" }
            #expect(names.sorted() == ["low alive", "normal gone"])
            await ward.round()
            #expect(try await supervision.consumers().map(\.name) == ["alive"])
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 1)
        }
    }
}
