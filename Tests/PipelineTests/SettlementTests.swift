import Contract
import Pipeline
import Policy
import Synchronization
import Testing

struct SettlementTests {
    @Test(arguments: [1, 2, 25])
    func `an answer is offered until the store has taken it`(times: Int) async throws {
        let bench = Bench(
            streams: FakeStreams(failures: Array(repeating: .unreachable, count: times))
        )
        #expect(try await bench.run(entry()) == .committed)
        #expect(bench.commits.count == times + 1)
        #expect(bench.waits == Array(1...times))
        #expect(bench.model.asked.count == 1)
        #expect(Set(bench.commits.map(\.payload)).count == 1)
    }

    @Test func `a refused commit is tried again as well`() async throws {
        let bench = Bench(streams: FakeStreams(failures: [.refused("OOM"), .unreachable]))
        #expect(try await bench.run(entry()) == .committed)
        #expect(bench.waits == [1, 2])
    }

    @Test func `a burial is insisted on too`() async throws {
        let bench = Bench(streams: FakeStreams(failures: [.unreachable, .refused("BUSY")]))
        #expect(try await bench.run(entry([("x", "y")])) == .buried)
        #expect(bench.letters.count == 3)
    }

    @Test func `what somebody else has ended is success`() async throws {
        let bench = Bench(streams: FakeStreams(receipts: [.already]))
        #expect(try await bench.run(entry()) == .already)
        #expect(bench.commits.count == 1 && bench.letters.isEmpty)
    }

    @Test func `an answer whose key holds something else is buried`() async throws {
        let bench = Bench(streams: FakeStreams(receipts: [.replyUnwritable]))
        #expect(try await bench.run(entry()) == .buried)
        #expect(bench.letters.first?.reason.contains("reply") == true)
    }

    @Test func `a store that is let go ends the trying, and nothing is said to be done`() async {
        let bench = Bench(streams: FakeStreams(failures: [.unreachable, .cancelled]))
        await #expect(throws: CancellationError.self) { try await bench.run(entry()) }
        #expect(bench.commits.count == 2)
    }

    @Test func `a model call that was given up hands the entry back`() async throws {
        let bench = Bench(model: FakeModel(failing: .cancelled))
        #expect(try await bench.run(entry()) == .released)
        #expect(bench.releases.map(\.id) == [entry().id])
        #expect(bench.commits.isEmpty && bench.letters.isEmpty)
    }

    @Test func `an answer is written although its task was cancelled meanwhile`() async throws {
        let model = FakeModel { _ in
            unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
            return .answer(
                .init(proposal: Array(soundChoice.utf8), modelName: "m", spend: .unknown)
            )
        }
        let bench = Bench(streams: FakeStreams(failures: [.unreachable]), model: model)
        let receipt = try await withThrowingTaskGroup(of: Receipt.self) { group in
            group.addTask { try await bench.run(entry()) }
            return try await group.next()
        }
        #expect(receipt == .committed)
        #expect(bench.commits.count == 2)
    }
}
