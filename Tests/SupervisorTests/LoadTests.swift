import Contract
import Gateways
import Policy
import Redis
import Supervisor
import Telemetry
import TestSupport
import Testing

/// A simulated partition: entries in `low` that are read as slots allow, and run for a time.
private struct Floor {
    var nowMs: Int64 = 1_795_532_400_000
    var waiting = 0
    var running: [Int64] = []
    var added = 0
    var ended = 0
    let slots: Int
    let serviceMs: Int64

    mutating func add(_ count: Int) {
        waiting += count
        added += count
    }

    mutating func pass(ms: Int64, _ dice: inout Dice) {
        for _ in 0..<(ms / 10) {
            nowMs += 10
            ended += running.count { $0 <= nowMs }
            running.removeAll { $0 <= nowMs }
            while running.count < slots, waiting > 0 {
                waiting -= 1
                // Half as long to half as long again.
                running.append(nowMs + serviceMs / 2 + Int64(dice.roll(Int(serviceMs))))
            }
        }
    }

    var books: Measurement {
        func stream(_ queue: Queue) -> Measurement.Stream {
            let isIt = queue == .low
            return Measurement.Stream(
                added: isIt ? added : 0,
                length: isIt ? waiting + running.count : 0,
                pending: isIt ? running.count : 0,
                lag: isIt ? waiting : 0,
                lastDelivered: EntryID(milliseconds: 0, sequence: 0),
                oldestWaiting: nil,
                hasGroup: true
            )
        }
        return Measurement(
            nowMs: nowMs,
            counters: ["finished:low": ended],
            openRequests: running.count,
            streams: Dictionary(uniqueKeysWithValues: Queue.allCases.map { ($0, stream($0)) })
        )
    }
}

struct LoadEstimateTests {
    private static let rules = LoadEstimate.Rules(weights: .standard, callsPerMinute: nil)

    /// Twenty seconds into a burst of 2,000, of which ten run at once and for a second.
    private static func busy() -> (Floor, LoadEstimate) {
        var dice = Dice(seed: 7)
        var floor = Floor(slots: 10, serviceMs: 1_000)
        var estimate = LoadEstimate(rules)
        floor.add(2_000)
        for _ in 0..<20 {
            floor.pass(ms: 1_000, &dice)
            estimate.saw(floor.books, slots: 10, isHeldUp: false)
        }
        return (floor, estimate)
    }

    /// A burst from nothing: as soon as two services have ended, the estimate is near what comes.
    @Test(arguments: [
        (4, 500), (20, 200), (100, 1_000), (100, 5_000), (50, 2_000), (1, 3_000),
    ])
    func `what is estimated is what then is, by and large`(slots: Int, serviceMs: Int) {
        for seed in 0..<10 as Range<UInt64> {
            var dice = Dice(seed: seed)
            var floor = Floor(slots: slots, serviceMs: Int64(serviceMs))
            var estimate = LoadEstimate(Self.rules)
            var check = EstimateCheck()
            var ratios: [Double] = []
            for second in 0..<240 {
                if second == 5 { floor.add(slots * 100_000 / serviceMs) }
                floor.pass(ms: 1_000, &dice)
                estimate.saw(floor.books, slots: slots, isHeldUp: false)
                let settled = second > 5 + 4 * serviceMs / 1_000
                if !settled { check.reset() }
                if let ratio = check.saw(
                    estimate,
                    waitMs: estimate.waitMs(in: .low),
                    nowMs: floor.nowMs
                ) {
                    ratios.append(ratio)
                }
            }
            #expect(!ratios.isEmpty, "replay with seed \(seed)")
            #expect(ratios.allSatisfy { (0.6...1.67).contains($0) }, "\(ratios), seed \(seed)")
        }
    }

    @Test func `nothing waits: no wait; nobody lives: none is known`() {
        var dice = Dice(seed: 1)
        var floor = Floor(slots: 4, serviceMs: 500)
        var estimate = LoadEstimate(Self.rules)
        floor.pass(ms: 1_000, &dice)
        estimate.saw(floor.books, slots: 4, isHeldUp: false)
        #expect(estimate.waitMs(in: .low) == 0)
        floor.add(10)
        floor.nowMs += 1_000
        estimate.saw(floor.books, slots: 0, isHeldUp: false)
        #expect(estimate.waitMs(in: .low) == nil && !estimate.isMeasured)
    }

    @Test func `the fleet's minute bounds what low can hope for, before anything was seen`() {
        var floor = Floor(slots: 1_000, serviceMs: 100)
        var estimate = LoadEstimate(.init(weights: .standard, callsPerMinute: 60))
        floor.add(100)
        estimate.saw(floor.books, slots: 1_000, isHeldUp: false)
        #expect(estimate.waitMs(in: .low) == 101_667)
        #expect(estimate.waitMs(in: .high) == 0)
    }

