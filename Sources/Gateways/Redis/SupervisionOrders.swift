package import Contract
package import Redis
import Telemetry

/// Orders to take requests back, and batches whose members have not all come.
extension Supervision {
    /// An entry of the cancel stream.
    package struct OrderEntry: Sendable {
        package let id: EntryID
        /// Nil where its names and values make no order; it is acknowledged all the same.
        package let order: CancelOrder?
    }

    /// Whoever leads reads by this name, so that it finds what the one before it had begun with.
    private static let leader = "leader"

    private enum Wait {
        /// How long a read waits in Redis for an order. Redis may be late by as much again.
        static let blockMs = 1_000
        static let answerMargin = Duration.seconds(10)
    }

    /// Makes the group of the cancel stream where it is missing, from its beginning.
    /// The corresponding Redis command is `XGROUP CREATE`.
    package func ensureOrders(over connection: RedisConnection) async throws(RedisError) {
        do throws(RedisError) {
            try await connection.send(
                RedisCommand(
                    "XGROUP",
                    "CREATE",
                    .text(keys.cancel),
                    .text(Keys.supervisorGroup),
                    "0",
                    "MKSTREAM"
                )
            )
        } catch .server(let error) where error.prefix == "BUSYGROUP" {}
    }

    /// New orders, waiting for the first; or those that were begun with and not acknowledged.
    ///
    /// - Parameter connection: One that nothing else waits behind.
    /// The corresponding Redis command is `XREADGROUP`.
    package func orders(
        begun: Bool,
        over connection: RedisConnection
    ) async throws(RedisError) -> [OrderEntry] {
        var command = RedisCommand("XREADGROUP", reserving: 192)
        command.append("GROUP")
        command.append(Keys.supervisorGroup)
        command.append(Self.leader)
        command.append("COUNT")
        command.append(Limits.pageMax)
        if !begun {
            command.append("BLOCK")
            command.append(Wait.blockMs)
        }
        command.append("STREAMS")
        command.append(keys.cancel)
        command.append(begun ? "0" : ">")
        let answer = try await connection.send(
            command,
            timeout: .milliseconds(Wait.blockMs) + Wait.answerMargin
        )
        let rows = answer.array?.first?.array?.last?.array ?? []
        return rows.compactMap { row in
            guard let parts = row.array, parts.count == 2, let bytes = parts[0].bytes,
                let id = EntryID(bytes)
            else { return nil }
            let fields = (parts[1].array ?? []).map { $0.bytes ?? [] }
            return OrderEntry(id: id, order: CancelOrder(fields))
        }
    }

    /// Orders that have been carried out: deleted, then acknowledged, so that none stays for ever.
    /// The corresponding Redis commands are `XDEL` and `XACK`.
    package func finish(_ orders: [EntryID]) async throws(RedisError) {
        guard !orders.isEmpty else { return }
        var delete = RedisCommand("XDEL", reserving: 32 * orders.count)
        var acknowledge = RedisCommand("XACK", reserving: 32 * orders.count)
        delete.append(keys.cancel)
        acknowledge.append(keys.cancel)
        acknowledge.append(Keys.supervisorGroup)
        for id in orders {
            delete.append(id.description)
            acknowledge.append(id.description)
        }
        _ = try await pipeline([delete, acknowledge])
    }

    /// What became of a request that was to be taken back.
    package enum Cancelled: Equatable, Sendable {
        case cancelled(Charge?)
        case remembered
        case ended
        /// It is the envelope of this batch, whose members are in their stream.
        case batch(BatchID)
        /// The record has changed: look again.
        case moved
        case fenced
    }

