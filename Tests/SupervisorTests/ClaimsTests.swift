import Authorization
import Contract
import Gateways
import Policy
import Redis
import Supervisor
import Telemetry
import TestSupport
import Testing

/// What becomes of tokens when a worker dies before their claims were in the books.
struct ClaimsTests {
    private func bearer(_ claims: [String: Any]) throws -> [String] {
        ["authorization", "Bearer \(try Tokens.signed(claims))"]
    }

    private func seal(_ ward: Ward) async throws -> Seal {
        Seal(key: Array(try #require(try await ward.redis("GET", Ward.global.seal).text).utf8))
    }

    private func identity(_ name: String) throws -> Identity {
        Identity(
            requestID: try #require(RequestID(name)),
            user: "u",
            payloadHash: PayloadHash(of: Array(body.utf8))
        )
    }

    @Test func `claims go on, sealed for their request, and the token does not`() async throws {
        let token = try bearer(["sub": "u", "tier": "premium"])
        try await withWard(verifying: Tokens.verifier()) { ward in
            _ = try await ward.take(["r1"], from: .high, by: "gone", token)
            await ward.round()
            let again = try #require(try await ward.entries(Ward.keys.requests(.retry)).first)
            #expect(again["authorization"] == nil)
            let sealed = try #require(again["sealed"])
            let opened = try await seal(ward).open(sealed, identity("r1"))
            #expect(opened?.tier == .premium)
            #expect(try await seal(ward).open(sealed, identity("r2")) == nil)
            #expect(ward.metrics.work.reclaimed.value(.dead) == 1)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `a token that proves nothing ends its request, as a worker would have`()
        async throws
    {
        let wrong: [(String, [String], String)] = [
            ("r1", try bearer(["sub": "u", "exp": 1]), "unauthorized"),
            ("r2", try bearer(["sub": "another"]), "forbidden"),
            ("r3", ["authorization", "Bearer x.y.z"], "unauthorized"),
        ]
        try await withWard(verifying: Tokens.verifier()) { ward in
            for (name, token, _) in wrong { _ = try await ward.take([name], by: "gone", token) }
            await ward.round()
            for (name, token, code) in wrong {
                let events = try await ward.reply(name)
                #expect(events.count == 1 && events[0]["event"] == "rejected", "\(name)")
                let payload = events[0]["payload"] ?? ""
                #expect(payload.contains(#""code":"\#(code)""#), "\(payload)")
                #expect(payload.contains(#""field":"authorization""#))
                #expect(!payload.contains(token[1].dropFirst(7)))
                // Of nobody in particular: the user whom it named may still ask under this id.
                #expect(try await ward.fields(Ward.keys.record(named: name))["user"] == "")
            }
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 0)
            #expect(try await ward.length(Ward.keys.requests(.normal)) == 0)
            #expect(try await ward.pending() == 0)
            #expect(try await ward.length(Ward.keys.dead) == 0)
            #expect(ward.metrics.work.refused.value == 3)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }

    @Test func `what has no token, or is not in order, is its next worker's to refuse`()
        async throws
    {
        try await withWard(verifying: Tokens.verifier()) { ward in
            _ = try await ward.take(["r1"], by: "gone")
            let token = try bearer(["sub": "another"])
            _ = try await ward.take(["r2"], by: "gone", token + ["deadline_ms", "soon"])
            await ward.round()
            let again = try await ward.entries(Ward.keys.requests(.retry))
            #expect(again.map { $0["request_id"] } == ["r1", "r2"])
            #expect(again.allSatisfy { $0["sealed"] == nil && $0["authorization"] == nil })
        }
    }

    @Test func `once a request is in the books its claims are there, and stay`() async throws {
        let token = try bearer(["sub": "u", "exp": 1])
        try await withWard(verifying: Tokens.verifier()) { ward in
            let deadline = try await ward.nowMs() + 30_000
            let ids = try await ward.take(["r1"], by: "gone", token)
            try await ward.admitted("r1", ids[0], by: "gone", deadlineMs: deadline)
            try await ward.redis("HSET", Ward.keys.record(named: "r1"), "seal", "basic.00")
            await ward.round()
            let again = try #require(try await ward.entries(Ward.keys.requests(.retry)).first)
            #expect(again["sealed"] == "basic.00")
            #expect(try await ward.reply("r1").isEmpty)
        }
    }

    @Test func `an entry of a request that has ended only goes, whatever its token is`()
        async throws
    {
        let token = try bearer(["sub": "another"])
        try await withWard(verifying: Tokens.verifier()) { ward in
            let ids = try await ward.take(["r1"], by: "gone", token)
            try await ward.admitted("r1", ids[0], by: "gone", deadlineMs: 1 << 50)
            try await ward.all([
                ["HSET", Ward.keys.record(named: "r1"), "state", "ended"],
                ["ZREM", Ward.keys.due, "r1"], ["HINCRBY", Ward.keys.counters, "ended", "1"],
            ])
            await ward.round()
            #expect(try await ward.reply("r1").isEmpty)
            #expect(try await ward.pending() == 0)
            #expect(try await ward.length(Ward.keys.requests(.retry)) == 0)
            #expect(try await ward.drift() == [0, 0, 0, 0, 0])
        }
    }
}