    @Test func `who stands further ahead waits less, and high less than low`() throws {
        let (floor, estimate) = Self.busy()
        #expect(estimate.isMeasured)
        let whole = try #require(estimate.waitMs(in: .low))
        let half = try #require(estimate.waitMs(in: .low, behind: floor.waiting / 2))
        #expect(half < whole * 6 / 10 && half > whole * 4 / 10)
        #expect(try #require(estimate.waitMs(in: .high)) < 1_000)
    }

    @Test func `while nothing starts the pace is not forgotten`() throws {
        var (floor, estimate) = Self.busy()
        let before = try #require(estimate.waitMs(in: .low))
        for _ in 0..<30 {
            floor.nowMs += 1_000
            estimate.saw(floor.books, slots: 10, isHeldUp: true)
        }
        #expect(!estimate.isMeasured)
        let after = try #require(estimate.waitMs(in: .low))
        #expect(after < before * 3 / 2 && after > before / 2)
    }
}

struct OverloadTests {
    private func id(_ ms: UInt64) -> EntryID { EntryID(milliseconds: ms, sequence: 0) }

    @Test func `a reason holds from when it came, and another takes its place`() {
        var overload = Overload()
        #expect(overload.reason(memoryIsShort: false, waiting: 5, of: 5, nowMs: 1) == nil)
        let full = overload.reason(memoryIsShort: false, waiting: 6, of: 5, nowMs: 2)
        #expect(full?.reason == .waiting && full?.addedAfterMs == 2)
        let later = overload.reason(memoryIsShort: true, waiting: 6, of: 5, nowMs: 9)
        #expect(later?.reason == .memory && later?.addedAfterMs == 2)
        #expect(overload.reason(memoryIsShort: false, waiting: 1, of: 5, nowMs: 10) == nil)
    }

    @Test func `each entry is looked at once, with how many are before it`() {
        var overload = Overload()
        func stream(_ last: UInt64) -> Measurement.Stream {
            .init(
                added: 20,
                length: 10,
                pending: 0,
                lag: nil,
                lastDelivered: id(last),
                oldestWaiting: nil,
                hasGroup: true
            )
        }
        func start(_ last: UInt64, delivered: Int) -> EntryID {
            overload.start(in: .low, stream(last), delivered: delivered, addedAfterMs: nil)
        }
        #expect(start(100, delivered: 10) == id(100))
        #expect(overload.position(in: .low, delivered: 10) == 0)
        overload.passed(id(101), in: .low, stays: true)
        overload.passed(id(102), in: .low, stays: false)
        overload.passed(id(103), in: .low, stays: true)
        #expect(start(100, delivered: 10) == id(103))
        #expect(overload.position(in: .low, delivered: 10) == 2)
        // One was delivered meanwhile.
        #expect(start(101, delivered: 11) == id(103))
        #expect(overload.position(in: .low, delivered: 11) == 1)
        // All that was looked at, and more.
        #expect(start(110, delivered: 15) == id(110))
        #expect(overload.position(in: .low, delivered: 15) == 0)
    }
}

/// What a supervisor tells and obeys, in a real Redis.
struct SteeringTests {
    private func command(_ ward: Ward, _ word: String, by who: String = "ann") async throws {
        try await ward.redis("XADD", Ward.keys.control, "*", "command", word, "by", who)
    }

    @Test func `pause and resume are a key that says who and when; other words are let go`()
        async throws
    {
        try await withWard { ward in
            try await command(ward, "pause")
            await ward.round()
            #expect(try await ward.fields(Ward.keys.paused)["by"] == "ann")
            #expect(ward.metrics.load.paused.value == 1)
            #expect(try await ward.fields(Ward.keys.load)["accepting"] == "0")
            let health = ward.overview.health(loopAnswered: true, now: .now)
            let check = health.checks.first { $0.name == "paused" }
            #expect(health.ready && check?.detail == "partition 0 by ann")
            try await command(ward, "explode")
            try await command(ward, "pause", by: "bob")
            await ward.round()
            #expect(try await ward.fields(Ward.keys.paused)["by"] == "ann")
            try await command(ward, "resume", by: "bob")
            await ward.round()
            #expect(try await ward.fields(Ward.keys.paused).isEmpty)
            #expect(ward.metrics.load.paused.value == 0)
            #expect(try await ward.length(Ward.keys.control) == 0)
        }
    }

