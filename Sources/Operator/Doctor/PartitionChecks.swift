import Contract
import Desk
import Gateways
import Redis

/// What one partition needs to be looked after.
struct PartitionChecks: Sendable {
    private let partition: Int
    private let keys: Keys
    private let service: ServiceView
    private let books: Measurement
    private let keyspace: Keyspace

    private enum Limits {
        /// Pending entries that are looked at for each stream.
        static let pendingMax = 10_000
        static let page = 500
        /// Rows of the outbox above which its memory is worth a word: some 300 MB.
        static let outboxRows = 1_000_000
    }

    static func run(
        _ partition: Int,
        _ keyspace: Keyspace,
        in service: ServiceView
    ) async throws(RedisError) -> [Check] {
        let keys = service.keys(in: partition)
        guard let books = try await Measurement.read(keys, by: service.redis) else {
            return [
                .trouble(
                    "partition \(partition)",
                    "its streams cannot be read",
                    why: "a key of another type stands where a stream should",
                    mend: "redis-cli TYPE '\(keys.requests(.normal))', and look who wrote it"
                )
            ]
        }
        let checks = PartitionChecks(
            partition: partition,
            keys: keys,
            service: service,
            books: books,
            keyspace: keyspace
        )
        return [
            checks.groups, try await checks.leader(), checks.workers,
            try await checks.consumers(), try await checks.ghosts(), checks.conservation,
            try await checks.outbox(), try await checks.deadLetters(),
        ]
    }

    private func name(_ what: String) -> String {
        service.surroundings.partitions == 1 ? what : "\(what) of \(partition)"
    }

    private var groups: Check {
        let missing = Queue.allCases.filter { books.streams[$0]?.hasGroup != true }
        guard let first = missing.first else { return .well(name("groups"), "on all four streams") }
        return .trouble(
            name("groups"),
            "missing on \(missing.map(\.rawValue).joined(separator: ", "))",
            why: "what is added there is read by nobody until it is made",
            mend: "start a worker or a supervisor, which make it; or redis-cli XGROUP CREATE "
                + "'\(keys.requests(first))' \(Keys.workersGroup) 0 MKSTREAM"
        )
    }

    private func leader() async throws(RedisError) -> Check {
        let lease = try await service.hash(keys.lease)
        guard let holder = lease["holder"] else {
            return .trouble(
                name("supervisor"),
                "nobody leads",
                why:
                    "what a dead worker held stays where it is, and what nobody reads gets no answer",
                mend: "start strategy-supervisor"
            )
        }
        return .well(name("supervisor"), "\(holder) leads")
    }

    private var workers: Check {
        let count = keyspace.workers(withKeysFrom: keys.worker(""))
        guard count > 0 || !keyspace.isWhole else {
            return .trouble(
                name("workers"),
                "none lives",
                why: "requests wait, and are refused when their deadline is over",
                mend: "start strategy-worker"
            )
        }
        return .well(name("workers"), Figures.count(count, "worker lives", "workers live"))
    }

    /// Those who have entries and show no sign of life. Who has nothing is removed by a supervisor.
    private func consumers() async throws(RedisError) -> Check {
        var (dead, entries): (Set<String>, Int) = ([], 0)
        for queue in Queue.allCases where books.streams[queue]?.hasGroup == true {
            let answer = try await service.redis.send(
                RedisCommand(
                    "XINFO",
                    "CONSUMERS",
                    .text(keys.requests(queue)),
                    .text(Keys.workersGroup)
                )
            )
            for row in answer.array ?? [] {
                guard let consumer = Fields(row)["name"], try await !isAlive(consumer) else {
                    continue
                }
                let held = try await pending(of: consumer, in: queue)
                if held > 0 {
                    dead.insert(consumer)
                    entries += held
                }
            }
        }
        guard let first = dead.min() else {
            return .well(name("consumers"), "all that have entries live")
        }
        return .trouble(
            name("consumers"),
            "\(Figures.count(entries, "entry is", "entries are")) held by "
                + "\(Figures.count(dead.count, "dead consumer", "dead consumers")), as \(first)",
            why: "those requests run nowhere until they are taken back",
            mend: "start strategy-supervisor; where one leads it takes them within seconds"
        )
    }

    private func isAlive(_ consumer: String) async throws(RedisError) -> Bool {
        try await service.redis.send(RedisCommand("EXISTS", .text(keys.worker(consumer)))).int == 1
    }

