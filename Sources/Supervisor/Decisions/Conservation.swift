import Contract
package import Gateways
package import Telemetry

/// What a partition's books must add up to: what was added has left and was counted, or is there.
package enum Conservation {
    /// By how much each law is off. More than 0: something has vanished; less: counted twice.
    package static func drift(_ books: Measurement) -> [SupervisorMetrics.Law: Int] {
        var drift: [SupervisorMetrics.Law: Int] = [:]
        for (queue, stream) in books.streams {
            // Entries of a stream wait or are in flight, so its length is the sum of both.
            drift[SupervisorMetrics.Law(queue)] = stream.added - left(books, queue) - stream.length
        }
        let admitted = books.counters["admitted", default: 0]
        let ended = books.counters["ended", default: 0]
        drift[.requests] = admitted - ended - books.openRequests
        return drift
    }

    /// Entries that have left the streams, ever.
    package static func left(_ books: Measurement) -> Int {
        books.streams.keys.reduce(0) { $0 + left(books, $1) }
    }

    private static func left(_ books: Measurement, _ queue: Queue) -> Int {
        ways.reduce(0) { $0 + books.counters["\($1):\(queue.rawValue)", default: 0] }
    }

    /// The ways by which an entry leaves its stream, as the scripts count them.
    private static let ways = [
        "finished", "dead", "requeued", "released", "duplicate", "ghosts", "unacknowledged",
        "overloaded",
    ]
}

/// Tells of a drift once: when it stands in two measurements, and again when it has changed.
package struct DriftWatch: Sendable {
    private var last: [SupervisorMetrics.Law: Int] = [:]
    private var told: [SupervisorMetrics.Law: Int] = [:]

    package init() {}

    /// - Returns: What is worth a line now; empty when nothing is.
    package mutating func seen(
        _ drift: [SupervisorMetrics.Law: Int]
    ) -> [SupervisorMetrics.Law: Int] {
        defer { last = drift }
        var news: [SupervisorMetrics.Law: Int] = [:]
        for (law, amount) in drift where last[law] == amount && told[law, default: 0] != amount {
            told[law] = amount
            if amount != 0 { news[law] = amount }
        }
        return news
    }
}
