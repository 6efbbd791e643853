package import Contract

/// Where in a stream's undelivered entries to look for those whose deadline has passed.
///
/// ```
///  delivered │ settled            │ looked at in this pass   │ not yet
///  ──────────┼────────────────────┼──────────────────────────┼────────────▶
///            last delivered       settled up to here         cursor
/// ```
/// An entry stays where it is when its request was answered, for its reader. So the sweep remembers up
/// to where everything is settled, and begins each pass behind that.
package struct HeadSweep: Sendable {
    private var settledUpTo = EntryID(milliseconds: 0, sequence: 0)
    private var cursor = EntryID(milliseconds: 0, sequence: 0)

    package enum Outcome: Equatable, Sendable {
        /// It has been answered, or will never be answered from here.
        case settled
        /// Its deadline is still to come.
        case waiting
    }

    package init() {}

    /// Behind which entry to look now; nil when nothing there can be so late.
    ///
    /// - Parameter latestMs: An entry that was added after this cannot be late yet.
    package mutating func start(
        lastDelivered: EntryID,
        oldestWaiting: EntryID?,
        latestMs: Int64
    ) -> EntryID? {
        guard let oldestWaiting, Int64(clamping: oldestWaiting.milliseconds) <= latestMs else {
            return nil
        }
        settledUpTo = max(settledUpTo, lastDelivered)
        cursor = max(cursor, settledUpTo)
        return cursor
    }

    /// A page behind the last start has been looked at, in its order.
    ///
    /// - Parameter isLast: There is no more, or all that comes is too young.
    package mutating func saw(_ page: [(id: EntryID, outcome: Outcome)], isLast: Bool) {
        if cursor == settledUpTo {
            for (id, outcome) in page {
                guard outcome == .settled else { break }
                settledUpTo = id
            }
        }
        cursor = isLast ? settledUpTo : max(page.last?.id ?? settledUpTo, settledUpTo)
    }

    /// Another process may have led meanwhile, or the stream is another.
    package mutating func reset() { self = HeadSweep() }
}
