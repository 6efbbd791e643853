import Contract
import Pipeline
import Synchronization
import TestSupport
import Testing

/// Books of usage that say what they are told to.
private final class FakeBooks: UsageBooks {
    let asked = Mutex<[AcceptedUsage]>([])
    private let verdict: UsageVerdict?

    /// - Parameter verdict: Nil: this process is stopping.
    init(_ verdict: UsageVerdict?) { self.verdict = verdict }

    func report(_ asked: AcceptedUsage) async throws(CancellationError) -> UsageVerdict {
        self.asked.withLock { $0.append(asked) }
        guard let verdict else { throw CancellationError() }
        return verdict
    }
}

private struct OwnTokens: Authority {
    func permit(
        _ credentials: RequestEntry.Credentials,
        for identity: Identity,
        atMs: Int64
    ) async throws(CancellationError) -> Permission {
        credentials.authorization == identity.user
            ? .granted(tier: "premium", seal: "s")
            : .refused(Rejection(.forbidden, "no", field: "authorization"))
    }

    func seal(_ identity: Identity, as tier: String?) async throws(CancellationError) -> String {
        ""
    }
}

struct ReportingTests {
    private func question(_ more: (String, String)..., on queue: Queue = .normal) -> RawEntry {
        entry(
            [("request_id", "r1"), ("type", "usage"), ("payload", #"{"user_id":"alice"}"#)] + more,
            on: queue
        )
    }

    private func bench(_ verdict: UsageVerdict?) -> (Bench, FakeBooks) {
        let books = FakeBooks(verdict)
        var bench = Bench()
        bench.usage = books
        return (bench, books)
    }

    @Test func `a report is a result that costs nothing, is in no book, and asks no model`()
        async throws
    {
        let (bench, books) = bench(.report(Array(#"{"user_id":"alice"}"#.utf8)))
        #expect(try await bench.run(question()) == .committed)
        let event = try #require(bench.commits.first)
        #expect(event.kind == .result && event.account == nil && event.code == nil)
        #expect(event.payload == Array(#"{"user_id":"alice"}"#.utf8))
        #expect(event.identity.user == "alice")
        #expect(bench.model.asked.isEmpty && bench.streams.state.withLock { $0.bids.isEmpty })
        #expect(bench.watch.notes == ["decode", "report", "settle", "ended"])
        let asked = try #require(books.asked.withLock { $0.first })
        #expect(asked.request.toMs == Bench.noon + 1)
    }

    @Test(arguments: [
        (UsageVerdict.busy(retryAfterMs: 1_000), "overloaded"), (.late, "deadline"),
        (.away, "upstream_error"),
    ])
    func `what keeps it from being read has a code of its own`(
        verdict: UsageVerdict,
        code: String
    )
        async throws
    {
        let (bench, _) = bench(verdict)
        _ = try await bench.run(question(("attempt", "2"), on: .retry))
        let told = try members(bench.commits.first)
        #expect(told["code"] as? String == code)
        switch verdict {
        case .busy: #expect(told["retry_after_ms"] as? Int == 1_000)
        default: #expect(told["attempts"] as? Int == 2)
        }
    }

    @Test func `where usage is kept nowhere the type is refused`() async throws {
        let bench = Bench()
        _ = try await bench.run(question())
        let told = try members(bench.commits.first)
        #expect(told["code"] as? String == "invalid_request")
        #expect(told["field"] as? String == "type")
    }

    @Test func `a user is shown his own, and nobody's else`() async throws {
        var (bench, books) = bench(.report([]))
        bench.authority = OwnTokens()
        _ = try await bench.run(question(("authorization", "eve")))
        #expect(try members(bench.commits.first)["code"] as? String == "forbidden")
        #expect(bench.commits.first?.identity.user == "" && books.asked.withLock { $0.isEmpty })
        _ = try await bench.run(question(("authorization", "alice")))
        #expect(bench.commits.last?.kind == .result)
        let identity = books.asked.withLock { $0.first?.identity }
        #expect(identity?.claimedTier == "premium" && identity?.seal == "s")
    }

    @Test func `one that is late is refused before anything is read`() async throws {
        let (bench, books) = bench(.report([]))
        bench.clock.move(by: 30_000)
        _ = try await bench.run(question())
        #expect(try members(bench.commits.first)["code"] as? String == "deadline_passed")
        #expect(books.asked.withLock { $0.isEmpty })
    }

    @Test func `a process that stops hands the question back`() async throws {
        let (bench, _) = bench(nil)
        #expect(try await bench.run(question()) == .released)
        #expect(bench.commits.isEmpty && bench.releases.count == 1)
    }
}
