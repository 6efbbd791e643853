internal import EventLoop

/// The commands that were sent over one wire and wait for their replies, oldest first.
///
/// Replies come in the order of the commands, so the wait is a queue and needs no table: an entry's
/// id is its number since the connection began, and its place follows from that.
struct PendingQueue {
    typealias Outcome = Result<RedisValue, RedisError>

    /// Who waits for a reply.
    enum Waiter {
        case caller(CheckedContinuation<Outcome, Never>)
        case batch(Batch, place: Int)
        /// A step of the greeting.
        case greeting(Greeting.Step)
        /// Nobody any more; the reply is still to come, and is dropped.
        case nobody
    }

    struct Entry {
        var waiter: Waiter
        let deadline: EventLoop.Instant
    }

    /// A ring; its size is a power of two.
    private var ring: [Entry?] = Array(repeating: nil, count: 64)
    private var head = 0
    private(set) var count = 0
    /// The id of the oldest entry.
    private var firstID: Int

    /// - Parameter firstID: Where the connection before this one stopped: ids are never used twice.
    init(firstID: Int) { self.firstID = firstID }

    var isEmpty: Bool { count == 0 }
    /// The id that the next entry will have.
    var nextID: Int { firstID + count }

    mutating func append(_ entry: Entry) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = entry
        count += 1
    }

    mutating func popFirst() -> Entry? {
        guard count > 0 else { return nil }
        let entry = ring[head].take()
        head = (head + 1) & (ring.count - 1)
        count -= 1
        firstID += 1
        return entry
    }

    /// Takes the waiter away from an entry, leaving nobody. Nil when the entry has been answered.
    mutating func abandon(id: Int) -> Waiter? {
        let offset = id - firstID
        guard (0..<count).contains(offset) else { return nil }
        let place = (head + offset) & (ring.count - 1)
        let waiter = ring[place]?.waiter
        ring[place]?.waiter = .nobody
        return waiter
    }

    var earliestDeadline: EventLoop.Instant? {
        (0..<count).lazy.compactMap { ring[(head + $0) & (ring.count - 1)]?.deadline }.min()
    }

    private mutating func grow() {
        var larger: [Entry?] = []
        larger.reserveCapacity(ring.count * 2)
        larger.append(contentsOf: ring[head...])
        larger.append(contentsOf: ring[..<head])
        larger.append(contentsOf: repeatElement(nil, count: ring.count))
        ring = larger
        head = 0
    }
}

/// The replies of one `pipeline` call, gathered until the last has come.
final class Batch {
    typealias Outcome = Result<[RedisValue], RedisError>
    private var values: [RedisValue]
    private var continuation: CheckedContinuation<Outcome, Never>?

    init(count: Int, _ continuation: CheckedContinuation<Outcome, Never>) {
        values = Array(repeating: .null, count: count)
        self.continuation = continuation
    }

    func fill(_ place: Int, with value: RedisValue) {
        guard continuation != nil else { return }
        values[place] = value
        if place == values.count - 1 { end(.success(values)) }
    }

    /// Answers the caller, once; later calls find nobody.
    func end(_ outcome: Outcome) { continuation.take()?.resume(returning: outcome) }
}
