extension EventLoop {
    /// A set timer. Outlives its firing harmlessly: a stale one names nothing.
    package struct Timer: Sendable {
        fileprivate let slot: Int32
        fileprivate let generation: UInt32
    }

    /// Timers by deadline: a binary heap whose entries know their place, so that taking one back is
    /// O(log n) and leaves nothing behind. With 5,000 requests in flight nearly every timer is taken
    /// back long before it is due; a heap that only marks them would grow by all of them.
    package struct TimerHeap {
        package init() {}

        private struct Row {
            var deadline: Instant
            var generation: UInt32
            /// Index into `heap`, or -1 when the row is free.
            var place: Int32
            var act: (() -> Void)?
        }
        private var rows: [Row] = []
        private var free: [Int32] = []
        /// Slots of `rows`, smallest deadline first.
        private var heap: [Int32] = []

        package var count: Int { heap.count }
        package var isEmpty: Bool { heap.isEmpty }
        package var earliest: Instant? { heap.first.map { rows[Int($0)].deadline } }

        package mutating func insert(at deadline: Instant, _ act: @escaping () -> Void) -> Timer {
            let slot: Int32
            if let used = free.popLast() {
                slot = used
                rows[Int(slot)].deadline = deadline
                rows[Int(slot)].act = act
            } else {
                slot = Int32(rows.count)
                rows.append(Row(deadline: deadline, generation: 0, place: -1, act: act))
            }
            heap.append(slot)
            rows[Int(slot)].place = Int32(heap.count - 1)
            siftUp(heap.count - 1)
            return Timer(slot: slot, generation: rows[Int(slot)].generation)
        }

        package mutating func remove(_ timer: Timer) {
            let slot = Int(timer.slot)
            guard slot < rows.count, rows[slot].generation == timer.generation,
                rows[slot].place >= 0
            else { return }
            _ = take(at: Int(rows[slot].place))
        }

        /// Takes the earliest timer that is due by `now`, and answers what it was to do.
        package mutating func popDue(by now: Instant) -> (() -> Void)? {
            guard let first = heap.first, rows[Int(first)].deadline <= now else { return nil }
            return take(at: 0)
        }

        private mutating func take(at place: Int) -> (() -> Void)? {
            let slot = Int(heap[place])
            let last = heap.count - 1
            if place != last {
                heap[place] = heap[last]
                rows[Int(heap[place])].place = Int32(place)
            }
            heap.removeLast()
            if place < heap.count {
                siftDown(place)
                siftUp(place)
            }
            rows[slot].place = -1
            rows[slot].generation &+= 1
            free.append(Int32(slot))
            return rows[slot].act.take()
        }

        private mutating func siftUp(_ start: Int) {
            var place = start
            while place > 0 {
                let parent = (place - 1) / 2
                guard isEarlier(place, parent) else { return }
                exchange(place, parent)
                place = parent
            }
        }

        private mutating func siftDown(_ start: Int) {
            var place = start
            while true {
                let left = 2 * place + 1
                guard left < heap.count else { return }
                let right = left + 1
                let child = right < heap.count && isEarlier(right, left) ? right : left
                guard isEarlier(child, place) else { return }
                exchange(place, child)
                place = child
            }
        }

        private func isEarlier(_ a: Int, _ b: Int) -> Bool {
            rows[Int(heap[a])].deadline < rows[Int(heap[b])].deadline
        }

        private mutating func exchange(_ a: Int, _ b: Int) {
            heap.swapAt(a, b)
            rows[Int(heap[a])].place = Int32(a)
            rows[Int(heap[b])].place = Int32(b)
        }
    }
}
