package import Contract

/// Whose turn it is among the priorities: in proportion to their weights while all have something
/// waiting, and never nobody's while one has.
///
/// Each priority has a clock that a turn moves on by 1 ÷ weight; the one whose clock would be least
/// after a turn is served next. Who had nothing waiting is not owed what passed meanwhile: its clock
/// is moved up to where the others are. So a single request of an idle priority is the very next one,
/// whatever crowds wait in less urgent ones, and a crowd in `high` leaves `low` its share.
///
/// `retry` has no weight: it is first always. (Stride scheduling, Waldspurger and Weihl 1995; who was
/// idle begins where the others are, as in start-time fair queueing, Goyal, Vin and Cheng 1996.)
package struct Turns: Sendable {
    private let weights: PriorityWeights
    private var clocks: [Queue: Int] = [:]
    /// Where an idle priority begins.
    private var start = 0
    /// The last read found more than it might take, as far as is known: there may be more at once.
    package private(set) var isBehind = false

    private enum Limits {
        /// One turn at weight 1. Divided by any weight it leaves three digits at least, and 10⁷ turns
        /// a second would take a century to leave `Int`.
        static let stride = 1_000_000
    }

    package init(_ weights: PriorityWeights) { self.weights = weights }

    private func clock(_ queue: Queue) -> Int { max(clocks[queue, default: start], start) }

    /// These priorities in the order in which they are due.
    package func order(of queues: some Sequence<Queue>) -> [Queue] {
        queues.sorted { precedes($0, $1) }
    }

    /// The one of these that is due first; nil when there are none.
    package func first(of queues: some Sequence<Queue>) -> Queue? {
        queues.min { precedes($0, $1) }
    }

    private func precedes(_ one: Queue, _ other: Queue) -> Bool {
        (rank(one), one.urgency) < (rank(other), other.urgency)
    }

    private func rank(_ queue: Queue) -> Int {
        weights[queue].map { clock(queue) + Limits.stride / $0 } ?? -1
    }

    /// One of this priority was served.
    ///
    /// - Parameter waiting: The priorities that had something waiting, this one included.
    package mutating func served(_ queue: Queue, among waiting: [Queue]) {
        charge(queue, 1)
        moveStart(toFirstOf: waiting)
    }

    /// Who is idle begins where the first is that is not.
    private mutating func moveStart(toFirstOf busy: some Sequence<Queue>) {
        let clocks = busy.filter { weights[$0] != nil }.map { clock($0) }
        start = max(start, clocks.min() ?? start)
    }

    private mutating func charge(_ queue: Queue, _ count: Int) {
        guard let weight = weights[queue] else { return }
        clocks[queue] = clock(queue) + count * (Limits.stride / weight)
    }
}

// MARK: - Many at once, without knowing who has something waiting

extension Turns {
    /// How many to ask of one priority.
    package struct Share: Equatable, Sendable {
        package let queue: Queue
        package let count: Int
    }

    /// How `room` is shared if each of these has enough waiting, in the order in which to ask. What one
    /// leaves, the others may have.
    package func shares(of room: Int, among queues: [Queue]) -> [Share] {
        let weighted = queues.filter { weights[$0] != nil }
        var (counts, future) = ([Queue: Int](), self)
        if !weighted.isEmpty {
            for _ in 0..<room {
                guard let next = future.first(of: weighted) else { break }
                counts[next, default: 0] += 1
                future.served(next, among: weighted)
            }
        }
        return order(of: queues).map { queue in
            Share(queue: queue, count: weights[queue] == nil ? room : counts[queue, default: 0])
        }
    }

    /// What came of `shares`.
    ///
    /// - Parameter taken: How many each gave; together `room` at the most.
    package mutating func took(_ taken: [Queue: Int], of shares: [Share], room: Int) {
        let sum = taken.values.reduce(0, +)
        isBehind = sum >= room
        var (asked, empty) = (0, Set<Queue>())
        for share in shares {
            let found = taken[share.queue, default: 0]
            // It was asked for its whole share, and had less.
            let wasAsked = asked + share.count <= room
            if sum < room || (wasAsked && found < share.count) { empty.insert(share.queue) }
            asked += min(found, share.count)
            charge(share.queue, found)
        }
        moveStart(shares.map(\.queue), empty)
    }

    /// Each of these was asked for the same, and gave so many.
    package mutating func took(_ taken: [Queue: Int], ofEach count: Int, among queues: [Queue]) {
        isBehind = taken.values.contains { $0 >= count }
        for (queue, found) in taken { charge(queue, found) }
        moveStart(queues, Set(queues.filter { taken[$0, default: 0] < count }))
    }

    private mutating func moveStart(_ queues: [Queue], _ empty: Set<Queue>) {
        let busy = queues.filter { weights[$0] != nil && !empty.contains($0) }
        guard busy.isEmpty else { return moveStart(toFirstOf: busy) }
        // All begin anew, and nobody is owed anything.
        start = max(start, queues.filter { weights[$0] != nil }.map { clock($0) }.max() ?? start)
    }
}

extension Queue {
    /// 0 is the most urgent.
    fileprivate var urgency: Int {
        switch self {
        case .retry: 0
        case .high: 1
        case .normal: 2
        case .low: 3
        }
    }
}
