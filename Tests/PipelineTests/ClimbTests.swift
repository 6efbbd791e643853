import Contract
import Foundation
import Pipeline
import Policy
import Synchronization
import TestSupport
import Testing

/// The ladder as a request climbs it: calls, money, and what is told of them.
struct ClimbTests {
    private static let routes = Route.chain(models: ["m1", "m2"], endpoints: ["a"])
    private static let twoEnds = Route.chain(models: ["m1"], endpoints: ["a", "b"])

    /// Models that answer in turn; after the last one what it said.
    private func bench(
        _ completions: [Completion],
        routes: [Route] = routes,
        streams: FakeStreams = FakeStreams()
    ) -> Bench {
        Bench(
            streams: streams,
            model: FakeModel(routes: routes) { asked in
                completions[min(asked.number, completions.count - 1)]
            }
        )
    }

    private let fine = FakeModel.saying(soundChoice)

    private func metered(_ text: String, nano: Int64) -> Completion {
        .answer(
            .init(
                proposal: Array(text.utf8),
                modelName: "m",
                spend: .metered(
                    TokenUsage(promptTokens: 100, completionTokens: 10),
                    NanoUSD(nano)
                )
            )
        )
    }

    private func settled(_ bench: Bench) -> [NanoUSD] {
        bench.fleet.state.withLock { $0.settled.map(\.cost) }
    }

