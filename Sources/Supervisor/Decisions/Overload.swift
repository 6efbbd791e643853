package import Contract
package import Gateways
package import Telemetry

/// Whether entries are turned away that no worker has read, and which of a stream.
///
/// ```
///  delivered │ will be in time       │ looked at now    │ not yet
///  ──────────┼───────────────────────┼──────────────────┼────────────▶
///            each entry is looked at once, in its order, with how many are before it
/// ```
/// Where memory or their number is the reason, what had been added before stays; only what comes
/// since is turned away.
package struct Overload: Sendable {
    /// Behind which entry to look, and how many entries had been delivered, or were before it, then.
    private var cursors: [Queue: (id: EntryID, number: Int)] = [:]
    /// Since when there is a reason that only new entries are turned away for; Unix ms.
    private var since: (reason: LoadMetrics.Overload, ms: Int64)?

    package enum Limits {
        /// Entries looked at in one round and stream: some 20 ms of this process.
        package static let lookedAtMax = 1_000
        /// Entries turned away in one round for want of memory: an answer takes 2 to 5 KB for
        /// `REPLY_TTL`, so that 100 a second are 300 MB at the most.
        package static let refusedForMemoryMax = 100
        /// An estimate that is shorter than this turns nobody away.
        package static let waitLeastMs: Int64 = 1_000
        /// Entries younger than this may be read at any moment.
        package static let ageLeastMs: Int64 = 1_000
        /// When to try again while memory is short: nobody knows, so a few rounds.
        package static let retryForMemoryMs: Int64 = 10_000
    }

    package init() {}

    /// A reason by which all new entries are turned away, whatever their deadline.
    ///
    /// - Returns: Those added after this are; nil when there is no such reason.
    package mutating func reason(
        memoryIsShort: Bool,
        outboxIsFull: Bool = false,
        waiting: Int,
        of waitingMax: Int,
        nowMs: Int64
    ) -> (reason: LoadMetrics.Overload, addedAfterMs: Int64)? {
        let reason: LoadMetrics.Overload? =
            memoryIsShort
            ? .memory : outboxIsFull ? .outbox : waiting > waitingMax ? .waiting : nil
        guard let reason else {
            since = nil
            return nil
        }
        if since?.reason != reason { since = (reason, since?.ms ?? nowMs) }
        return since.map { ($0.reason, $0.ms) }
    }

    /// Where to go on in a stream.
    ///
    /// - Parameters:
    ///   - delivered: Entries that had been delivered by now, ever.
    ///   - addedAfterMs: What came before that is left out.
    package mutating func start(
        in queue: Queue,
        _ stream: Measurement.Stream,
        delivered: Int,
        addedAfterMs: Int64?
    ) -> EntryID {
        var cursor = cursors[queue] ?? (stream.lastDelivered, delivered)
        if cursor.id < stream.lastDelivered || cursor.number < delivered {
            cursor = (stream.lastDelivered, delivered)
        }
        if let addedAfterMs {
            let mark = EntryID(milliseconds: UInt64(clamping: addedAfterMs), sequence: .max)
            if cursor.id < mark {
                cursor = (mark, delivered + max(stream.length - stream.pending, 0))
            }
        }
        cursors[queue] = cursor
        return cursor.id
    }

    /// How many entries are before the next one that is looked at.
    package func position(in queue: Queue, delivered: Int) -> Int {
        cursors[queue].map { max($0.number - delivered, 0) } ?? 0
    }

    /// One has been looked at.
    package mutating func passed(_ id: EntryID, in queue: Queue, stays: Bool) {
        guard let cursor = cursors[queue] else { return }
        cursors[queue] = (id, cursor.number + (stays ? 1 : 0))
    }

    /// Another process may have led meanwhile, or nothing is turned away.
    package mutating func forget(_ queue: Queue) { cursors[queue] = nil }
}
