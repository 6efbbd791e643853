/// Where the service keeps what it keeps: every key's name, in one place (`streams.md`, "Keys").
///
/// Every key of one request carries the hash tag of its partition, so that one script commits it,
/// on one node or on a cluster.
package struct Keys: Sendable {
    /// `<prefix>:{<partition>}:`, before every key of the partition.
    private let stem: String
    package let partition: Int

    /// - Parameter prefix: `STREAM_PREFIX`; has no braces, which would move the hash tag.
    package init(prefix: String, partition: Int) {
        stem = "\(prefix):{\(partition)}:"
        self.partition = partition
    }

    package func requests(_ queue: Queue) -> String { "\(stem)requests:\(queue.rawValue)" }
    package func reply(_ id: RequestID) -> String { "\(stem)reply:\(id.text)" }
    package var dead: String { stem + "dead" }

    /// The group by which all workers read the request streams.
    package static let workersGroup = "workers"
}

/// The streams that hold requests, in the order in which they are looked at.
package enum Queue: String, CaseIterable, Sendable {
    /// Written by scripts only: what was requeued or released, with its priority and deadline.
    case retry
    case high
    case normal
    case low
}
