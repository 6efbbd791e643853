import Contract
import Foundation
import Pipeline
import Synchronization
import TestSupport
import Testing

/// An envelope of so many members.
private func envelope(
    _ count: Int,
    id: String = "e1",
    user: @Sendable (Int) -> String = { _ in "user123" },
    adding fields: [(String, String)] = []
) -> RawEntry {
    let members = (0..<count)
        .map { #"{"request_id":"m\#($0)","user_id":"\#(user($0))"}"# }
        .joined(separator: ",")
    let payload = """
        {"user_id":"user123","batch_id":"b1","batch_priority":"high","requests":[\(members)]}
        """
    return entry([("request_id", id), ("type", "batch"), ("payload", payload)] + fields)
}

struct BatchTests {
    @Test func `a batch is expanded in steps of a hundred, and answered by its members alone`()
        async throws
    {
        let bench = Bench()
        #expect(try await bench.run(envelope(250)) == .expanded)
        let steps = bench.streams.state.withLock { $0.steps }
        #expect(steps.map(\.members) == [0..<100, 100..<200, 200..<250])
        #expect(steps.allSatisfy { !$0.isTakenBack && $0.attempt == 1 })
        #expect(bench.watch.notes == ["decode", "expanded"])
        #expect(bench.commits.isEmpty && bench.letters.isEmpty && bench.model.asked.isEmpty)
    }

    @Test func `its members have what is left of its time`() async throws {
        let bench = Bench(clock: FakeClock(at: Bench.noon + 1_000))
        _ = try await bench.run(envelope(1, adding: [("deadline_ms", "5000")]))
        let step = try #require(bench.streams.state.withLock { $0.steps.first })
        #expect(step.memberDeadlineMs == 4_000)
        #expect(step.deadlineMs == Bench.noon + 5_000)
    }

    @Test func `a batch that does not say has BATCH_TIMEOUT`() async throws {
        let bench = Bench()
        _ = try await bench.run(envelope(1))
        #expect(bench.streams.state.withLock { $0.steps.first }?.memberDeadlineMs == 3_600_000)
    }

    @Test func `whoever takes it over goes on where the one before stood`() async throws {
        let streams = FakeStreams()
        streams.state.withLock { $0.expansions = [.at(200)] }
        let bench = Bench(streams: streams)
        #expect(try await bench.run(envelope(250)) == .expanded)
        let steps = streams.state.withLock { $0.steps }
        #expect(steps.map(\.members) == [0..<100, 200..<250])
    }

    @Test func `a batch taken back meanwhile ends its members instead of adding them`() async throws
    {
        let streams = FakeStreams()
        streams.state.withLock { $0.expansions = [.at(100), .takenBack(at: 100)] }
        let bench = Bench(streams: streams)
        #expect(try await bench.run(envelope(150)) == .expanded)
        let steps = streams.state.withLock { $0.steps }
        #expect(steps.map(\.members) == [0..<100, 100..<150, 100..<150])
        #expect(steps.map(\.isTakenBack) == [false, false, true])
    }

    @Test func `a step that failed is asked for again`() async throws {
        let streams = FakeStreams(failures: [.unreachable, .refused("OOM")])
        let bench = Bench(streams: streams)
        #expect(try await bench.run(envelope(2)) == .expanded)
        #expect(streams.state.withLock { $0.steps }.map(\.members) == [0..<2, 0..<2, 0..<2])
        #expect(bench.waits == [1, 2])
    }

    @Test func `a cancelled expansion hands its envelope back`() async throws {
        let bench = Bench(streams: FakeStreams(failures: [.cancelled]))
        #expect(try await bench.run(envelope(2)) == .released)
        #expect(bench.releases.map(\.id) == [envelope(2).id])
    }

    @Test(arguments: [(Expanded.lost, Receipt.superseded), (.already, .already)])
    func `an envelope that is another's now is let go`(
        said: Expanded,
        receipt: Receipt
    ) async throws {
        let streams = FakeStreams()
        streams.state.withLock { $0.expansions = [said] }
        let bench = Bench(streams: streams)
        #expect(try await bench.run(envelope(2)) == receipt)
        #expect(bench.commits.isEmpty)
    }

    @Test func `an id that another batch has is refused, and named`() async throws {
        let streams = FakeStreams()
        streams.state.withLock { $0.expansions = [.idIsTaken] }
        let bench = Bench(streams: streams)
        #expect(try await bench.run(envelope(2)) == .committed)
        #expect(try members(bench.commits.first)["field"] as? String == "/batch_id")
    }

    @Test func `a member of another partition refuses the whole, and is named`() async throws {
        var bench = Bench()
        bench.partitions = 4
        bench.partition = Partition.of(userID: "user123", count: 4)
        let other = (0...).lazy.map { "u\($0)" }
            .first {
                Partition.of(userID: $0, count: 4) != Partition.of(userID: "user123", count: 4)
            }
        let stranger = try #require(other)
        let raw = envelope(4, user: { $0 == 3 ? stranger : "user123" })
        #expect(try await bench.run(raw) == .committed)
        let event = try #require(bench.commits.first)
        #expect(event.kind == .rejected)
        #expect(try members(event)["field"] as? String == "/requests/3/user_id")
        #expect(bench.streams.state.withLock { $0.steps }.isEmpty)
    }

    @Test func `an envelope read too late is refused as a request is`() async throws {
        let bench = Bench(clock: FakeClock(at: Bench.noon + 3_600_001))
        #expect(try await bench.run(envelope(2)) == .committed)
        #expect(bench.commits.first?.code == "deadline_passed")
    }

    @Test func `an envelope taken back before it was read ends so`() async throws {
        let cancellation = Cancellation(by: Array("desk".utf8))
        let bench = Bench(streams: FakeStreams(admittances: [.cancelled(cancellation)]))
        #expect(try await bench.run(envelope(2)) == .committed)
        #expect(bench.commits.first?.kind == .cancelled)
        #expect(bench.streams.state.withLock { $0.steps }.isEmpty)
    }

    @Test func `an envelope that adds nothing is let go, and one whose id is another's is buried`()
        async throws
    {
        let again = Bench(streams: FakeStreams(admittances: [.dropped(.duplicate)]))
        #expect(try await again.run(envelope(2)) == .duplicate)
        let other = Bench(streams: FakeStreams(admittances: [.conflict]))
        #expect(try await other.run(envelope(2)) == .buried)
        #expect(other.letters.first?.told?.text == "e1")
    }
}

struct CancelledTests {
    @Test func `a request taken back before it was read ends so, without a call`() async throws {
        let cancellation = Cancellation(by: Array("desk".utf8))
        let bench = Bench(streams: FakeStreams(admittances: [.cancelled(cancellation)]))
        #expect(try await bench.run(entry()) == .committed)
        let event = try #require(bench.commits.first)
        #expect(event.kind == .cancelled && event.code == nil && event.account == nil)
        #expect(event.payload == Array(#"{"by":"desk","cost_usd":0}"#.utf8))
        #expect(bench.model.asked.isEmpty && bench.fleet.state.withLock { $0.reserved.isEmpty })
    }

    @Test func `a batch's member says so to the end`() async throws {
        let bench = Bench()
        let raw = entry(
            adding: ("batch_id", "b1"),
            ("batch_index", "1"),
            ("batch_size", "2")
        )
        #expect(try await bench.run(raw) == .committed)
        #expect(bench.commits.first?.address.member?.text == "1 2 b1")
    }
}
