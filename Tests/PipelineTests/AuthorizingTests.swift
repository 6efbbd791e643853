import Contract
import Options
import Pipeline
import TestSupport
import Testing

/// Lets in whoever says so.
private struct FakeAuthority: Authority {
    func permit(
        _ credentials: RequestEntry.Credentials,
        for identity: Identity,
        atMs: Int64
    ) async throws(CancellationError) -> Permission {
        guard credentials.authorization == "Bearer \(identity.user) at \(atMs)" else {
            return .refused(Rejection(.unauthorized, "no", field: "authorization"))
        }
        return .granted(tier: "basic", seal: "sealed \(identity.requestID.text)")
    }

    func seal(_ identity: Identity, as tier: String?) async throws(CancellationError) -> String {
        "\(identity.requestID.text) \(tier ?? "")"
    }
}

struct AuthorizingTests {
    private func bench() -> Bench {
        var bench = Bench()
        bench.authority = FakeAuthority()
        return bench
    }

    @Test func `who proves nothing is refused before anything is looked at, and is nobody`()
        async throws
    {
        let bench = bench()
        _ = try await bench.run(entry(adding: ("authorization", "Bearer eve")))
        let told = try members(bench.commits.first)
        #expect(told["code"] as? String == "unauthorized")
        #expect(bench.commits.first?.identity.user == "")
        #expect(bench.watch.notes == ["decode", "started", "settle", "ended"])
    }

    @Test func `claims go on with the request, and are judged by when it was added`() async throws {
        let bench = bench()
        _ = try await bench.run(
            entry(adding: ("authorization", "Bearer user123 at \(Bench.noon)"))
        )
        let identity = try #require(bench.commits.first).identity
        #expect(bench.commits.first?.kind == .result)
        #expect(identity.claimedTier == "basic" && identity.seal == "sealed r1")
    }

    @Test func `a batch's token speaks for its user alone`() async throws {
        let bench = bench()
        let member = soundPayload.dropFirst()
        let payload =
            #"{"user_id":"user123","batch_id":"b","requests":[{"request_id":"m0",\#(member),"#
            + #"{"request_id":"m1",\#(member.replacing("user123", with: "eve"))]}"#
        _ = try await bench.run(
            entry([
                ("request_id", "e1"), ("type", "batch"), ("payload", payload),
                ("authorization", "Bearer user123 at \(Bench.noon)"),
            ])
        )
        let told = try members(bench.commits.first)
        #expect(told["code"] as? String == "forbidden")
        #expect(told["field"] as? String == "/requests/1/user_id")
    }
}
