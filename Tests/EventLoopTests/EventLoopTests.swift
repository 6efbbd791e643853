import EventLoop
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct EventLoopTests {
    /// An actor that lives on a loop and says on which thread it finds itself.
    private actor Resident {
        private let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor {
            unsafe loop.asUnownedSerialExecutor()
        }
        private(set) var visits = 0
        init(on loop: EventLoop) { self.loop = loop }

        func visit() -> pthread_t {
            visits += 1
            return pthread_self()
        }
    }

    @Test func `an actor pinned to the loop and its child tasks never leave its thread`()
        async throws
    {
        let threads = try await EventLoop.run { loop in
            let resident = Resident(on: loop)
            return try await withThrowingTaskGroup(of: Set<pthread_t>.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        var seen: Set<pthread_t> = [pthread_self()]
                        for turn in 0..<20 {
                            seen.insert(await resident.visit())
                            seen.insert(pthread_self())
                            if turn.isMultiple(of: 3) { try await loop.sleep(for: .zero) }
                            if turn.isMultiple(of: 5) { await Task.yield() }
                            async let sibling = resident.visit()
                            seen.insert(await sibling)
                        }
                        return seen
                    }
                }
                var all: Set<pthread_t> = []
                for try await seen in group { all.formUnion(seen) }
                all.insert(pthread_self())
                #expect(await resident.visits == 50 * 40)
                return all
            }
        }
        #expect(threads.count == 1)
        #expect(!threads.contains(pthread_self()))
    }

    @Test func `a call from another thread runs on the loop`() async throws {
        try await EventLoop.run { loop in
            let seen = await withCheckedContinuation { continuation in
                let poster = PlainThread {
                    loop.execute { continuation.resume(returning: loop.isOnLoop) }
                    return loop.isOnLoop
                }
                #expect(!poster.join())
            }
            #expect(seen)
        }
    }

    @Test func `ten threads that post at once lose no call and no wake-up`() async throws {
        try await EventLoop.run { loop in
            let count = Atomic(0)
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                let threads = (0..<10).map { _ in
                    PlainThread {
                        for _ in 0..<1_000 {
                            loop.execute {
                                if count.add(1, ordering: .relaxed).newValue == 10_000 {
                                    done.resume()
                                }
                            }
                        }
                        return true
                    }
                }
                for thread in threads { _ = thread.join() }
            }
            #expect(count.load(ordering: .relaxed) == 10_000)
        }
    }

    @Test func `a sleeping task ends when it is cancelled, long before its time`() async throws {
        try await EventLoop.run { loop in
            let outcome = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await loop.sleep(for: .seconds(3_600))
                        return false
                    } catch is CancellationError { return true } catch { return false }
                }
                await Task.yield()
                group.cancelAll()
                return await group.next() == true
            }
            #expect(outcome)
        }
    }

    @Test func `a pipe's readiness comes as long as it holds bytes, and its end as readable`()
        async throws
    {
        try await EventLoop.run { loop in
            let words = Array("three words, two bytes a turn".utf8)
            let collected = try await PipeReader(on: loop).collect(writing: words)
            #expect(collected.bytes == words)
            #expect(collected.turns == words.count / 2 + 2)
        }
    }

    @Test func `a loop that ran and ended leaves no descriptor and no thread`() async {
        // In a process of its own: other tests open descriptors meanwhile.
        await #expect(processExitsWith: .success) {
            let files = FileManager.default
            try await EventLoop.run(named: "first") { try await $0.sleep(for: .zero) }
            let before = try files.contentsOfDirectory(atPath: "/proc/self/fd").count
            for _ in 0..<100 {
                try await EventLoop.run(named: "gone") { loop in
                    try await loop.sleep(for: .microseconds(100))
                }
            }
            let after = try files.contentsOfDirectory(atPath: "/proc/self/fd").count
            // What one in ten left would show; the few that the process itself opens once, when it first
            // needs them, are no loop's.
            guard after < before + 10 else { exit(1) }
            // The kernel lists a thread a moment longer than it runs.
            let end = EventLoop.Instant.now + .seconds(10)
            func isListed() throws -> Bool {
                try files.contentsOfDirectory(atPath: "/proc/self/task").contains {
                    let file = "/proc/self/task/\($0)/comm"
                    return (try? String(contentsOfFile: file, encoding: .utf8)) == "gone\n"
                }
            }
            while try isListed() {
                guard EventLoop.Instant.now < end else { exit(2) }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    @Test func `what is left watched when the loop ends is a crash, not a leak`() async {
        await #expect(processExitsWith: .failure) {
            try await EventLoop.run { loop in
                _ = loop.schedule(at: .now + .seconds(60)) {}
            }
        }
    }

    @Test func `a turn is watched from waking to waiting, and by what it takes`() async throws {
        let longest = try await EventLoop.run { loop in
            await withCheckedContinuation { continuation in
                let longest = Mutex(Duration.zero)
                loop.watchTurns { took in longest.withLock { $0 = max($0, took) } }
                loop.execute {
                    let end = EventLoop.Instant.now + .milliseconds(20)
                    while EventLoop.Instant.now < end {}
                    _ = loop.schedule(at: loop.now + .milliseconds(300)) {
                        // The wait for the timer counts for nothing.
                        continuation.resume(returning: longest.withLock { $0 })
                    }
                }
            }
        }
        #expect(longest >= .milliseconds(20) && longest < .milliseconds(300))
    }

    @Test func `what ends a turn runs after its jobs, once, and not within itself`() async throws {
        let order = Mutex<[String]>([])
        try await EventLoop.run { loop in
            await withCheckedContinuation { continuation in
                loop.execute {
                    let before = loop.turnCount
                    loop.atTurnEnd {
                        order.withLock { $0.append("end") }
                        #expect(loop.turnCount == before)
                        loop.atTurnEnd {
                            order.withLock { $0.append("end of the next") }
                            #expect(loop.turnCount == before + 1)
                            continuation.resume()
                        }
                    }
                    order.withLock { $0.append("job") }
                }
            }
        }
        #expect(order.withLock { $0 } == ["job", "end", "end of the next"])
    }

    @Test func `an instant is as far from another as the clock went on`() {
        let start = EventLoop.Instant.now
        let later = start + .milliseconds(1_500)
        #expect(later - start == .milliseconds(1_500))
        #expect(later - .milliseconds(1_500) == start)
        #expect(start < later)
        #expect(start <= .now)
    }
}

