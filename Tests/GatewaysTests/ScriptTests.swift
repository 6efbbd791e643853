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
        of accepted: Accepted,
        payload: [UInt8] = Array("{}".utf8),
        parent: String? = nil,
        state: String? = nil,
        cost: Int64 = 14_000_000
    ) throws -> TerminalEvent {
        TerminalEvent(
            queue: .normal,
            entryID: accepted.entry.id,
            address: try address(parent: parent, state: state),
            identity: accepted.identity,
            kind: .result,
            code: nil,
            payload: payload,
            replyTTLMs: 60_000,
            account: .init(
                cost: NanoUSD(cost),
                isEstimated: false,
                keepsPlace: true,
                calls: Array("[]".utf8)
            )
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
            let accepted = try await desk.admitted()
            #expect(try await desk.streams.commit(event(of: accepted)) == .committed)
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(
                Set(fields.keys) == ["event", "request_id", "attempt", "at", "v", "payload"]
            )
            #expect(fields["event"] == Array("result".utf8))
            #expect(fields["request_id"] == Array("r1".utf8))
            #expect(fields["attempt"] == Array("1".utf8) && fields["v"] == Array("1".utf8))
            let at = try #require(Int(String(decoding: fields["at"] ?? [], as: UTF8.self)))
            let added = Int(accepted.entry.id.milliseconds)
            #expect((added...added + 60_000).contains(at))
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect((1...60_000).contains(left))
            #expect(try await desk.length(Self.requests) == 0)
            #expect(try await desk.pending() == 0)
        }
    }

    @Test func `a second commit answers already, and writes nothing`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            _ = try await desk.streams.commit(event(of: accepted))
            try await desk.redis("PERSIST", .text(Self.reply))
            #expect(try await desk.streams.commit(event(of: accepted)) == .already)
            #expect(try await desk.length(Self.reply) == 1)
            #expect(try await desk.redis("PTTL", .text(Self.reply)).int == -1)
        }
    }

    @Test func `an answer that was paid for outlives its group`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("XGROUP", "DESTROY", .text(Self.requests), "workers")
            #expect(try await desk.streams.commit(event(of: accepted)) == .committed)
            #expect(try await desk.length(Self.requests) == 0)
            #expect(try await desk.length(Self.reply) == 1)
        }
    }

    @Test func `what Redis has lost altogether is not ended`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("FLUSHALL")
            #expect(try await desk.streams.commit(event(of: accepted)) == .already)
            #expect(try await desk.redis("DBSIZE").int == 0)
        }
    }

    @Test func `what it cost is settled, and the reservation goes`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            let key = Desk.keys.userCost("user123")
            let before = try await desk.redis("HGET", .text(key), "reserved_nanousd")
            #expect(before.text == "160000000")
            #expect(try await desk.streams.commit(event(of: accepted)) == .committed)
            let after = try await desk.redis(
                "HMGET",
                .text(key),
                "reserved_nanousd",
                "settled_nanousd"
            )
            #expect(after.array?.map(\.text) == ["0", "14000000"])
            let row = try #require(try await desk.entries(Desk.keys.ledger).first)
            #expect(row["cost_nanousd"] == Array("14000000".utf8))
            #expect(row["terminal"] == Array("1".utf8) && row["payer"] == Array("user".utf8))
        }
    }

    @Test func `the same request again is a duplicate, another one of the id a conflict`()
        async throws
    {
        try await withDesk { desk in
            let first = try await desk.admitted()
            #expect(try await desk.streams.commit(event(of: first)) == .committed)
            let again = try await desk.taken()
            let same = try accepted(Desk.payload, entry: again)
            guard case .dropped(.duplicate) = try await desk.streams.admit(same, Desk.bid) else {
                throw ChildProcess.Failure("a repetition was not dropped")
            }
            #expect(try await desk.length(Self.requests) == 0)
            let other = try await desk.taken()
            let changed = Desk.payload.replacing("income", with: "growth")
            guard
                case .conflict = try await desk.streams.admit(
                    accepted(changed, entry: other),
                    Desk.bid
                )
            else { throw ChildProcess.Failure("another request of the id was not told apart") }
            #expect(try await desk.length(Self.reply) == 1)
        }
    }

    @Test func `a request that was handed back is another attempt's no more, and is read again`()
        async throws
    {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            let standing = Standing.calling(number: 1, reserved: NanoUSD(160_000_000), spent: .zero)
            #expect(try await desk.streams.mark(standing, of: accepted, attempt: 1) == .marked)
            let raw = RawEntry(queue: .normal, id: accepted.entry.id, fields: [])
            let charge = try await desk.streams.release(raw, of: accepted.identity)
            #expect(charge?.cost == NanoUSD(160_000_000) && charge?.name == "0:r1:1:1")
            #expect(try await desk.length(Desk.keys.requests(.retry)) == 1)
            #expect(try await desk.streams.commit(event(of: accepted)) == .superseded)
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `who goes on with one that was handed back names its calls after those made`()
        async throws
    {
        try await withDesk { desk in
            let first = try await desk.admitted()
            let standing = Standing.calling(number: 1, reserved: NanoUSD(160_000_000), spent: .zero)
            #expect(try await desk.streams.mark(standing, of: first, attempt: 1) == .marked)
            let raw = RawEntry(queue: .normal, id: first.entry.id, fields: [])
            _ = try await desk.streams.release(raw, of: first.identity)
            try await desk.redis(
                "XREADGROUP",
                "GROUP",
                "workers",
                .text(Desk.consumer),
                "STREAMS",
                .text(Desk.keys.requests(.retry)),
                ">"
            )
            let entry = try await desk.redis("HGET", .text(Desk.keys.record(named: "r1")), "entry")
            let id = try #require(entry.bytes.flatMap { EntryID($0) })
            let again = try accepted(Desk.payload, entry: id, queue: .retry)
            guard case .granted(let grant) = try await desk.streams.admit(again, Desk.bid) else {
                throw ChildProcess.Failure("what was handed back was not admitted")
            }
            #expect(grant.attempt == 1 && grant.callsMade == 1 && grant.inherited == nil)
        }
    }

    @Test func `a reply key of another type is told, and the entry stays pending`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("SET", .text(Self.reply), "x")
            #expect(try await desk.streams.commit(event(of: accepted)) == .replyUnwritable)
            #expect(try await desk.pending() == 1)
            #expect(try await desk.length(Self.requests) == 1)
            #expect(try await desk.redis("GET", .text(Self.reply)).text == "x")
        }
    }

    @Test func `a request key of another type is refused, and nothing is written`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("SET", .text(Self.requests), "x")
            await #expect(throws: StreamFailure.self) {
                try await desk.streams.commit(event(of: accepted))
            }
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `an answer is written although memory is full`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("CONFIG", "SET", "maxmemory", "1")
            await #expect(throws: RedisError.self) { try await desk.redis("SET", "a", "b") }
            let payload = [UInt8](repeating: 7, count: 100_000)
            let event = try event(of: accepted, payload: payload)
            #expect(try await desk.streams.commit(event) == .committed)
            #expect(try await desk.entries(Self.reply).first?["payload"] == payload)
        }
    }

    @Test func `a server that forgot the script is told it again`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await RedisStreams.load(Scripts.ofWorkers, by: desk.connection)
            try await desk.redis("SCRIPT", "FLUSH")
            #expect(try await desk.streams.commit(event(of: accepted)) == .committed)
        }
    }

    @Test func `a payload is bytes`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            let payload = (0...1_023).map { UInt8(truncatingIfNeeded: $0) }
            let event = try event(of: accepted, payload: payload)
            #expect(try await desk.streams.commit(event) == .committed)
            #expect(try await desk.entries(Self.reply).first?["payload"] == payload)
        }
    }

    @Test(arguments: [("p", nil), ("p", "s"), (nil, "s"), (nil, nil)] as [(String?, String?)])
    func `trace context goes with the answer, its state never alone`(
        parent: String?,
        state: String?
    ) async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            _ = try await desk.streams.commit(event(of: accepted, parent: parent, state: state))
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(fields["traceparent"] == parent.map { Array($0.utf8) })
            #expect(fields["tracestate"] == (parent == nil ? nil : state.map { Array($0.utf8) }))
        }
    }

    @Test func `the answer shortens an expiry that an earlier event had set`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            await desk.streams.announce(
                InterimEvent(
                    address: try address(),
                    kind: .accepted,
                    payload: [],
                    expiresAtMs: Int64(accepted.entry.id.milliseconds) + 3_600_000
                )
            )
            let before = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect(before > 3_000_000)
            _ = try await desk.streams.commit(event(of: accepted))
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
                    keys: [
                        .text(Self.requests), .text(Desk.keys.dead), .text(Desk.keys.dead),
                        .text(Desk.keys.counters),
                    ],
                    arguments: [
                        "workers", .text(id.description), "why", "normal", "0", "20", "", "",
                        "1000", "", "", "a", "1",
                    ]
                )
            }
            let kept = try #require(try await desk.length(Desk.keys.dead))
            #expect((20..<120).contains(kept))
        }
    }
}
