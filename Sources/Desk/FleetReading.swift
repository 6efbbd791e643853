package import Contract
package import Gateways
package import Redis
package import Telemetry

/// The whole service at one moment, as operators look at it. Reading it writes nothing.
package struct FleetReading: Sendable {
    /// Redis' clock, Unix milliseconds.
    package let nowMs: Int64
    package let partitions: [PartitionReading]
    /// Those that have entries or show signs of life, by name.
    package let workers: [WorkerReading]
    package let budget: Budget
    /// Ways to a model that the fleet has stopped asking, or asks again little by little.
    package let breakers: [BreakerReading]
    package let memory: RedisMemory
    package let counts: FleetCounts

    /// What the fleet may spend in an hour, and has.
    package struct Budget: Sendable {
        /// Nil where cost is not limited, or nobody has asked for any yet.
        package let limit: NanoUSD?
        package let settled: NanoUSD
        package let reserved: NanoUSD
    }

    package enum Limits {
        /// Workers that are shown; a fleet has dozens.
        package static let workersMax = 1_000
    }
}

/// One partition, of one moment.
package struct PartitionReading: Sendable {
    package let partition: Int
    package let books: Measurement
    /// What orchestrators are told; empty while no supervisor says so.
    package let load: Fields
    package let pause: Pause?
    /// The supervisor that leads; nil while none does.
    package let leader: String?
    package let deadLetters: Int
    package let ledgerRows: Int
    /// By the entry's ID.
    package let oldestInFlight: EntryID?
    fileprivate let consumers: [(name: String, held: Int)]

    package func backlog(_ queue: Queue) -> Backlog? {
        books.streams[queue].map { Backlog($0, nowMs: books.nowMs) }
    }
}

/// One worker, over all partitions.
package struct WorkerReading: Sendable {
    package let name: String
    /// What it last said of itself; nil when its sign of life has gone.
    package let life: Sign?
    /// Entries that it has and has not ended.
    package let held: Int

    package struct Sign: Sendable {
        package let release: String
        package let slots: Int
        /// How long it lasts if it is not renewed, milliseconds.
        package let expiresInMs: Int
    }
}

// MARK: - Reading

extension FleetReading {
    package static func read(_ streams: StreamsView) async throws(RedisError) -> FleetReading {
        var partitions: [PartitionReading] = []
        for partition in 0..<streams.partitions {
            partitions.append(try await PartitionReading.read(partition, streams))
        }
        var counts = FleetCounts()
        for partition in partitions { counts.add(partition.books.counters) }
        return FleetReading(
            nowMs: partitions.map(\.books.nowMs).max() ?? 0,
            partitions: partitions,
            workers: try await WorkerReading.read(partitions, streams),
            budget: try await Budget.read(streams),
            breakers: try await BreakerReading.read(streams),
            memory: try await RedisMemory.look(over: streams.redis),
            counts: counts
        )
    }

    /// When the last worker that ended or died was struck off, Unix milliseconds; nil where none was.
    package var workerGoneMs: Int64? {
        partitions.compactMap { $0.books.counters["workers_gone_ms"] }.max().map(Int64.init)
    }

    /// For the metrics that the whole fleet has.
    package var figures: FleetMetrics.Figures {
        var figures = FleetMetrics.Figures()
        figures.counts = counts
        for partition in partitions {
            for queue in Queue.allCases {
                guard let backlog = partition.backlog(queue) else { continue }
                figures.waiting[queue, default: 0] += backlog.waiting
                figures.inFlight[queue, default: 0] += backlog.inFlight
                figures.oldestWaitingMs[queue] = max(
                    figures.oldestWaitingMs[queue, default: 0],
                    backlog.oldestAgeMs
                )
            }
            figures.oldestInFlightMs = max(figures.oldestInFlightMs, partition.oldestInFlightMs)
            figures.parked += max(partition.books.counters["parked", default: 0], 0)
            figures.dead += partition.deadLetters
            figures.ledgerRows += partition.ledgerRows
            figures.paused += partition.pause == nil ? 0 : 1
            figures.unled += partition.leader == nil ? 1 : 0
        }
        figures.workersAlive = workers.count { $0.life != nil }
        figures.workersDead = workers.count - figures.workersAlive
        figures.slots = workers.reduce(0) { $0 + ($1.life?.slots ?? 0) }
        figures.breakersOpen = breakers.count { $0.state != "closed" }
        figures.limit = budget.limit
        figures.settled = budget.settled
        figures.reserved = budget.reserved
        return figures
    }
}

extension PartitionReading {
    /// How old the oldest entry is that a worker has; 0 when none has any.
    package var oldestInFlightMs: Int64 {
        oldestInFlight.map { max(books.nowMs - Int64(clamping: $0.milliseconds), 0) } ?? 0
    }

