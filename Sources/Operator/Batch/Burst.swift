import Contract
import Desk
import Redis

/// Some of a file's requests that are one batch to the service: of one partition, and as many as a
/// batch may have.
struct Burst: Sendable {
    let id: BatchID
    let partition: Int
    /// The requests' places in the file, ascending.
    let places: [Int]

    /// The same file has the same batches, so that what is pushed again is what was pushed before.
    static func all(of file: BatchFile, named run: String) -> [Burst] {
        let partitions = Dictionary(grouping: file.lines.indices) { file.lines[$0].partition }
        return partitions.sorted { $0.key < $1.key }.flatMap { partition, places in
            let most = ContractLimits.burstMembersMax
            return stride(from: 0, to: places.count, by: most).compactMap {
                let some = Array(places[$0..<min($0 + most, places.count)])
                let names = some.map { file.lines[$0].id.text + "\n" }.joined()
                return BatchID("\(run)-\(PayloadHash(of: Array(names.utf8)).text.prefix(20))").map {
                    Burst(id: $0, partition: partition, places: some)
                }
            }
        }
    }

    func has(_ place: Int) -> Bool {
        guard let first = places.first, let last = places.last else { return false }
        return (first...last).contains(place)
    }

    /// Only of a place that it has.
    func index(of place: Int) -> Int {
        var (low, high) = (0, places.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if places[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Whether the service has room, as each partition's `load` tells it once a second.
struct LoadGate {
    private let maxWaitMs: Int64
    /// Until when what was read last holds.
    private var holds: [Int: (until: ContinuousClock.Instant, isOpen: Bool)] = [:]
    /// Why nothing is added just now, for a person.
    private(set) var obstacle: String?

    init(maxWaitMs: Int64) { self.maxWaitMs = maxWaitMs }

    mutating func isOpen(
        _ partition: Int,
        _ service: ServiceView,
        _ redis: PatientRedis
    ) async throws -> Bool {
        if let known = holds[partition], ContinuousClock.now < known.until { return known.isOpen }
        let key = service.keys(in: partition).load
        let load = Fields(
            try await redis.ask([RedisCommand("HGETALL", .text(key))]).first ?? .null
        )
        obstacle = Self.obstacle(load, maxWaitMs)
        // It is told every second; what is added meanwhile is seen the next time.
        holds[partition] = (.now + .milliseconds(500), obstacle == nil)
        return obstacle == nil
    }

    mutating func close(because reason: String) {
        obstacle = reason
        for partition in holds.keys { holds[partition] = (.now + .seconds(1), false) }
    }

    /// Nil where there is none.
    static func obstacle(_ load: Fields, _ maxWaitMs: Int64) -> String? {
        guard !load.isEmpty else { return "no supervisor tells the load" }
        guard load["accepting"] == "1" else {
            return "the service accepts nothing now (paused, no worker, or too much waits)"
        }
        guard let wait = load.int("estimated_wait_ms"), wait <= maxWaitMs else {
            return "an entry would wait \(Figures.span(load.int("estimated_wait_ms") ?? 0))"
        }
        return nil
    }
}