    private func pending(of consumer: String, in queue: Queue) async throws(RedisError) -> Int {
        let answer = try await service.redis.send(
            RedisCommand(
                "XPENDING",
                .text(keys.requests(queue)),
                .text(Keys.workersGroup),
                "-",
                "+",
                .number(Limits.pendingMax),
                .text(consumer)
            )
        )
        return answer.array?.count ?? 0
    }

    private var conservation: Check {
        let admitted = books.counters["admitted", default: 0]
        let ended = books.counters["ended", default: 0]
        let off = admitted - ended - books.openRequests
        guard off != 0 else {
            return .well(name("books"), "\(admitted) admitted, \(ended) ended, none missing")
        }
        return .trouble(
            name("books"),
            "\(admitted) admitted, \(ended) ended, \(books.openRequests) open: off by \(off)",
            why: off > 0 ? "requests have vanished" : "requests were ended twice",
            mend: "look at the supervisor's log for what it says of them, and keep Redis' data"
        )
    }

    private func outbox() async throws(RedisError) -> Check {
        let rows = try await service.redis.send(RedisCommand("XLEN", .text(keys.ledger))).int ?? 0
        let text = "\(Figures.count(rows, "row waits", "rows wait")) to be carried to PostgreSQL"
        guard rows > Limits.outboxRows else { return .well(name("outbox"), text) }
        return .trouble(
            name("outbox"),
            text,
            why: "it fills Redis' memory; at OUTBOX_MAX_BYTES new work is refused",
            mend:
                "see in the supervisor's log why they are not carried (DATABASE_URL, PostgreSQL); "
                + "never trim it: it alone knows what was spent and decided"
        )
    }

    private func deadLetters() async throws(RedisError) -> Check {
        let count = try await service.redis.send(RedisCommand("XLEN", .text(keys.dead))).int ?? 0
        return .well(
            name("dead letters"),
            count == 0 ? "none" : "\(count): `strategyctl dead list`"
        )
    }
}

// MARK: - Entries whose content is gone

extension PartitionChecks {
    private func ghosts() async throws(RedisError) -> Check {
        var (found, lookedAt): ([(Queue, String)], Int) = ([], 0)
        for queue in Queue.allCases where books.streams[queue]?.hasGroup == true {
            let ids = try await pendingIDs(in: queue)
            lookedAt += ids.count
            for id in ids where try await !isThere(id, in: queue) { found.append((queue, id)) }
        }
        guard let (queue, id) = found.first else {
            return .well(name("ghosts"), "none among \(lookedAt) in flight")
        }
        return .trouble(
            name("ghosts"),
            "\(Figures.count(found.count, "entry", "entries")) in flight without content, as \(id)",
            why:
                "somebody deleted or trimmed entries that workers had: those who asked get no answer",
            mend: "a supervisor acknowledges those of dead workers; or redis-cli XACK "
                + "'\(keys.requests(queue))' \(Keys.workersGroup) \(id)"
        )
    }

    private func pendingIDs(in queue: Queue) async throws(RedisError) -> [String] {
        var ids: [String] = []
        var from = "-"
        while ids.count < Limits.pendingMax {
            let rows =
                try await service.redis.send(
                    RedisCommand(
                        "XPENDING",
                        .text(keys.requests(queue)),
                        .text(Keys.workersGroup),
                        .text(from),
                        "+",
                        .number(Limits.page)
                    )
                ).array ?? []
            let page = rows.compactMap { $0.array?.first?.text }
            ids += page
            guard let last = page.last, page.count == Limits.page else { break }
            from = "(\(last)"
        }
        return ids
    }

    private func isThere(_ id: String, in queue: Queue) async throws(RedisError) -> Bool {
        guard let id = EntryID(id.utf8) else { return true }
        let search = StreamSearch(
            of: keys.requests(queue),
            newestFirst: false,
            fields: [],
            by: service.redis
        )
        // One that ended between the two looks is no ghost: it is pending no more.
        if try await search.entry(at: id) != nil { return true }
        let still = try await service.redis.send(
            RedisCommand(
                "XPENDING",
                .text(keys.requests(queue)),
                .text(Keys.workersGroup),
                .text("\(id)"),
                .text("\(id)"),
                1
            )
        )
        return still.array?.isEmpty != false
    }
}
