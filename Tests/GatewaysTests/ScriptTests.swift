import Contract
import EventLoop
import Gateways
import Pipeline
import Redis
import TestSupport
import Testing

/// `commit.lua`, in a real Redis.
struct CommitTests {
    private static let reply = "strategy:{0}:reply:r1"
    private static let requests = "strategy:{0}:requests:normal"

    private func event(
        _ id: EntryID,
        payload: [UInt8] = Array("{}".utf8),
        parent: String? = nil,
        state: String? = nil
    ) throws -> TerminalEvent {
        TerminalEvent(
            queue: .normal,
            entryID: id,
            address: try address(parent: parent, state: state),
            kind: .result,
            payload: payload,
            replyTTLMs: 60_000
        )
    }

    private func withDesk(_ body: @escaping @Sendable (Desk) async throws -> Void) async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, loop in
            try await body(Desk(connection, loop))
        }
    }

    @Test func `an answer is written, expires, and the entry is gone`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            #expect(try await desk.streams.commit(event(id)) == .committed)
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(
                Set(fields.keys) == ["event", "request_id", "attempt", "at", "v", "payload"]
            )
            #expect(fields["event"] == Array("result".utf8))
            #expect(fields["request_id"] == Array("r1".utf8))
            #expect(fields["attempt"] == Array("1".utf8) && fields["v"] == Array("1".utf8))
            let at = try #require(Int(String(decoding: fields["at"] ?? [], as: UTF8.self)))
            let added = Int(id.milliseconds)
            #expect((added...added + 60_000).contains(at))
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect((1...60_000).contains(left))
            #expect(try await desk.length(Self.requests) == 0)
            #expect(try await desk.pending() == 0)
        }
    }

    @Test func `a second commit answers already, and writes nothing`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            _ = try await desk.streams.commit(event(id))
            try await desk.redis("PERSIST", .text(Self.reply))
            #expect(try await desk.streams.commit(event(id)) == .already)
            #expect(try await desk.length(Self.reply) == 1)
            #expect(try await desk.redis("PTTL", .text(Self.reply)).int == -1)
        }
    }

    @Test func `an entry that nobody has taken is not ended`() async throws {
        try await withDesk { desk in
            try await desk.reader.ensureGroups()
            let id = try await desk.add()
            #expect(try await desk.streams.commit(event(id)) == .already)
            #expect(try await desk.length(Self.requests) == 1)
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `without stream or group there is nothing to end`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("XGROUP", "DESTROY", .text(Self.requests), "workers")
            #expect(try await desk.streams.commit(event(id)) == .already)
            #expect(try await desk.length(Self.requests) == 1)
            try await desk.redis("FLUSHALL")
            #expect(try await desk.streams.commit(event(id)) == .already)
            #expect(try await desk.redis("DBSIZE").int == 0)
        }
    }

    @Test func `a reply key of another type is told, and the entry stays pending`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("SET", .text(Self.reply), "x")
            #expect(try await desk.streams.commit(event(id)) == .replyUnwritable)
            #expect(try await desk.pending() == 1)
            #expect(try await desk.length(Self.requests) == 1)
            #expect(try await desk.redis("GET", .text(Self.reply)).text == "x")
        }
    }

    @Test func `a request key of another type is refused, and nothing is written`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("SET", .text(Self.requests), "x")
            await #expect(throws: StreamFailure.self) { try await desk.streams.commit(event(id)) }
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `an answer is written although memory is full`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("CONFIG", "SET", "maxmemory", "1")
            await #expect(throws: RedisError.self) { try await desk.redis("SET", "a", "b") }
            let payload = [UInt8](repeating: 7, count: 100_000)
            #expect(try await desk.streams.commit(event(id, payload: payload)) == .committed)
            #expect(try await desk.entries(Self.reply).first?["payload"] == payload)
        }
    }

    @Test func `a server that forgot the script is told it again`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await RedisStreams.loadScripts(by: desk.connection)
            try await desk.redis("SCRIPT", "FLUSH")
            #expect(try await desk.streams.commit(event(id)) == .committed)
        }
    }

    @Test func `a payload is bytes`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            let payload = (0...1_023).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try await desk.streams.commit(event(id, payload: payload)) == .committed)
            #expect(try await desk.entries(Self.reply).first?["payload"] == payload)
        }
    }

    @Test(arguments: [("p", nil), ("p", "s"), (nil, "s"), (nil, nil)] as [(String?, String?)])
    func `trace context goes with the answer, its state never alone`(
        parent: String?,
        state: String?
    ) async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            _ = try await desk.streams.commit(event(id, parent: parent, state: state))
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(fields["traceparent"] == parent.map { Array($0.utf8) })
            #expect(fields["tracestate"] == (parent == nil ? nil : state.map { Array($0.utf8) }))
        }
    }

    @Test func `the answer shortens an expiry that an earlier event had set`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            await desk.streams.announce(
                InterimEvent(
                    queue: .normal,
                    entryID: id,
                    address: try address(),
                    kind: .accepted,
                    payload: [],
                    expiresAtMs: Int64(id.milliseconds) + 3_600_000
                )
            )
            let before = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect(before > 3_000_000)
            _ = try await desk.streams.commit(event(id))
            let after = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect((1...60_000).contains(after))
            #expect(try await desk.length(Self.reply) == 2)
        }
    }
}