@Suite struct TimerHeapTests {
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `timers fire in order of their deadlines, and none that was taken back`(seed: UInt64) {
        var dice = Dice(seed: seed)
        var heap = EventLoop.TimerHeap()
        let start = EventLoop.Instant.now
        var expected: [Int: Int] = [:]
        var timers: [(id: Int, timer: EventLoop.Timer)] = []
        final class Log { var ids: [Int] = [] }
        let log = Log()
        for id in 0..<400 {
            if dice.roll(3) == 0, !timers.isEmpty {
                let victim = timers.remove(at: dice.roll(timers.count))
                heap.remove(victim.timer)
                heap.remove(victim.timer)  // a second time names nothing
                expected[victim.id] = nil
            } else {
                let offset = dice.roll(1_000)
                expected[id] = offset
                timers.append(
                    (id, heap.insert(at: start + .milliseconds(offset)) { log.ids.append(id) })
                )
            }
        }
        #expect(heap.count == expected.count)
        while let act = heap.popDue(by: start + .milliseconds(499)) { act() }
        let fired = log.ids
        #expect(fired.allSatisfy { (expected[$0] ?? 1_000) < 500 }, "seed \(seed)")
        while let act = heap.popDue(by: start + .seconds(10)) { act() }
        #expect(log.ids.compactMap { expected[$0] } == expected.values.sorted(), "seed \(seed)")
        #expect(heap.isEmpty)
    }
}