    @Test func `the load is told every round, and expires`() async throws {
        try await withWard { ward in
            try await ward.redis("SET", Ward.keys.worker("w1"), "boot 1 1 8")
            _ = try await ward.take(["r1"], by: "w1")
            for name in ["r2", "r3"] {
                try await ward.redis(
                    "XADD",
                    Ward.keys.requests(.low),
                    "*",
                    "request_id",
                    name,
                    "payload",
                    body
                )
            }
            await ward.round()
            let load = try await ward.fields(Ward.keys.load)
            #expect(load["waiting"] == "2" && load["accepting"] == "1")
            #expect(load["oldest_ms"].flatMap { Int($0) } ?? -1 >= 0)
            #expect(load["estimated_wait_ms"] == "0")
            let life = try await ward.redis("PTTL", Ward.keys.load).int ?? 0
            #expect((4_000...5_000).contains(life))
        }
    }

    @Test func `where no worker lives nothing is accepted, and nobody is turned away`()
        async throws
    {
        try await withWard { ward in
            try await ward.redis(
                "XADD",
                Ward.keys.requests(.low),
                "*",
                "request_id",
                "r1",
                "payload",
                body
            )
            await ward.round()
            let load = try await ward.fields(Ward.keys.load)
            #expect(load["accepting"] == "0" && load["estimated_wait_ms"] == "86400000")
            #expect(try await ward.length(Ward.keys.requests(.low)) == 1)
        }
    }

    /// Adds entries by IDs of their own, so that none is too young to be looked at.
    private func add(_ names: [String], _ ward: Ward, agoMs: Int64) async throws {
        let start = try await ward.nowMs() - agoMs
        try await ward.all(
            names.enumerated().map { index, name in
                [
                    "XADD", Ward.keys.requests(.normal), "\(start)-\(index)", "request_id", name,
                    "payload", body, "deadline_ms", "60000",
                ]
            }
        )
    }

    @Test func `what comes when enough waits is turned away, and deleted; what was there stays`()
        async throws
    {
        try await withWard(load: Ward.load(waitingMax: 2)) { ward in
            try await add(["r1", "r2", "r3"], ward, agoMs: 20_000)
            await ward.round()
            #expect(try await ward.length(Ward.keys.requests(.normal)) == 3)
            // Added after the reason was seen, by their IDs.
            let mark = try await ward.nowMs()
            try await ward.redis(
                "XADD",
                Ward.keys.requests(.normal),
                "\(mark + 1)-0",
                "request_id",
                "r4",
                "payload",
                body,
                "deadline_ms",
                "60000"
            )
            while try await ward.reply("r4").isEmpty { await ward.round() }
            let event = try #require(try await ward.reply("r4").first)
            #expect(event["event"] == "rejected")
            #expect(event["payload"]?.contains("\"code\":\"overloaded\"") == true)
            #expect(event["payload"]?.contains("\"retry_after_ms\"") == true)
            #expect(try await ward.length(Ward.keys.requests(.normal)) == 3)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
            #expect(ward.metrics.load.overloaded.value(.waiting) == 1)
            #expect(try await ward.fields(Ward.keys.load)["accepting"] == "0")
        }
    }

    @Test func `above the watermark new ones are turned away, until memory falls`() async throws {
        try await withWard(load: Ward.load(memoryWatermark: 0.5)) { ward in
            try await ward.redis("SET", Ward.keys.worker("w1"), "boot 1 1 8")
            _ = try await ward.take(["r0"], by: "w1")
            try await add(["r1"], ward, agoMs: 20_000)
            try await ward.limitMemory(to: "1gb")
            await ward.round()
            #expect(try await ward.fields(Ward.keys.load)["accepting"] == "1")
            let used = try await ward.usedMemory()
            try await ward.limitMemory(to: "\(used * 3 / 2)")
            await ward.round()
            #expect(ward.metrics.load.memoryShort.value == 1)
            #expect(try await ward.fields(Ward.keys.load)["accepting"] == "0")
            let mark = try await ward.nowMs()
            try await ward.redis(
                "XADD",
                Ward.keys.requests(.normal),
                "\(mark + 1)-0",
                "request_id",
                "r2",
                "payload",
                body
            )
            while try await ward.reply("r2").isEmpty { await ward.round() }
            #expect(ward.metrics.load.overloaded.value(.memory) == 1)
            #expect(try await ward.reply("r1").isEmpty)
            try await ward.limitMemory(to: "1gb")
            await ward.round()
            #expect(ward.metrics.load.memoryShort.value == 0)
            #expect(try await ward.fields(Ward.keys.load)["accepting"] == "1")
        }
    }
}
