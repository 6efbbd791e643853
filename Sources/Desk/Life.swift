package import Contract
package import Gateways
package import Redis

/// All that is remembered of one request in one partition.
package struct Life: Sendable {
    package let id: RequestID
    package let partition: Int
    package let nowMs: Int64
    package let record: Fields
    package let holding: Holding?
    /// Of what a worker has, or will read.
    package let entry: StreamSearch.Entry?
    package let queue: Queue?
    /// In the order of time.
    package let moments: [Moment]
    /// What was not looked at.
    package let gaps: [String]

    package var isEmpty: Bool { record.isEmpty && moments.isEmpty && entry == nil }

    /// Who has the entry of a request that has not ended.
    package struct Holding: Sendable {
        package let owner: String
        package let isAlive: Bool
        /// Since it was delivered last, milliseconds.
        package let idleMs: Int
        package let deliveries: Int
    }

    private enum Limits {
        static let eventsMax = 10_000
    }

    private static let entryFields = [
        "request_id", "attempt", "requeued_from", "priority", "deaths", "deadline_ms", "replay_of",
    ]
    private static let rowFields = [
        "attempt", "terminal", "event", "code", "payer", "cost_nanousd", "estimated", "owner",
        "facts", "call", "at",
    ]
    private static let letterFields = ["reason", "queue", "entry_id", "at", "attempts"]

    package static func gather(
        of id: RequestID,
        in partition: Int,
        of service: StreamsView
    ) async throws(RedisError) -> Life {
        let (keys, redis) = (service.keys(in: partition), service.redis)
        let now = try await service.nowMs()
        let record = try await service.hash(keys.record(id))
        let events = try await service.stream(keys.reply(id), countMax: Limits.eventsMax)
            .compactMap { $0.entry.flatMap { ReplyEvent($0.fields) } }
        let rows = try await StreamSearch(
            of: keys.ledger,
            newestFirst: true,
            fields: rowFields,
            by: redis
        ).entries(where: ("request_id", id.text))
        let letters = try await StreamSearch(
            of: keys.dead,
            newestFirst: true,
            fields: letterFields,
            by: redis
        ).entries(where: ("entry.request_id", id.text))
        let place = try await place(of: id, record, keys, redis)
        var moments = Moment.added(place.entry, place.queue, events)
        moments += Moment.rows(rows.entries, events)
        moments += events.compactMap { Moment.event($0, rows.entries) }
        moments += letters.entries.map(Moment.letter)
        return Life(
            id: id,
            partition: partition,
            nowMs: now,
            record: record,
            holding: try await holding(place, keys, redis),
            entry: place.entry,
            queue: place.queue,
            moments: moments.sorted { $0.at < $1.at },
            gaps: gaps([("ledger", rows), ("dead letters", letters)]) + place.gaps
        )
    }

    private static func gaps(_ searches: [(String, StreamSearch.Found)]) -> [String] {
        searches.filter { !$0.1.isWhole }.map { name, found in
            "of the \(name) the newest \(found.lookedAt) were looked through, and there are more"
        }
    }
}

// MARK: - Where its entry is

extension Life {
    private struct Place {
        var queue: Queue?
        var entry: StreamSearch.Entry?
        var gaps: [String] = []
    }

    private static func place(
        of id: RequestID,
        _ record: Fields,
        _ keys: Keys,
        _ redis: RedisConnection
    ) async throws(RedisError) -> Place {
        func search(_ queue: Queue) -> StreamSearch {
            StreamSearch(
                of: keys.requests(queue),
                newestFirst: false,
                fields: entryFields,
                by: redis
            )
        }
        if record["state"] == "ended" { return Place() }
        if let queue = record["queue"].flatMap({ Queue(rawValue: $0) }),
            let id = record["entry"].flatMap({ EntryID($0.utf8) })
        {
            return Place(queue: queue, entry: try await search(queue).entry(at: id))
        }
        // No worker has begun with it: it is among those that wait, the oldest of which come first.
        var place = Place()
        for queue in Queue.allCases {
            let found = try await search(queue).entries(
                where: ("request_id", id.text),
                foundMax: 1
            )
            if let entry = found.entries.first {
                (place.queue, place.entry) = (queue, entry)
                break
            }
            if !found.isWhole {
                place.gaps.append(
                    "of what waits in \(queue.rawValue) the oldest \(found.lookedAt) were looked "
                        + "through, and there are more"
                )
            }
        }
        return place
    }

    private static func holding(
        _ place: Place,
        _ keys: Keys,
        _ redis: RedisConnection
    ) async throws(RedisError) -> Holding? {
        guard let queue = place.queue, let entry = place.entry else { return nil }
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await redis.send(
                RedisCommand(
                    "XPENDING",
                    .text(keys.requests(queue)),
                    .text(Keys.workersGroup),
                    .text("\(entry.id)"),
                    .text("\(entry.id)"),
                    1
                )
            )
        } catch .server(let error) where error.prefix == "NOGROUP" {
            return nil
        }
        guard let row = answer.array?.first?.array, row.count == 4, let owner = row[1].text else {
            return nil
        }
        let alive = try await redis.send(RedisCommand("EXISTS", .text(keys.worker(owner))))
        return Holding(
            owner: owner,
            isAlive: alive.int == 1,
            idleMs: row[2].int ?? 0,
            deliveries: row[3].int ?? 1
        )
    }
}
