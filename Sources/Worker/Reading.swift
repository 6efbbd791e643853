import Contract
import Redis

/// How one lane is read: what comes next after a connect, after a loss, and when entries are large.
///
/// ```
/// new connection ─▶ greet ─▶ [weigh] ─▶ adopt, page by page ─▶ read, read, read …
///        ▲                                                            │
///        └────────────────── lost, or the group was gone ◀────────────┘
/// ```
/// Decides only; `Consumer` does.
struct Reading {
    enum Step: Equatable {
        /// Learn the connection's number and make the groups.
        case greet
        /// Find entries that are too large to be sent here, and end them unread.
        case weigh
        /// Look at what was handed to us before: replies that were lost on the wire are among it.
        case adopt(Queue, after: String, count: Int)
        case read(upTo: Int)
    }

    enum Limits {
        /// Bytes that one read is meant to bring: a batch of ordinary payloads, a few of the largest.
        static let readBytes = 16 << 20
        /// Own pending entries looked at in one step of an adoption.
        static let adoptedPerStepMax = 32
    }

    private enum Phase {
        case connecting
        case weighing
        case adopting(queue: Int, after: String)
        case reading
    }

    private var phase = Phase.connecting
    private var generation = 0
    /// Bytes of an entry, as lately seen: it follows a larger one at once, and smaller ones slowly.
    private var entryBytes = 1_024
    /// Reads that failed for the size of their answer since one that did not.
    private var oversizedReads = 0

    /// - Parameters:
    ///   - generation: That of the connection; a new one begins anew.
    ///   - room: Entries that can run now.
    mutating func step(generation: Int, room: Int) -> Step {
        if generation != self.generation {
            self.generation = generation
            phase = .connecting
        }
        switch phase {
        case .connecting: return .greet
        case .weighing: return .weigh
        case .adopting(let queue, let after):
            let count = min(affordable, Limits.adoptedPerStepMax)
            return .adopt(Queue.allCases[queue], after: after, count: count)
        case .reading: return .read(upTo: min(max(room, 1), affordable))
        }
    }

    /// Entries of the size lately seen that one read may bring.
    private var affordable: Int { max(Limits.readBytes / entryBytes, 1) }

    mutating func greeted() {
        // One entry at a time was too much already: what is too large must go another way.
        phase = oversizedReads > 1 ? .weighing : .adopting(queue: 0, after: "0")
    }

    mutating func weighed() { phase = .adopting(queue: 0, after: "0") }

    /// - Parameter last: The last ID of the page; nil when the stream has no more of ours.
    mutating func adopted(upTo last: String?) {
        guard case .adopting(let queue, _) = phase else { return }
        if let last {
            phase = .adopting(queue: queue, after: last)
        } else if queue + 1 < Queue.allCases.count {
            phase = .adopting(queue: queue + 1, after: "0")
        } else {
            phase = .reading
        }
    }

    mutating func brought(_ count: Int, bytes: Int) {
        guard count > 0 else { return }
        oversizedReads = 0
        entryBytes = max(bytes / count, entryBytes - entryBytes / 8, 1_024)
    }

    /// A read failed. After an answer of the server something may have been handed out all the same
    /// (`take` asks several streams), so that is looked for again, as after a loss.
    mutating func failed(_ error: RedisError) {
        phase = .connecting
        if case .connectionLost(.protocolViolation) = error {
            oversizedReads += 1
            entryBytes = Limits.readBytes
        }
    }

    var isReading: Bool {
        if case .reading = phase { return true }
        return false
    }
}