    @Test func `a server's error is passed by a repeat, and the reply tells of both calls`()
        async throws
    {
        let bench = bench([.failure(.serverError(waitMs: nil), .nothing), fine])
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "model" && answer["degraded"] is NSNull)
        #expect((answer["model"] as? [String: Any])?["attempts"] as? Int == 2)
        #expect(bench.model.asked.map(\.terms.route) == [Self.routes[0], Self.routes[0]])
        #expect(bench.pauses.pauses.count == 1)
        let rows = try rows(bench)
        #expect(rows.compactMap { $0["kind"] as? String } == ["first", "repeat"])
        #expect(rows.compactMap { $0["prompt_version"] as? String } == ["test-1", "test-1"])
        #expect(Set(rows.compactMap { $0["reservation"] as? String }) == ["0:r1:1:1", "0:r1:1:2"])
        #expect(settled(bench) == [.zero, NanoUSD(15_820_000)])
    }

    private func rows(_ bench: Bench) throws -> [[String: Any]] {
        let calls = bench.commits.first?.account?.calls ?? []
        return try #require(
            try JSONSerialization.jsonObject(with: Data(calls)) as? [[String: Any]]
        )
    }

    @Test func `every further call is reserved before it is made, by fleet and user`() async throws
    {
        let bench = bench([
            metered("nonsense", nano: 7_000_000), .failure(.keyRefused, .nothing), fine,
        ])
        _ = try await bench.answer()
        let reserved = bench.fleet.state.withLock { $0.reserved.map(\.name) }
        #expect(reserved == ["0:r1:1:1", "0:r1:1:2"] || reserved.count == 2)
        let marks = bench.streams.state.withLock { $0.marks }
        guard case .calling(2, _, let spent) = try #require(marks.last) else {
            Issue.record("\(marks)")
            return
        }
        #expect(spent == NanoUSD(7_000_000))
    }

    @Test func `an answer that cannot be used is asked for anew, naming what was wrong alone`()
        async throws
    {
        let bad = soundChoice.replacing(":1,", with: ":99,")
        let bench = bench([metered(bad, nano: 1_000_000), fine])
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "model")
        let complaints = bench.model.asked.map(\.complaints)
        #expect(complaints[0].isEmpty && complaints[1].count == 1)
        #expect(complaints[1][0].hasPrefix("/choice"), "\(complaints)")
        let usage = try #require(answer["usage"] as? [String: Any])
        #expect(usage["cost_usd"] as? Double == 0.01682)
        #expect(usage["prompt_tokens"] as? Int == 998)
        #expect(bench.commits.first?.account?.cost == NanoUSD(16_820_000))
    }

    @Test func `with no repeat left it goes elsewhere, also to ask anew`() async throws {
        let bench = bench([metered("nonsense", nano: 1), fine])
        bench.switchboard.state.withLock { $0.allowances[.repeats] = 0 }
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "model")
        #expect(bench.model.asked.map(\.terms.route) == Self.routes)
        #expect(bench.model.asked[1].complaints.isEmpty)
    }

    @Test func `a refusal is not argued with`() async throws {
        let bench = bench([.unusable(.refused, modelName: "m", .nothing)])
        let answer = try await bench.answer()
        #expect(answer["degraded"] as? String == "invalid_output")
        #expect(bench.model.asked.count == 1)
    }

    @Test func `closed ways cost nothing, and are named`() async throws {
        let bench = bench([fine])
        bench.switchboard.state.withLock { $0.closed = Set(Self.routes) }
        let answer = try await bench.answer()
        #expect(answer["degraded"] as? String == "circuit_open")
        #expect(bench.model.asked.isEmpty && answer["model"] == nil)
        #expect(settled(bench) == [.zero])
        #expect(bench.commits.first?.account?.cost == .zero)
        let other = self.bench([fine])
        other.switchboard.state.withLock { $0.closed = [Self.routes[0]] }
        #expect(try await other.answer()["source"] as? String == "model")
        #expect(other.model.asked.map(\.terms.route) == [Self.routes[1]])
    }

    @Test func `what became of each call is told to the switchboard`() async throws {
        let bench = bench([.failure(.overloaded(waitMs: nil), .nothing), fine])
        bench.switchboard.state.withLock { $0.probing = [Self.routes[0]] }
        _ = try await bench.answer()
        let reports = bench.switchboard.state.withLock { $0.reports }
        #expect(
            reports.map(\.report) == [
                .failed(.overloaded(waitMs: nil)), .answered(isSlow: false),
            ]
        )
        #expect(reports.allSatisfy { $0.passage == .probe })
    }

    @Test func `money bounds the climb: what the request may cost in all, and the user's hour`()
        async throws
    {
        let costly = metered("nonsense", nano: 480_000_000)
        let bench = bench([costly, fine])
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "rule_based")
        #expect(bench.model.asked.count == 1)
        #expect((answer["usage"] as? [String: Any])?["cost_usd"] as? Double == 0.48)
        let streams = FakeStreams()
        streams.state.withLock { $0.markings = [.marked, .unaffordable, .unaffordable] }
        let poor = self.bench([.failure(.brokenOff, .unknown), fine], streams: streams)
        #expect(try await poor.answer()["degraded"] as? String == "upstream_error")
        #expect(poor.model.asked.count == 1)
        let names = poor.fleet.state.withLock { $0.settled.map(\.name) }
        #expect(Set(names) == Set(poor.fleet.state.withLock { $0.reserved.map(\.name) }))
    }

    @Test func `whatever happens, every claim on the fleet is settled once, and the sums agree`()
        async throws
    {
        for seed in 0..<200 {
            var dice = Dice(seed: UInt64(seed))
            let all: [Completion] = [
                .failure(.serverError(waitMs: nil), .nothing), .failure(.brokenOff, .unknown),
                .failure(.rateLimited(waitMs: 30), .nothing), metered("nonsense", nano: 3_000_000),
                .failure(.modelGone, .nothing), .unusable(.empty, modelName: "m", .unknown), fine,
            ]
            let bench = bench((0..<4).map { _ in all[dice.roll(all.count)] })
            let answer = try await bench.answer()
            let fleet = bench.fleet.state.withLock { $0 }
            #expect(
                fleet.reserved.map(\.name).sorted() == fleet.settled.map(\.name).sorted(),
                "replay with \(seed)"
            )
            let cost = fleet.settled.reduce(.zero) { $0 + $1.cost }
            #expect(bench.commits.first?.account?.cost == cost, "replay with \(seed)")
            #expect(bench.model.asked.count <= 4 && answer["decision"] is String)
        }
    }

    // MARK: - Beside a slow call

    @Test func `beside a slow call another endpoint is asked, and the first answer counts`()
        async throws
    {
        let model = FakeModel(routes: Self.twoEnds) { [fine] asked in
            guard asked.terms.route.endpoint == "a" else { return fine }
            while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
            return .failure(.cancelled, .unknown)
        }
        var bench = Bench(model: model)
        bench.hedgeAfterMs = 100
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "model")
        let told = try #require(answer["model"] as? [String: Any])
        #expect(told["endpoint"] as? String == "b" && told["attempts"] as? Int == 2)
        let rows = try rows(bench)
        #expect(Set(rows.compactMap { $0["kind"] as? String }) == ["first", "hedge"])
        // The one that was given up is charged at what was set aside for it.
        let usage = try #require(answer["usage"] as? [String: Any])
        #expect(usage["estimated"] as? Bool == true)
        let fleet = bench.fleet.state.withLock { $0 }
        #expect(fleet.reserved.count == 2 && fleet.settled.count == 2)
    }

    @Test func `with no share left, or one endpoint, nothing is asked beside`() async throws {
        for routes in [Self.twoEnds, [Self.twoEnds[0]]] {
            let model = FakeModel(routes: routes) { [fine] _ in
                for _ in 0..<20 { await Task.yield() }
                return fine
            }
            var bench = Bench(model: model)
            bench.hedgeAfterMs = 50
            bench.switchboard.state.withLock { $0.allowances[.besides] = 0 }
            let answer = try await bench.answer()
            #expect(answer["source"] as? String == "model" && model.asked.count == 1)
        }
    }
}
