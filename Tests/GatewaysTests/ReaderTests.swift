import Contract
import Gateways
import Policy
import Redis
import TestSupport
import Testing

/// `StreamReader` and `take.lua`, in a real Redis.
struct ReaderTests {
    private func withDesk(_ body: @escaping @Sendable (Desk) async throws -> Void) async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, loop in
            try await body(Desk(connection, loop))
        }
    }

    @Test(arguments: 1...3)
    func `with little room the most urgent entries come, and no more than there is room`(
        room: Int
    ) async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            for queue in [Queue.low, .normal, .high, .retry] { _ = try await desk.add(to: queue) }
            let found = try await desk.read(upTo: room)
            #expect(found.map(\.queue) == Array(Queue.allCases.prefix(room)))
        }
    }

    @Test func `room is counted over all streams`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            for queue in [Queue.low, .normal, .high] {
                for _ in 0..<2 { _ = try await desk.add(to: queue) }
            }
            let found = try await desk.read(upTo: 3)
            #expect(found.map(\.queue) == [.high, .high, .normal])
            #expect(try await desk.read(upTo: 3).map(\.queue) == [.normal, .low, .low])
        }
    }

    @Test func `with much room entries of all streams come, in their order`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            var ids: [EntryID] = []
            for queue in Queue.allCases {
                for _ in 0..<3 { ids.append(try await desk.add(to: queue)) }
            }
            let found = try await desk.read(upTo: 100)
            #expect(found.map(\.id) == ids)
            #expect(found.allSatisfy { $0.first("request_id") == Array("r1".utf8) })
        }
    }

    @Test func `one stream alone brings no more than its share`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            for _ in 0..<200 { _ = try await desk.add() }
            #expect(try await desk.read(upTo: 8).count == 2)
            let most = try await desk.read(upTo: 10_000).count
            #expect(most == StreamReader.Limits.entriesPerStreamMax)
        }
    }

    @Test func `a read that waits is ended by unblock, and by an entry`() async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, loop in
            let desk = Desk(connection, loop)
            try await desk.reader.ensureGroups()
            let client = try #require(try await desk.reader.clientID())
            try await withConnection(to: server) { other, _ in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask { try await desk.read(upTo: 10).count }
                    // Until the read waits in Redis there is nothing to end.
                    while try await other.send(RedisCommand("CLIENT", "UNBLOCK", .number(client)))
                        .int != 1
                    {}
                    #expect(try await group.next() == 0)
                }
                try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask { try await desk.read(upTo: 1).count }
                    try await other.send(
                        RedisCommand(
                            "XADD",
                            .text(Desk.keys.requests(.low)),
                            "*",
                            "request_id",
                            "r"
                        )
                    )
                    #expect(try await group.next() == 1)
                }
            }
        }
    }

    @Test(arguments: [1, 2, 100])
    func `what was taken back before it is read is known by its mark, or by its batch's`(
        room: Int
    ) async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            let names = ["kept", "taken", "kept-member", "taken-member", "last"]
            for name in names {
                let batch: [RedisCommand.Argument] =
                    name.hasSuffix("member") ? ["batch_id", .text("b-\(name)")] : []
                _ = try await desk.add(["request_id", .text(name), "payload", "{}"] + batch)
            }
            _ = try await desk.add(["payload", "{}"])
            let keys = Desk.keys
            let mark = keys.cancelMark(try #require(RequestID("taken")))
            let ofBatch = keys.batchCancelMark(try #require(BatchID("b-taken-member")))
            for key in [mark, ofBatch, keys.cancelMarks] {
                try await desk.redis("SET", .text(key), "\"desk\"")
            }
            var found: [RawEntry] = []
            while found.count < 6 { found += try await desk.read(upTo: room) }
            #expect(found.map(\.isTakenBack) == [false, true, false, true, false, false])
        }
    }

    @Test func `without any mark nothing is looked for`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            _ = try await desk.add()
            let id = try #require(RequestID("r1"))
            // Left behind: that there are marks is said by another key, which goes last.
            try await desk.redis("SET", .text(Desk.keys.cancelMark(id)), "\"desk\"")
            #expect(try await desk.read(upTo: 1).map(\.isTakenBack) == [false])
        }
    }

    @Test(arguments: [1, 100])
    func `without a group the error says so, and nothing is taken`(room: Int) async throws {
        try await withDesk { desk in
            _ = try await desk.add()
            await #expect {
                try await desk.read(upTo: room)
            } throws: { error in
                guard case .server(let answer) = error as? RedisError else { return false }
                return answer.prefix == "NOGROUP"
            }
            try await desk.reader.ensureGroups()
            #expect(try await desk.read(upTo: room).count == 1)
        }
    }

    @Test func `a group is made once, and begins with the oldest entry`() async throws {
        try await withDesk { desk in
            let early = try await desk.add()
            try await desk.reader.ensureGroups()
            try await desk.reader.ensureGroups()
            #expect(try await desk.read(upTo: 10).map(\.id) == [early])
        }
    }

    @Test func `what was taken and not ended is found again, page by page`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            for _ in 0..<250 { _ = try await desk.add() }
            var taken: [EntryID] = []
            while taken.count < 250 {
                taken += try await desk.read(upTo: 100).map(\.id)
            }
            _ = try await desk.taken(by: "somebody-else")
            var (found, after): ([EntryID], String?) = ([], "0")
            while let id = after {
                let page = try await desk.reader.ownPending(in: .normal, after: id, count: 60)
                #expect(page.count <= 60)
                found += page
                after = page.last?.description
            }
            #expect(found == taken)
            let some = Array(taken.prefix(40))
            #expect(try await desk.reader.fetch(some, from: .normal).map(\.id) == some)
            // Looked at again and again, and still delivered once.
            let row = try await desk.redis(
                "XPENDING",
                .text(Desk.keys.requests(.normal)),
                "workers",
                "-",
                "+",
                "1",
                .text(Desk.consumer)
            ).array?.first?.array
            #expect(row?.last?.int == 1)
        }
    }

    @Test func `an entry without content is acknowledged, and not run`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            let kept = try await desk.taken()
            try await desk.redis("XDEL", .text(Desk.keys.requests(.normal)), .text(id.description))
            let page = try await desk.reader.ownPending(in: .normal, after: "0", count: 10)
            #expect(page == [id, kept])
            #expect(try await desk.reader.fetch(page, from: .normal).map(\.id) == [kept])
            #expect(try await desk.pending() == 1)
        }
    }

    @Test func `what is too heavy is found by its weight, with its name and nothing else`()
        async throws
    {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            let load = RedisCommand.Argument.bytes([UInt8](repeating: 0, count: 5_000))
            _ = try await desk.add(["request_id", "light", "payload", "{}"])
            let named = try await desk.add(["request_id", "heavy", "payload", load])
            let nameless = try await desk.add(["payload", load])
            let noName = RedisCommand.Argument.text(String(repeating: "n", count: 129))
            let misnamed = try await desk.add(["request_id", noName, "payload", load])
            _ = try await desk.read(upTo: 100)
            let answer = try await desk.connection.eval(
                Scripts.weigh,
                keys: [.text(Desk.keys.requests(.normal))],
                arguments: ["workers", .text(Desk.consumer), "4000", "100"]
            )
            let rows = (answer.array ?? []).map { $0.array ?? [] }
            #expect(rows.map { $0.first?.text } == [named, nameless, misnamed].map(\.description))
            #expect(rows.map { $0.last?.text } == ["heavy", "", ""])
            #expect(rows.first?[1].int == 5_000 + "request_id".count + "heavy".count + 7)
            #expect(try await desk.reader.oversized(by: desk.connection).isEmpty)
        }
    }

    @Test func `names and values are bytes, and an empty value is one`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            let noise = (0...255).map { UInt8($0) }
            _ = try await desk.add([.bytes(noise), "", "", .bytes(noise)])
            let found = try #require(try await desk.read(upTo: 10).first)
            #expect(found.fields == [noise, [], [], noise])
        }
    }
}

struct ClockTests {
    @Test func `the clock follows Redis', whatever this machine's says`() async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, _ in
            let clock = RedisClock(systemMs: 0)
            #expect(clock.nowMs() < 1_000_000)
            try await clock.adjust(by: connection)
            let parts = try #require(try await connection.send(RedisCommand("TIME")).array)
            let redis = try #require(parts.first?.int)
            #expect(abs(Int(clock.nowMs()) - redis * 1_000) < 5_000)
        }
    }
}
