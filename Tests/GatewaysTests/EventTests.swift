import Contract
import EventLoop
import Gateways
import Pipeline
import Redis
import TestSupport
import Testing

/// `event.lua`, in a real Redis.
struct EventTests {
    private static let reply = "strategy:{0}:reply:r1"

    private func event(_ accepted: Accepted) throws -> InterimEvent {
        InterimEvent(
            address: try address(parent: "p"),
            kind: .accepted,
            payload: Array("{}".utf8),
            expiresAtMs: Int64(accepted.entry.id.milliseconds) + 90_000
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
            let accepted = try await desk.admitted()
            await desk.streams.announce(try event(accepted))
            let fields = try #require(try await desk.entries(Self.reply).first)
            #expect(fields["event"] == Array("accepted".utf8))
            #expect(fields["traceparent"] == Array("p".utf8))
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect((1...90_000).contains(left))
            #expect(try await desk.pending() == 1)
        }
    }

    @Test func `nothing is written for a request of another worker, or of nobody`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            let record = RedisCommand.Argument.text(Desk.keys.record(accepted.entry.requestID))
            try await desk.redis("HSET", record, "boot", "another")
            await desk.streams.announce(try event(accepted))
            try await desk.redis("DEL", record)
            await desk.streams.announce(try event(accepted))
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
        }
    }

    @Test func `nothing comes after the terminal event`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            let end = TerminalEvent(
                queue: .normal,
                entryID: accepted.entry.id,
                address: try address(),
                identity: accepted.identity,
                kind: .failed,
                code: "deadline",
                payload: [],
                replyTTLMs: 1_000,
                account: .init(
                    cost: .zero,
                    isEstimated: false,
                    keepsPlace: true,
                    calls: Array("[]".utf8)
                )
            )
            _ = try await desk.streams.commit(end)
            await desk.streams.announce(try event(accepted))
            #expect(try await desk.length(Self.reply) == 1)
            let left = try #require(try await desk.redis("PTTL", .text(Self.reply)).int)
            #expect(left <= 1_000)
        }
    }

    @Test func `whatever stands in its way, it harms nothing`() async throws {
        try await withDesk { desk in
            let accepted = try await desk.admitted()
            try await desk.redis("SET", .text(Self.reply), "x")
            await desk.streams.announce(try event(accepted))
            #expect(try await desk.redis("GET", .text(Self.reply)).text == "x")
            try await desk.redis("DEL", .text(Self.reply))
            try await desk.redis("CONFIG", "SET", "maxmemory", "1")
            await desk.streams.announce(try event(accepted))
            #expect(try await desk.redis("EXISTS", .text(Self.reply)).int == 0)
            try await desk.redis("FLUSHALL")
            await desk.streams.announce(try event(accepted))
            #expect(try await desk.redis("DBSIZE").int == 0)
        }
    }
}
