package import Contract
package import Postgres

/// The audit trail in PostgreSQL, as who looks at it reads it.
package struct AuditTrail: Sendable {
    private let pool: PostgresPool

    package enum Limits {
        /// Records of one page: at some 8 KB each, 4 MB.
        package static let pageMax = 500
    }

    package init(pool: PostgresPool) { self.pool = pool }

    /// A record as it is stored, and what was stored beside it.
    package struct Entry: Sendable {
        package let record: AuditRecord
        /// The hash that was stored.
        package let hash: [UInt8]
        /// Nil once it was erased.
        package let personal: [UInt8]?
        package let isErased: Bool

        init?(_ row: PostgresRow, partition: Int) {
            guard let seq = row.int(0), let at = row.int(1), let epoch = row.int(2),
                let ms = row.int(3), let sequence = row.int(4), let token = row.int(5),
                let id = row.text(6), let attempt = row.int(7), let event = row.text(8),
                let code = row.text(9), let retention = row.text(10), let content = row.bytes(11),
                let personalHash = row.bytes(13), let previous = row.bytes(14),
                let hash = row.bytes(15), let isErased = row.bool(16)
            else { return nil }
            record = AuditRecord(
                partition: partition,
                seq: seq,
                atMs: at,
                epoch: Int(epoch),
                outbox: EntryID(
                    milliseconds: UInt64(clamping: ms),
                    sequence: UInt64(clamping: sequence)
                ),
                fencingToken: token,
                requestID: id,
                attempt: Int(attempt),
                event: event,
                code: code,
                retention: retention,
                content: content,
                personalHash: personalHash,
                previous: previous
            )
            self.hash = hash
            personal = row.bytes(12)
            self.isErased = isErased
        }

        /// The personal half without the bytes of chance before it: JSON.
        package var personalText: [UInt8]? {
            personal.map { Array($0.dropFirst(AuditRecord.saltBytes)) }
        }
    }

    /// How a request ended, and what its caller was told.
    package struct Ending: Sendable {
        package let event: String
        package let attempt: Int
        package let atMs: Int64
        /// JSON; nil once it was erased.
        package let reply: [UInt8]?
    }

    /// The end of a request, if it has one here.
    package func ending(of id: RequestID) async throws(PostgresError) -> Ending? {
        let ends = ["result", "rejected", "failed", "cancelled", "batch_complete"]
        return try await entries(of: id).last { ends.contains($0.record.event) }.map { entry in
            Ending(
                event: entry.record.event,
                attempt: entry.record.attempt,
                atMs: entry.record.atMs,
                reply: entry.personalText.flatMap { AuditText.reply(in: $0) }
            )
        }
    }

    /// Where a partition's chain should end.
    package struct End: Sendable {
        package let partition: Int
        package let seq: Int64
        package let hash: [UInt8]
    }

    /// Runs `body` on one moment of the database: what is added meanwhile is not seen.
    package func inOneMoment<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        try await pool.withTransaction("ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }

    package static func ends(
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> [End] {
        try await connection.query(
            "SELECT partition, audit_seq, audit_hash FROM ledger_partition ORDER BY partition"
        ).rows.compactMap { row in
            guard let partition = row.int(0), let seq = row.int(1), let hash = row.bytes(2) else {
                return nil
            }
            return End(partition: Int(partition), seq: seq, hash: hash)
        }
    }

    /// The next records of a partition's chain after one of them; nil for those that cannot be read.
    package static func page(
        of partition: Int,
        after seq: Int64,
        countMax: Int = Limits.pageMax,
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> [Entry?] {
        try await connection.query(
            Queries.auditPage,
            [.int(partition), .int(seq), .int(countMax)]
        ).rows.map { Entry($0, partition: partition) }
    }

    /// All records of one request, oldest first, in whatever partition.
    package func entries(of id: RequestID) async throws(PostgresError) -> [Entry] {
        let places = try await pool.query(
            "SELECT partition, seq FROM audit_log WHERE request_id = $1 ORDER BY at, seq LIMIT 100",
            [.text(id.text)]
        )
        var entries: [Entry] = []
        for place in places.rows {
            guard let partition = place.int(0), let seq = place.int(1) else { continue }
            let rows = try await pool.query(
                Queries.auditPage,
                [.int(partition), .int(seq - 1), .int(1)]
            )
            if let entry = rows.first.flatMap({ Entry($0, partition: Int(partition)) }) {
                entries.append(entry)
            }
        }
        return entries
    }

    /// Heads that were exported, for a look whether the chain still passes them.
    package static func checkpoints(
        of partition: Int,
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> [Int64: [UInt8]] {
        let rows = try await connection.query(
            "SELECT seq, hash FROM audit_checkpoint WHERE partition = $1 ORDER BY seq DESC LIMIT 10000",
            [.int(partition)]
        ).rows
        return rows.reduce(into: [:]) { all, row in
            if let seq = row.int(0), let hash = row.bytes(1) { all[seq] = hash }
        }
    }
}

/// Walks a chain and finds the first record that is not what it was.
package struct AuditWalk: Sendable {
    package let partition: Int
    package private(set) var seq: Int64 = 0
    package private(set) var hash = AuditRecord.genesis
    package private(set) var erased = 0
    private let checkpoints: [Int64: [UInt8]]

    /// What is wrong, and where.
    package struct Flaw: Error, Equatable, Sendable, CustomStringConvertible {
        package let partition: Int
        package let seq: Int64
        package let what: String

        package init(partition: Int, seq: Int64, what: String) {
            (self.partition, self.seq, self.what) = (partition, seq, what)
        }

        package var description: String { "partition \(partition), record \(seq): \(what)" }
    }

    package init(partition: Int, checkpoints: [Int64: [UInt8]] = [:]) {
        self.partition = partition
        self.checkpoints = checkpoints
    }

    package mutating func take(_ entry: AuditTrail.Entry?) throws(Flaw) {
        guard let entry else { throw flaw(seq + 1, "it cannot be read") }
        let record = entry.record
        guard record.seq == seq + 1 else {
            throw flaw(
                seq + 1,
                record.seq == seq + 2
                    ? "it is missing" : "it and those up to \(record.seq) are missing"
            )
        }
        guard record.previous == hash else {
            throw flaw(
                record.seq,
                "it does not follow the one before it: one of the two was changed"
            )
        }
        guard record.hash == entry.hash else { throw flaw(record.seq, "it was changed") }
        if let personal = entry.personal {
            guard AuditRecord.digest(personal) == record.personalHash else {
                throw flaw(record.seq, "its personal half was changed")
            }
        } else if entry.isErased {
            erased += 1
        } else {
            throw flaw(record.seq, "its personal half is gone, and nobody erased it")
        }
        if let exported = checkpoints[record.seq], exported != entry.hash {
            throw flaw(record.seq, "it is not the one that was exported")
        }
        (seq, hash) = (record.seq, entry.hash)
    }

    /// Looks whether the chain ends where it should.
    package func finish(at end: AuditTrail.End) throws(Flaw) {
        if seq < end.seq { throw flaw(seq + 1, "it and those up to \(end.seq) are missing") }
        if seq > end.seq || hash != end.hash {
            throw flaw(seq, "the chain should end with record \(end.seq), and another hash")
        }
    }

    private func flaw(_ seq: Int64, _ what: String) -> Flaw {
        Flaw(partition: partition, seq: seq, what: what)
    }
}