    fileprivate static func read(
        _ partition: Int,
        _ streams: StreamsView
    ) async throws(RedisError) -> PartitionReading {
        let keys = streams.keys(in: partition)
        guard let books = try await Measurement.read(keys, by: streams.redis) else {
            throw .server(
                RedisServerError(prefix: "", message: "a partition's books cannot be read")
            )
        }
        let requests = Queue.allCases.map { RedisCommand.Argument.text(keys.requests($0)) }
        let group = RedisCommand.Argument.text(Keys.workersGroup)
        let answers = try await streams.redis.pipeline(
            [
                RedisCommand("XLEN", .text(keys.dead)), RedisCommand("XLEN", .text(keys.ledger)),
                RedisCommand("HGETALL", .text(keys.load)),
                RedisCommand("HGETALL", .text(keys.paused)),
                RedisCommand("HGET", .text(keys.lease), "holder"),
            ]
                + requests.map { RedisCommand("XINFO", "CONSUMERS", $0, group) }
                + requests.map { RedisCommand("XPENDING", $0, group) }
        )
        let pause = Fields(answers[3])
        // A stream without a group has neither: its answer is an error, and says nothing.
        let consumers = answers[5..<9].flatMap { answer in
            (answer.array ?? []).compactMap { row in
                let facts = Fields(row)
                return facts["name"].map { (name: $0, held: Int(facts.int("pending") ?? 0)) }
            }
        }
        let oldest = answers[9...].compactMap { answer in
            answer.array.flatMap { $0.count > 1 ? $0[1].bytes.flatMap { EntryID($0) } : nil }
        }
        return PartitionReading(
            partition: partition,
            books: books,
            load: Fields(answers[2]),
            pause: pause["by"].map { Pause(by: $0, atMs: pause.int("at") ?? 0) },
            leader: answers[4].text,
            deadLetters: answers[0].int ?? 0,
            ledgerRows: answers[1].int ?? 0,
            oldestInFlight: oldest.min { $0.milliseconds < $1.milliseconds },
            consumers: consumers
        )
    }
}

extension WorkerReading {
    fileprivate static func read(
        _ partitions: [PartitionReading],
        _ streams: StreamsView
    ) async throws(RedisError) -> [WorkerReading] {
        var held: [String: Int] = [:]
        // A worker reads all partitions, and is alive in each or in none; one is asked.
        var places: [String: Int] = [:]
        for partition in partitions {
            for (name, count) in partition.consumers {
                held[name, default: 0] += count
                if places[name] == nil { places[name] = partition.partition }
            }
        }
        let names = held.keys.sorted().prefix(FleetReading.Limits.workersMax)
        guard !names.isEmpty else { return [] }
        let keys = names.map { name in
            RedisCommand.Argument.text(streams.keys(in: places[name] ?? 0).worker(name))
        }
        let answers = try await streams.redis.pipeline(
            keys.flatMap { [RedisCommand("GET", $0), RedisCommand("PTTL", $0)] }
        )
        return names.enumerated().map { index, name in
            WorkerReading(
                name: name,
                life: Sign(answers[2 * index], answers[2 * index + 1]),
                held: held[name, default: 0]
            )
        }
        // Who is gone and holds nothing is history; a supervisor removes it.
        .filter { $0.life != nil || $0.held > 0 }
    }
}

extension WorkerReading.Sign {
    /// `BOOT RELEASE SCHEMA SLOTS`, as `Presence` writes it.
    fileprivate init?(_ value: RedisValue, _ ttl: RedisValue) {
        guard let words = value.text?.split(separator: " "), words.count > 1 else { return nil }
        release = String(words[1])
        slots = words.count > 3 ? Int(words[3]) ?? 1 : 1
        expiresInMs = max(ttl.int ?? 0, 0)
    }
}

/// One way to a model, as the fleet sees it.
package struct BreakerReading: Sendable {
    package let name: String
    /// `closed`, `open`, `off`, `ramping`.
    package let state: String
    package let reason: String
    package let sinceMs: Int64
    /// Until when it stays open.
    package let untilMs: Int64
    package let trips: Int64
    /// One more with each change of state.
    package let epoch: Int64

    private enum Limits {
        /// Ways that are shown; there are as many as endpoints and models.
        static let waysMax = 64
    }

    package static func read(_ streams: StreamsView) async throws(RedisError) -> [Self] {
        let stem = "\(streams.prefix):{global}:breaker"
        let found = try await streams.redis.send(RedisCommand("SMEMBERS", .text("\(stem)s")))
        let names = (found.array ?? []).compactMap(\.text).sorted().prefix(Limits.waysMax)
        let answers = try await streams.redis.pipeline(
            names.map { RedisCommand("HGETALL", .text("\(stem):\($0)")) }
        )
        return zip(names, answers).compactMap { name, answer in
            let fields = Fields(answer)
            guard let state = fields["state"] else { return nil }
            return Self(
                name: name,
                state: state,
                reason: fields["reason"] ?? "",
                sinceMs: fields.int("since") ?? 0,
                untilMs: fields.int("until") ?? 0,
                trips: fields.int("trips") ?? 0,
                epoch: fields.int("epoch") ?? 0
            )
        }
    }
}

extension FleetReading.Budget {
    fileprivate static func read(_ streams: StreamsView) async throws(RedisError) -> Self {
        let keys = streams.globalKeys
        let answers = try await streams.redis.pipeline([
            RedisCommand("HGETALL", .text(keys.cost)), RedisCommand("HGETALL", .text(keys.spend)),
            RedisCommand("TIME"),
        ])
        let cost = Fields(answers[0])
        let now = answers[2].array?.first?.int ?? 0
        // `reserve_global` counts off what has left the hour when it is next asked: here it is now.
        var settled: Int64 = 0
        for (second, nano) in answers[1].pairs ?? [] {
            guard let at = Int(String(decoding: second, as: UTF8.self)), at > now - 3_600 - 1
            else { continue }
            settled += Int64(nano.int ?? 0)
        }
        return Self(
            limit: cost.int("limit_nanousd").map { NanoUSD($0) },
            settled: NanoUSD(settled),
            reserved: NanoUSD(max(cost.int("reserved_nanousd") ?? 0, 0))
        )
    }
}
