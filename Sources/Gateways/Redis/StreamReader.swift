package import Contract
package import Logging
package import Policy
package import Redis
package import Telemetry

/// Reads request entries of one partition for one consumer, over a connection of its own: a read
/// that blocks holds up whatever is behind it.
///
/// The corresponding Redis command is `XREADGROUP`.
package struct StreamReader: Sendable {
    private let connection: RedisConnection
    private let keys: Keys
    private let consumer: String
    private let metrics: StreamMetrics
    private let log: Logger

    package enum Limits {
        /// Entries taken from one stream in one read: 32 of 256 KiB are 8 MiB, the most that one
        /// turn of the loop copies.
        package static let entriesPerStreamMax = 32
        /// Entries taken by one script, from all streams: what a script of ours may do at the most.
        package static let entriesTakenMax = 100
        /// How long a read waits in Redis when there is nothing. Redis may be late by as much
        /// again, so the answer has `answerMargin` on top before the connection is given up.
        package static let blockMs = 2_000
        package static let answerMargin = Duration.seconds(10)
        /// Bytes of an entry that an answer can bring: half of what the connection takes.
        package static let entryBytesMax = RedisLimits.replyBytesMax / 2
        /// Own pending entries of a stream that are weighed in one step.
        package static let weighedMax = 100
        /// Weighing a hundred entries of hundreds of MiB takes Redis some seconds.
        package static let weighingTime = Duration.seconds(30)
    }

    package init(
        connection: RedisConnection,
        keys: Keys,
        consumer: String,
        metrics: StreamMetrics,
        log: Logger
    ) {
        self.connection = connection
        self.keys = keys
        self.consumer = consumer
        self.metrics = metrics
        self.log = log
    }

    /// Takes new entries, waiting for the first one if there is none.
    ///
    /// Where more waits than there is room for, `take` shares the room by turns. Else one read over all
    /// streams waits for what comes, and takes as much from each: while there is room for all, there
    /// is no order to keep.
    ///
    /// - Parameters:
    ///   - room: Entries that can run now, at least 1. Up to one more per stream may come
    ///   back when entries arrive in several streams at the same moment.
    ///   - turns: Learns what came.
    /// - Returns: Entries in the order of their streams; empty when the wait was over, or ended by
    ///   `unblock`.
    package func read(
        upTo room: Int,
        from queues: [Queue] = Queue.allCases,
        _ turns: inout Turns
    ) async throws(RedisError) -> [RawEntry] {
        if room < queues.count || turns.isBehind {
            let found = try await take(upTo: min(room, Limits.entriesTakenMax), queues, &turns)
            if !found.isEmpty { return found }
        }
        let share = min(max(1, room / queues.count), Limits.entriesPerStreamMax)
        let found = try await takeOrWait(upTo: share, fromEachOf: queues)
        turns.took(Self.counts(found), ofEach: share, among: queues)
        return found
    }

    private func take(
        upTo room: Int,
        _ queues: [Queue],
        _ turns: inout Turns
    ) async throws(RedisError) -> [RawEntry] {
        let shares = turns.shares(of: room, among: queues)
        let answer = try await connection.eval(
            Scripts.take,
            keys: shares.map { .text(keys.requests($0.queue)) } + [.text(keys.cancelMarks)],
            arguments: [.text(Keys.workersGroup), .text(consumer), .number(room)]
                + shares.map { .number($0.count) }
        )
        var found = counted(await entries(in: answer, of: queues))
        turns.took(Self.counts(found), of: shares, room: room)
        let isMarked = answer.array?.last?.array?.first?.text == Self.takenBack
        if isMarked { try await markTakenBack(&found) }
        return found
    }

    private static func counts(_ entries: [RawEntry]) -> [Queue: Int] {
        entries.reduce(into: [:]) { $0[$1.queue, default: 0] += 1 }
    }

    private func takeOrWait(
        upTo count: Int,
        fromEachOf queues: [Queue]
    ) async throws(RedisError) -> [RawEntry] {
        var command = RedisCommand("XREADGROUP", reserving: 256)
        command.append("GROUP")
        command.append(Keys.workersGroup)
        command.append(consumer)
        command.append("COUNT")
        command.append(count)
        command.append("BLOCK")
        command.append(Limits.blockMs)
        command.append("STREAMS")
        for queue in queues { command.append(keys.requests(queue)) }
        for _ in queues { command.append(">") }
        // The second is carried out when the first has ended, and costs no round trip.
        let answers = try await connection.pipeline(
            [command, RedisCommand("EXISTS", .text(keys.cancelMarks))],
            timeout: .milliseconds(Limits.blockMs) + Limits.answerMargin
        )
        if case .error(let error) = answers[0] { throw .server(error) }
        var found = counted(await entries(in: answers[0], of: queues))
        if answers[1].int == 1 { try await markTakenBack(&found) }
        return found
    }

    /// What `take` says behind the entries where marks may stand.
    private static let takenBack = "taken back"

    /// Finds out which of these were taken back before anybody read them, so that they end beside what
    /// runs. A look only: it is `admit` that decides.
    ///
    /// The corresponding Redis command is `MGET`.
    private func markTakenBack(_ entries: inout [RawEntry]) async throws(RedisError) {
        var command = RedisCommand("MGET", reserving: 64 * entries.count)
        var places: [Int] = []
        for (place, entry) in entries.enumerated() {
            if let id = entry.first("request_id").flatMap({ RequestID($0) }) {
                command.append(keys.cancelMark(id))
                places.append(place)
            }
            if let batch = entry.first("batch_id").flatMap({ BatchID($0) }) {
                command.append(keys.batchCancelMark(batch))
                places.append(place)
            }
        }
        guard !places.isEmpty else { return }
        let marks = try await connection.send(command).array ?? []
        for (place, mark) in zip(places, marks) where mark.bytes != nil {
            entries[place].isTakenBack = true
        }
    }

    private func counted(_ entries: [RawEntry]) -> [RawEntry] {
        if !entries.isEmpty { metrics.readBatches.increment() }
        return entries
    }

    /// IDs of entries that this consumer has taken and not ended: after a reconnect some may be among
    /// them whose delivery was lost on the wire, and which nobody runs.
    ///
    /// Not by reading one's own history: that counts as a delivery, and who is delivered too often is
    /// taken for one that cannot succeed. The corresponding Redis command is `XPENDING`.
    package func ownPending(
        in queue: Queue,
        after id: String,
        count: Int
    ) async throws(RedisError) -> [EntryID] {
        let answer = try await connection.send(
            RedisCommand(
                "XPENDING",
                .text(keys.requests(queue)),
                .text(Keys.workersGroup),
                .text(id == "0" ? "-" : "(\(id)"),
                "+",
                .number(count),
                .text(consumer)
            )
        )
        return (answer.array ?? []).compactMap { row in
            row.array?.first?.bytes.flatMap { EntryID($0) }
        }
    }

    /// The entries of these IDs, which this consumer holds. What has no content is dropped.
    package func fetch(
        _ ids: [EntryID],
        from queue: Queue
    ) async throws(RedisError) -> [RawEntry] {
        let stream = keys.requests(queue)
        let answers = try await connection.pipeline(
            ids.map { id in
                RedisCommand(
                    "XRANGE",
                    .text(stream),
                    .text(id.description),
                    .text(id.description)
                )
            }
        )
        var entries: [RawEntry] = []
        for (id, answer) in zip(ids, answers) {
            guard let rows = answer.array else { continue }
            if let fields = rows.first?.array?.last?.array {
                entries.append(
                    RawEntry(queue: queue, id: id, fields: fields.map { $0.bytes ?? [] })
                )
            } else {
                await drop(ghost: id, in: queue)
            }
        }
        return entries
    }

    /// Own pending entries that no answer can bring, with their names alone.
    ///
    /// - Parameter control: Another connection: this one has just been lost over them.
    package func oversized(by control: RedisConnection) async throws(RedisError) -> [RawEntry] {
        var found: [RawEntry] = []
        for queue in Queue.allCases {
            let answer = try await control.eval(
                Scripts.weigh,
                keys: [.text(keys.requests(queue))],
                arguments: [
                    .text(Keys.workersGroup), .text(consumer),
                    .number(Limits.entryBytesMax), .number(Limits.weighedMax),
                ],
                timeout: Limits.weighingTime
            )
            for row in answer.array ?? [] {
                guard let parts = row.array, parts.count == 3, let idBytes = parts[0].bytes,
                    let id = EntryID(idBytes), let bytes = parts[1].int
                else { continue }
                let name = parts[2].bytes ?? []
                let fields: [[UInt8]] = name.isEmpty ? [] : [Array("request_id".utf8), name]
                found.append(
                    RawEntry(queue: queue, id: id, fields: fields, bytesLeftOut: bytes)
                )
            }
        }
        return found
    }

    /// Makes the group where it is missing. At 0, never at `$`: what ended is deleted, so all that
    /// stands in a stream is still to be done.
    ///
    /// The corresponding Redis command is `XGROUP CREATE … MKSTREAM`.
    package func ensureGroups() async throws(RedisError) {
        for queue in Queue.allCases {
            do throws(RedisError) {
                try await connection.send(
                    RedisCommand(
                        "XGROUP",
                        "CREATE",
                        .text(keys.requests(queue)),
                        .text(Keys.workersGroup),
                        "0",
                        "MKSTREAM"
                    )
                )
            } catch .server(let error) where error.prefix == "BUSYGROUP" {
                continue
            }
        }
    }

    /// The number by which Redis knows this reader's connection, for `unblock`.
    package func clientID() async throws(RedisError) -> Int? {
        try await connection.send(RedisCommand("CLIENT", "ID")).int
    }

    /// Ends a read that waits, as if its time were over. Cancelling it instead could lose entries
    /// that Redis has handed out already.
    package static func unblock(
        client: Int,
        by connection: RedisConnection
    ) async throws(RedisError) {
        try await connection.send(RedisCommand("CLIENT", "UNBLOCK", .number(client)))
    }
}

