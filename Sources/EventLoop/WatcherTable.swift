internal import CLinux

extension EventLoop {
    /// A watched descriptor. Outlives its watch harmlessly: a stale one names nothing.
    package struct Watch: Sendable {
        fileprivate let slot: UInt32
        fileprivate let generation: UInt32
        /// What epoll carries: slot and generation, so that an event read before `unwatch` and
        /// delivered after it finds another generation, and is dropped.
        var tag: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
    }

    /// The watched descriptors, by slot. Slots are used again, generations never within one slot.
    struct WatcherTable {
        private struct Row {
            var fd: Int32
            var generation: UInt32
            var act: ((Readiness) -> Void)?
        }
        private var rows: [Row] = []
        private var free: [UInt32] = []

        var count: Int { rows.count - free.count }
        var isEmpty: Bool { count == 0 }

        mutating func add(fd: Int32, _ act: @escaping (Readiness) -> Void) -> Watch {
            if let slot = free.popLast() {
                rows[Int(slot)].fd = fd
                rows[Int(slot)].act = act
                return Watch(slot: slot, generation: rows[Int(slot)].generation)
            }
            rows.append(Row(fd: fd, generation: 0, act: act))
            return Watch(slot: UInt32(rows.count - 1), generation: 0)
        }

        @discardableResult
        mutating func remove(_ watch: Watch) -> Int32? {
            guard let fd = descriptor(of: watch) else { return nil }
            rows[Int(watch.slot)].act = nil
            // The last generation of the last slot would be the wake-up's tag; it is passed over.
            rows[Int(watch.slot)].generation = (watch.generation + 1) & 0x7fff_ffff
            free.append(watch.slot)
            return fd
        }

        func descriptor(of watch: Watch) -> Int32? {
            let slot = Int(watch.slot)
            guard slot < rows.count, rows[slot].generation == watch.generation,
                rows[slot].act != nil
            else { return nil }
            return rows[slot].fd
        }

        func deliver(_ flags: UInt32, tag: UInt64) {
            let slot = Int(truncatingIfNeeded: tag & 0xffff_ffff)
            guard slot < rows.count, rows[slot].generation == UInt32(tag >> 32),
                let act = rows[slot].act
            else { return }
            var readiness: Readiness = []
            if flags & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 { readiness.insert(.read) }
            if flags & EPOLLOUT.rawValue != 0 { readiness.insert(.write) }
            if flags & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { readiness.insert(.broken) }
            act(readiness)
        }
    }
}
