import Contract
import Policy
import TestSupport
import Testing

struct PriorityWeightsTests {
    @Test func `weights are read in any order`() {
        #expect(PriorityWeights("high:16,normal:4,low:1") == .standard)
        let others = PriorityWeights("low:2,high:3,normal:1000")
        #expect(others == PriorityWeights(high: 3, normal: 1_000, low: 2))
        #expect(others?[.normal] == 1_000 && others?[.retry] == nil)
    }

    @Test(arguments: [
        "", "high:16", "high:16,normal:4", "high:16,normal:4,low:0", "high:16,normal:4,low:1001",
        "high:16,normal:4,low:1,low:1", "high:16,normal:4,low:1,", "high:16,normal:4,retry:1",
        "high=16,normal=4,low=1", "high:16,normal:4,low:1.5",
    ])
    func `anything else is no weights`(text: String) {
        #expect(PriorityWeights(text) == nil)
    }
}

/// Turns against crowds of random size, with random weights.
struct TurnsTests {
    private static let priorities: [Queue] = [.high, .normal, .low]

    private static func weights(_ dice: inout Dice) -> PriorityWeights {
        PriorityWeights(high: 1 + dice.roll(30), normal: 1 + dice.roll(30), low: 1 + dice.roll(30))
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `while all wait, each has its share, to within one round`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        let weights = Self.weights(&dice)
        let sum = weights.high + weights.normal + weights.low
        var turns = Turns(weights)
        var counts: [Queue: Int] = [:]
        for served in 1...2_000 {
            let next = try #require(turns.first(of: Self.priorities))
            turns.served(next, among: Self.priorities)
            counts[next, default: 0] += 1
            for queue in Self.priorities {
                let fair = Double(served * (weights[queue] ?? 0)) / Double(sum)
                let off = abs(Double(counts[queue, default: 0]) - fair)
                // Nobody is ahead, or behind, by more than a turn of each of the others.
                #expect(off <= Double(Self.priorities.count), "replay with seed \(seed)")
            }
        }
    }

    /// Entries come and go at random; a model of the streams is read as `take` does.
    @Test(arguments: 0..<100 as Range<UInt64>)
    func `shares lose no room, take no more than there is, and starve nobody`(
        seed: UInt64
    ) throws {
        var dice = Dice(seed: seed)
        let weights = Self.weights(&dice)
        let sum = weights.high + weights.normal + weights.low
        var turns = Turns(weights)
        var streams: [Queue: Int] = [:]
        var passedOver: [Queue: Int] = [:]
        for _ in 0..<1_000 {
            for queue in Queue.allCases where dice.roll(4) == 0 {
                streams[queue, default: 0] += dice.roll(queue == .retry ? 3 : 40)
            }
            let room = 1 + dice.roll(10)
            let before = streams
            let shares = turns.shares(of: room, among: Queue.allCases)
            #expect(shares.map(\.queue).first == .retry)
            let taken = Self.take(&streams, shares, room)
            turns.took(taken, of: shares, room: room)
            let all = taken.values.reduce(0, +)
            let there = before.values.reduce(0, +)
            #expect(all == min(room, there), "replay with seed \(seed)")
            #expect(taken[.retry, default: 0] == min(room, before[.retry, default: 0]))
            for queue in Self.priorities {
                let waits = streams[queue, default: 0] > 0 && taken[queue, default: 0] == 0
                let others = all - taken[.retry, default: 0]
                passedOver[queue] = waits ? passedOver[queue, default: 0] + others : 0
                // What others left, it had: at most a read's room, which it owes them now.
                let bound = (10 + 3) * (sum / (weights[queue] ?? 1) + 1)
                #expect(passedOver[queue, default: 0] <= bound, "replay with seed \(seed)")
            }
        }
    }

    /// As the script does it.
    private static func take(
        _ streams: inout [Queue: Int],
        _ shares: [Turns.Share],
        _ room: Int
    ) -> [Queue: Int] {
        var (taken, left) = ([Queue: Int](), room)
        for most in [nil, room] as [Int?] {
            for share in shares {
                let count = min(streams[share.queue, default: 0], min(most ?? share.count, left))
                streams[share.queue, default: 0] -= count
                taken[share.queue, default: 0] += count
                left -= count
            }
        }
        return taken
    }

    @Test(arguments: [1, 2, 7, 100])
    func `a crowd in low has all there is, and a single one goes past it at once`(room: Int) {
        var turns = Turns(.standard)
        var streams: [Queue: Int] = [.low: 10_000]
        for round in 0..<50 {
            if round % 5 == 4 {
                let queue: Queue = round % 2 == 0 ? .normal : .high
                streams[queue] = 1
                let shares = turns.shares(of: room, among: Queue.allCases)
                let taken = Self.take(&streams, shares, room)
                #expect(taken[queue] == 1)
                turns.took(taken, of: shares, room: room)
            } else {
                let shares = turns.shares(of: room, among: Queue.allCases)
                let taken = Self.take(&streams, shares, room)
                #expect(taken[.low] == room && turns.shares(of: room, among: []).isEmpty)
                turns.took(taken, of: shares, room: room)
            }
            #expect(turns.isBehind)
        }
    }

    @Test func `who was idle is owed nothing`() {
        var turns = Turns(.standard)
        for _ in 0..<1_000 { turns.served(.high, among: [.high]) }
        let shares = turns.shares(of: 21, among: Self.priorities)
        #expect(shares.first { $0.queue == .low }?.count == 1)
        #expect(shares.first { $0.queue == .high }?.count == 16)
    }

    @Test func `a read of all alike is counted, too`() {
        var turns = Turns(.standard)
        turns.took([.low: 25], ofEach: 25, among: Queue.allCases)
        #expect(turns.isBehind)
        #expect(turns.first(of: Self.priorities) == .high)
        turns.took([.low: 3, .high: 24], ofEach: 25, among: Queue.allCases)
        #expect(!turns.isBehind)
    }
}

struct WatermarkTests {
    @Test func `it is full at the mark, and until memory has fallen below it`() {
        var mark = Watermark(0.5)
        mark.saw(bytesUsed: 499, of: 1_000)
        #expect(!mark.isFull)
        mark.saw(bytesUsed: 500, of: 1_000)
        #expect(mark.isFull)
        mark.saw(bytesUsed: 491, of: 1_000)
        #expect(mark.isFull)
        mark.saw(bytesUsed: 489, of: 1_000)
        #expect(!mark.isFull)
    }

    @Test func `without a limit it is never full`() {
        var mark = Watermark(0.5)
        mark.saw(bytesUsed: 1 << 40, of: 0)
        #expect(!mark.isFull)
    }
}