// MARK: - Reading an answer

extension StreamReader {
    /// `[[stream, [[id, [name, value, …] or nil], …]], …]`, or nil.
    private func entries(in answer: RedisValue, of queues: [Queue]) async -> [RawEntry] {
        guard let streams = answer.array else { return [] }
        var entries: [RawEntry] = []
        for stream in streams {
            guard let pair = stream.array, pair.count == 2, let name = pair[0].text,
                let queue = queues.first(where: { keys.requests($0) == name }),
                let items = pair[1].array
            else { continue }
            for item in items {
                guard let parts = item.array, parts.count == 2, let idBytes = parts[0].bytes,
                    let id = EntryID(idBytes)
                else { continue }
                if let fields = parts[1].array {
                    entries.append(
                        RawEntry(queue: queue, id: id, fields: fields.map { $0.bytes ?? [] })
                    )
                } else {
                    await drop(ghost: id, in: queue)
                }
            }
        }
        return entries
    }

    /// A pending entry whose body is gone: somebody deleted it, or trimmed the stream. Nobody can
    /// be answered; acknowledged, it does not come back.
    private func drop(ghost id: EntryID, in queue: Queue) async {
        metrics.ghostEntries.increment()
        log.warning(
            "a pending entry had no content, and was acknowledged",
            metadata: ["entry": "\(id)", "queue": "\(queue.rawValue)"]
        )
        do throws(RedisError) {
            try await connection.send(
                RedisCommand(
                    "XACK",
                    .text(keys.requests(queue)),
                    .text(Keys.workersGroup),
                    .text(id.description)
                )
            )
        } catch {
            // It comes back with the next adoption.
            log.debug("acknowledging it failed", metadata: ["reason": "\(error)"])
        }
    }
}
