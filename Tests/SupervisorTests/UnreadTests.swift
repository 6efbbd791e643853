import Contract
import Gateways
import Supervisor
import TestSupport
import Testing

/// Which unread entries are looked at, and what is read in them.
struct UnreadTests {
    private static let now: Int64 = 1_795_532_400_000

    private func read(
        _ fields: [(String, String)],
        queue: Queue = .normal,
        addedMs: Int64 = now - 60_000,
        bytesLeftOut: Int = 0,
        partitions: Int = 1
    ) -> UnreadEntry.Reading? {
        var reader = UnreadEntry(
            .init(
                payloadBytesMax: 4_096,
                requestTimeoutMs: 30_000,
                batchTimeoutMs: 3_600_000,
                partition: 0,
                partitions: partitions
            )
        )
        let raw = RawEntry(
            queue: queue,
            id: EntryID(milliseconds: UInt64(addedMs), sequence: 0),
            fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] },
            bytesLeftOut: bytesLeftOut
        )
        return reader.read(raw, nowMs: Self.now)
    }

    @Test func `a request is read as its worker would: user, payload, deadline`() throws {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let reading = try #require(
            read([("request_id", "r1"), ("payload", body), ("traceparent", parent)])
        )
        #expect(reading.identity.requestID.text == "r1")
        #expect(reading.identity.user == "u")
        #expect(reading.identity.payloadHash == PayloadHash(of: Array(body.utf8)).text)
        #expect(reading.deadlineMs == Self.now - 30_000)
        #expect(reading.answer.kind == .rejected)
        #expect(reading.answer.code == "deadline_passed")
        #expect(reading.answer.traceparent == parent)
    }

    @Test func `deadlines are the request's own, its stream's, or the one that was in force`()
        throws
    {
        let fields = [("request_id", "r1"), ("payload", body)]
        #expect(read(fields, queue: .low)?.deadlineMs == Self.now - 60_000 + 3_600_000)
        #expect(
            read(fields + [("deadline_ms", "1000")])?.deadlineMs == Self.now - 59_000
        )
        let retried = fields + [("attempt", "2"), ("deadline_at", "77"), ("priority", "low")]
        let reading = try #require(read(retried, queue: .retry))
        #expect(reading.deadlineMs == 77)
        #expect(reading.answer.kind == .failed && reading.answer.code == "deadline")
        #expect(read(retried, queue: .high)?.deadlineMs == Self.now - 30_000)
        // An ID from the future never runs out unread.
        let ahead = try #require(read(fields, addedMs: Self.now + 1_000_000))
        #expect(ahead.deadlineMs == Self.now + 30_000)
    }

    @Test(arguments: [
        ("{", "invalid_request"), ("{}", "invalid_request"),
        (String(repeating: "x", count: 5_000), "payload_too_large"),
    ])
    func `what is wrong with it is said before that nobody read it`(
        payload: String,
        code: String
    ) throws {
        let reading = try #require(read([("request_id", "r1"), ("payload", payload)]))
        #expect(reading.answer.kind == .rejected && reading.answer.code == code)
        #expect(reading.identity.user == "")
        #expect(reading.identity.payloadHash == PayloadHash(of: Array(payload.utf8)).text)
    }

    @Test func `one that is too large to be read, or in a wrong partition, is told so`() throws {
        let heavy = try #require(read([("request_id", "r1")], bytesLeftOut: 1 << 27))
        #expect(heavy.answer.code == "payload_too_large")
        let astray = try #require(
            read([("request_id", "r1"), ("payload", body)], partitions: 1_000)
        )
        #expect(astray.answer.code == "invalid_request" && astray.identity.user == "u")
    }

    @Test(arguments: [
        [("payload", body)], [("request_id", "r1"), ("request_id", "r2"), ("payload", body)],
        [("request_id", "a b"), ("payload", body)],
    ])
    func `an entry that names no request is left to its reader`(fields: [(String, String)]) {
        #expect(read(fields) == nil)
    }

    /// Entries with random deadlines, some read meanwhile: each late one is found, and soon.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `the sweep finds every late entry, and settles none twice`(seed: UInt64) {
        var dice = Dice(seed: seed)
        var added = 0
        var late: [Int] = []
        for _ in 0..<400 {
            added += dice.roll(3)
            late.append(added + dice.roll(200))
        }
        let ids = late.indices.map {
            EntryID(milliseconds: UInt64(1 + $0 / 3), sequence: UInt64($0 % 3))
        }
        var sweep = HeadSweep()
        var settled: Set<EntryID> = []
        var delivered = EntryID(milliseconds: 0, sequence: 0)
        var looked = 0
        for now in stride(from: 0, to: 4_000, by: 10) {
            if dice.roll(20) == 0 { delivered = max(delivered, ids[dice.roll(ids.count / 2)]) }
            let start = sweep.start(
                lastDelivered: delivered,
                oldestWaiting: ids.first { $0 > delivered },
                latestMs: .max
            )
            guard let start else { continue }
            #expect(start >= delivered)
            let page = ids.indices.filter { ids[$0] > start }.prefix(20)
            looked += page.count
            let seen = page.map { index -> (id: EntryID, outcome: HeadSweep.Outcome) in
                guard late[index] < now else { return (ids[index], .waiting) }
                settled.insert(ids[index])
                return (ids[index], .settled)
            }
            sweep.saw(Array(seen), isLast: page.count < 20)
        }
        let unread = ids.filter { $0 > delivered }
        #expect(unread.allSatisfy(settled.contains), "replay with seed \(seed)")
        // Once all is settled nothing is looked at again.
        let start = sweep.start(
            lastDelivered: delivered,
            oldestWaiting: unread.first,
            latestMs: .max
        )
        #expect(start == nil || start == ids.last, "replay with seed \(seed)")
        #expect(looked < 4_000, "replay with seed \(seed)")
    }

    @Test func `nothing is read while the oldest entry cannot be late`() {
        var sweep = HeadSweep()
        let zero = EntryID(milliseconds: 0, sequence: 0)
        let oldest = EntryID(milliseconds: 1_000, sequence: 0)
        #expect(sweep.start(lastDelivered: zero, oldestWaiting: nil, latestMs: 5_000) == nil)
        #expect(sweep.start(lastDelivered: zero, oldestWaiting: oldest, latestMs: 999) == nil)
        #expect(sweep.start(lastDelivered: zero, oldestWaiting: oldest, latestMs: 1_000) == zero)
    }
}