    /// Ends a request, or remembers that it is to end.
    ///
    /// - Parameter record: As it was just read; nil when there was none.
    package func cancel(
        _ id: RequestID,
        _ record: Record?,
        _ cancellation: Cancellation,
        _ token: Token
    ) async throws(RedisError) -> Cancelled {
        let user = record?.user ?? ""
        let answer = try await run(
            Scripts.cancel,
            .cancel,
            keys: [
                keys.requests(record?.queue ?? .retry), keys.reply(id), keys.record(id),
                keys.userCost(user), keys.userCostLog(user), keys.userRequests(user), keys.ledger,
                keys.counters, keys.due, keys.lease, keys.revoked(record?.owner ?? ""),
                keys.cancelMark(id), keys.cancelMarks,
            ] + keys.batch(of: record?.member),
            arguments: [
                .text(Keys.workersGroup), .number(token.number), .text(id.text),
                .text(record?.entry?.description ?? ""),
                .text(record.map { "\($0.attempt)" } ?? ""), .text(user),
                .text(record?.owner ?? ""), .text(record?.member?.text ?? ""),
                .bytes(cancellation.by), .number(Int(terms.replyTTLMs)),
                .number(Int(terms.rememberedMs)), .number(Int(terms.batchTimeoutMs)), "",
            ]
        )
        let parts = answer.array ?? []
        switch parts.first?.text {
        case "cancelled": return .cancelled(charge(id, parts.dropFirst()))
        case "remembered": return .remembered
        case "ended": return .ended
        case "moved": return .moved
        case "fenced": return .fenced
        case "batch":
            guard let batch = parts.last?.bytes.flatMap({ BatchID($0) }) else {
                throw Self.unknownAnswer(of: Scripts.cancel)
            }
            return .batch(batch)
        default: throw Self.unknownAnswer(of: Scripts.cancel)
        }
    }

    /// Remembers that a whole batch is to end.
    ///
    /// - Returns: Some of its members that are in the books; nil when another supervisor leads.
    package func cancel(
        _ batch: BatchID,
        _ cancellation: Cancellation,
        _ token: Token
    ) async throws(RedisError) -> [RequestID]? {
        let answer = try await run(
            Scripts.cancelBatch,
            .cancelBatch,
            keys: [
                keys.batchCancelMark(batch), keys.batchOpen(batch), keys.lease, keys.cancelMarks,
            ],
            arguments: [
                .number(token.number), .bytes(cancellation.by),
                .number(Int(terms.batchTimeoutMs)), .number(Limits.pageMax),
            ]
        )
        guard let members = answer.array else { return nil }
        return members.compactMap { $0.bytes.flatMap { RequestID($0) } }
    }
}

// MARK: - Batches

extension Supervision {
    /// A batch whose deadline is past, and the request that brought it.
    package struct DueBatch: Equatable, Sendable {
        package let id: BatchID
        package let envelope: RequestID?
    }

    /// Batches that are not complete although their deadline is before `ms`, oldest first.
    /// The corresponding Redis commands are `ZRANGEBYSCORE` and `HGET`.
    package func dueBatches(before ms: Int64) async throws(RedisError) -> [DueBatch] {
        let answer = try await send(
            RedisCommand(
                "ZRANGEBYSCORE",
                .text(keys.batches),
                "-inf",
                .text("(\(ms)"),
                "LIMIT",
                "0",
                .number(Limits.pageMax)
            )
        )
        let ids = (answer.array ?? []).compactMap { $0.bytes.flatMap { BatchID($0) } }
        let envelopes = try await pipeline(
            ids.map { RedisCommand("HGET", .text(keys.batch($0)), "envelope") }
        )
        return zip(ids, envelopes).map { id, envelope in
            DueBatch(id: id, envelope: envelope.bytes.flatMap { RequestID($0) })
        }
    }

    package enum Closed: Equatable, Sendable {
        /// Its members that have not come are counted as missing.
        case closed(missing: Int)
        /// It is complete, or not due, or another than was looked at.
        case nothing
        case fenced
    }

    /// Ends the wait for members that have not come.
    ///
    /// - Parameter patienceMs: Past the deadline, when also those count as missing that came.
    package func close(
        _ batch: DueBatch,
        patienceMs: Int64,
        _ token: Token
    ) async throws(RedisError) -> Closed {
        let answer = try await run(
            Scripts.closeBatch,
            .closeBatch,
            keys: [keys.lease] + keys.batch(batch.id, envelope: batch.envelope),
            arguments: [
                .number(token.number), .text(batch.id.text), .text(batch.envelope?.text ?? ""),
                .number(Int(patienceMs)), "",
            ]
        )
        let parts = answer.array ?? []
        switch parts.first?.text {
        case "complete", "closed":
            return .closed(missing: parts.dropFirst().first?.number ?? 0)
        case "gone", "early", "moved": return .nothing
        case "fenced": return .fenced
        default: throw Self.unknownAnswer(of: Scripts.closeBatch)
        }
    }
}
