package import Contract

/// What the scripts have counted for operators, in some partitions: endings, costs, times to an
/// answer and where answers came from. The names are those of `ending.lua`.
package struct FleetCounts: Equatable, Sendable {
    private var numbers: [String: Int] = [:]

    package init() {}

    /// Adds a partition's counters; those of the books are left out.
    package mutating func add(_ counters: [String: Int]) {
        for (name, number) in counters where Self.kinds.contains(where: name.hasPrefix) {
            numbers[name, default: 0] += number
        }
    }

    private static let kinds = ["ends:", "cost:", "time:", "source:", "degraded:"]

    /// Upper edges of the times to an answer, in seconds; `ending.lua` has the same, in milliseconds.
    package static let edges: [Double] = [
        0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 13, 30, 60, 300, 3_600,
    ]

    package func ended(_ event: String, _ code: String = "") -> Int {
        numbers["ends:\(event):\(code)", default: 0]
    }

    /// All that ended with this event, whatever their code, one of a later release included.
    package func ended(withAnyCode event: String) -> Int {
        numbers.reduce(0) { $0 + ($1.key.hasPrefix("ends:\(event):") ? $1.value : 0) }
    }

    /// All that ended.
    package var ended: Int {
        numbers.reduce(0) { $0 + ($1.key.hasPrefix("ends:") ? $1.value : 0) }
    }

    /// Failures of ours, and answers that came too late or not at all because of our load.
    package var errors: Int {
        ended(withAnyCode: "failed") + ended("rejected", RejectionCode.deadlinePassed.rawValue)
            + ended("rejected", RejectionCode.overloaded.rawValue)
    }

    package func cost(_ payer: Payer) -> NanoUSD {
        NanoUSD(Int64(numbers["cost:\(payer.rawValue)", default: 0]))
    }

    package enum Payer: String, Labels {
        /// Who asked.
        case user
        /// We: calls that answered nobody.
        case house

        package static let names = ["payer"]
    }

    package func results(_ source: ResultPayload.Source) -> Int {
        numbers["source:\(source.rawValue)", default: 0]
    }

    package func degraded(_ reason: Degradation) -> Int {
        numbers["degraded:\(reason.rawValue)", default: 0]
    }

    /// Answers by how long they took, a number an edge and one for what took longer.
    package func times(_ queue: Queue) -> [UInt64] {
        (1...Self.edges.count + 1).map { bucket in
            UInt64(clamping: numbers["time:\(queue.rawValue):\(bucket)", default: 0])
        }
    }

    /// The same of all streams.
    package var times: [UInt64] {
        Queue.allCases.map(times).reduce(Array(repeating: 0, count: Self.edges.count + 1)) {
            zip($0, $1).map(+)
        }
    }

    /// The sum of those times.
    package func timeSpent(_ queue: Queue) -> Duration {
        .milliseconds(numbers["time:\(queue.rawValue):ms", default: 0])
    }
}