/// `bury.lua`, in a real Redis.
struct BuryTests {
    private static let requests = "strategy:{0}:requests:normal"

    private func letter(_ id: EntryID, _ fields: [(String, String)] = [("a", "1")]) -> DeadLetter {
        DeadLetter(
            RawEntry(
                queue: .normal,
                id: id,
                fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
            ),
            reason: "a reason"
        )
    }

    private func withDesk(_ body: @escaping @Sendable (Desk) async throws -> Void) async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, loop in
            try await body(Desk(connection, loop))
        }
    }

    @Test func `an entry moves to the dead letters, its names apart from ours`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            let fields = [("reason", "mine"), ("payload", "\u{0}\u{1}"), ("at", "never")]
            #expect(try await desk.streams.bury(letter(id, fields)) == .buried)
            let kept = try #require(try await desk.entries(Desk.keys.dead).first)
            #expect(kept["reason"] == Array("a reason".utf8))
            #expect(kept["entry.reason"] == Array("mine".utf8))
            #expect(kept["entry.payload"] == [0, 1])
            #expect(kept["queue"] == Array("normal".utf8))
            #expect(kept["entry_id"] == Array(id.description.utf8))
            #expect(kept["bytes_cut"] == Array("0".utf8))
            #expect(try await desk.length(Self.requests) == 0)
            #expect(try await desk.pending() == 0)
        }
    }

    @Test func `twice is already, and one letter`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            _ = try await desk.streams.bury(letter(id))
            #expect(try await desk.streams.bury(letter(id)) == .already)
            #expect(try await desk.length(Desk.keys.dead) == 1)
        }
    }

    @Test func `the largest letter there is can be written`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            let fields = (0..<20_000).map { ("n\($0)", "v") }
            #expect(try await desk.streams.bury(letter(id, fields)) == .buried)
            let kept = try #require(try await desk.entries(Desk.keys.dead).first)
            #expect(kept.count == ContractLimits.deadLetterFieldsMax + 5)
        }
    }

    @Test func `it is written although memory is full`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("CONFIG", "SET", "maxmemory", "1")
            #expect(try await desk.streams.bury(letter(id)) == .buried)
            #expect(try await desk.length(Desk.keys.dead) == 1)
        }
    }

    @Test func `where letters cannot be kept the entry goes all the same`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("SET", .text(Desk.keys.dead), "x")
            #expect(try await desk.streams.bury(letter(id)) == .buried)
            #expect(try await desk.length(Self.requests) == 0)
            #expect(try await desk.pending() == 0)
        }
    }

    @Test func `letters are capped`() async throws {
        try await withDesk { desk in
            for _ in 0..<300 {
                let id = try await desk.taken()
                try await desk.connection.eval(
                    Scripts.bury,
                    keys: [.text(Self.requests), .text(Desk.keys.dead)],
                    arguments: [
                        "workers", .text(id.description), "why", "normal", "0", "20", "a", "1",
                    ]
                )
            }
            let kept = try #require(try await desk.length(Desk.keys.dead))
            #expect((20..<120).contains(kept))
        }
    }
}

/// `event.lua`, in a real Redis.
struct EventTests {
    private static let reply = "strategy:{0}:reply:r1"

    private func event(_ id: EntryID) throws -> InterimEvent {
        InterimEvent(
            queue: .normal,
            entryID: id,
            address: try address(parent: "p"),
            kind: .accepted,
            payload: Array("{}".utf8),
            expiresAtMs: Int64(id.milliseconds) + 90_000
        )
    }

    private func withDesk(_ body: @escaping @Sendable (Desk) async throws -> Void) async throws {
        let server = try await RedisServer()
        defer { server.stop() }
        try await withConnection(to: server) { connection, loop in
            try await body(Desk(connection, loop))
        }
    }

    @Test func `an event is written while the entry is this worker's`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            await desk.streams.announce(try event(id))
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(fields["event"] == Array("accepted".utf8))
            #expect(fields["traceparent"] == Array("p".utf8))
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect((1...90_000).contains(left))
            #expect(try await desk.pending() == 1)
        }
    }

    @Test func `nothing is written for an entry of another worker, or of nobody`() async throws {
        try await withDesk { desk in
            let other = try await desk.taken(by: "worker-2")
            await desk.streams.announce(try event(other))
            await desk.streams.announce(try event(try await desk.add()))
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `nothing comes after the terminal event`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            let end = TerminalEvent(
                queue: .normal,
                entryID: id,
                address: try address(),
                kind: .failed,
                payload: [],
                replyTTLMs: 1_000
            )
            _ = try await desk.streams.commit(end)
            await desk.streams.announce(try event(id))
            #expect(try await desk.length(Self.reply) == 1)
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect(left <= 1_000)
        }
    }

    @Test func `whatever stands in its way, it harms nothing`() async throws {
        try await withDesk { desk in
            let id = try await desk.taken()
            try await desk.redis("SET", .text(Self.reply), "x")
            await desk.streams.announce(try event(id))
            #expect(try await desk.redis("GET", .text(Self.reply)).text == "x")
            try await desk.redis("DEL", .text(Self.reply))
            try await desk.redis("CONFIG", "SET", "maxmemory", "1")
            await desk.streams.announce(try event(id))
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
            try await desk.redis("FLUSHALL")
            await desk.streams.announce(try event(id))
            #expect(try await desk.redis("DBSIZE").int == 0)
        }
    }
}
