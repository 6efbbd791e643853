package import Contract
package import Postgres

/// The ledger of one partition in PostgreSQL, as who carries the outbox over writes it.
package struct LedgerStore: Sendable {
    package let pool: PostgresPool
    package let partition: Int

    package init(pool: PostgresPool, partition: Int) {
        self.pool = pool
        self.partition = partition
    }

    /// What became of a batch.
    package enum Carried: Equatable, Sendable {
        /// All of it is there now.
        /// - Parameters:
        ///   - new: How many rows were not before.
        ///   - endedTwice: Requests of these that had ended before.
        case carried(new: Int, endedTwice: [String])
        /// A supervisor with a higher token, or of a later epoch, has carried: look again.
        case fenced
    }

    /// Adds rows and their audit records, all or none, and none twice.
    ///
    /// The partition's row is locked meanwhile: it says how far the outbox was carried and where the
    /// chain ends, and refuses whoever has a lower token.
    ///
    /// - Parameter rows: In the order of the outbox.
    package func carry(
        _ rows: [LedgerRow],
        epoch: Int,
        token: Int
    ) async throws(PostgresError) -> Carried {
        do throws(PostgresError) {
            return try await carryOnce(rows, epoch, token)
        } catch .server(let error) where error.state == .noPartition {
            // Months without a partition are made, and it is tried once more.
            for ms in [rows.first?.atMs, rows.last?.atMs].compactMap({ $0 }) {
                try await pool.query(
                    "SELECT ensure_month(timestamptz 'epoch' + $1 * interval '1 millisecond')",
                    [.double(Double(ms))]
                )
            }
            return try await carryOnce(rows, epoch, token)
        }
    }

    private func carryOnce(
        _ rows: [LedgerRow],
        _ epoch: Int,
        _ token: Int
    ) async throws(PostgresError) -> Carried {
        let partition = partition
        return try await pool.withTransaction { (connection) throws(PostgresError) in
            let locked = try await connection.pipeline([
                PostgresStatement(
                    "INSERT INTO ledger_partition (partition, epoch) VALUES ($1, $2) "
                        + "ON CONFLICT DO NOTHING",
                    [.int(partition), .int(epoch)]
                ),
                PostgresStatement(
                    Queries.ledgerLock,
                    [.int(partition), .int(epoch), .int(token)]
                ),
                PostgresStatement(
                    Queries.ledgerEnded,
                    [.int(partition), .texts(rows.filter(\.isTerminal).map(\.requestID))]
                ),
            ])
            guard let head = locked[1].first.flatMap({ Head($0) }) else { return .fenced }
            let known = try await Self.known(rows, head, partition, connection)
            let fresh = known.isEmpty ? rows : rows.filter { !known.contains($0.id) }
            guard !fresh.isEmpty else { return .carried(new: 0, endedTwice: []) }
            let batch = CarriedBatch(fresh, partition, epoch, token, head)
            let answers = try await connection.pipeline(batch.statements)
            guard answers[1].affected == fresh.count, answers[2].affected == fresh.count else {
                throw .server(
                    PostgresServerError(
                        state: .uniqueViolation,
                        message: "rows of this batch were there, and were not known"
                    )
                )
            }
            let before = Set(locked[2].rows.compactMap { $0.text(0) })
            return .carried(
                new: fresh.count,
                endedTwice: batch.endedTwice(before: known.isEmpty ? before : [])
            )
        }
    }

    /// What is there already: nothing beyond the last that was carried.
    private static func known(
        _ rows: [LedgerRow],
        _ head: Head,
        _ partition: Int,
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> Set<EntryID> {
        let old = rows.filter { $0.id <= head.last }
        guard !old.isEmpty else { return [] }
        let answer = try await connection.query(
            Queries.ledgerKnown,
            [
                .int(partition), .ints(old.map { Int64($0.id.milliseconds) }),
                .ints(old.map { Int64($0.id.sequence) }),
            ]
        )
        return Set(
            answer.rows.compactMap { row in
                guard let ms = row.int(0), let seq = row.int(1) else { return nil }
                return EntryID(milliseconds: UInt64(ms), sequence: UInt64(seq))
            }
        )
    }

    /// What users of this partition asked for and paid since a moment: the next page after a row.
    ///
    /// - Returns: The costs, and the row to go on after; nil at the end.
    package func hour(
        sinceMs: Int64,
        after row: EntryID
    ) async throws(PostgresError) -> (costs: [PastCost], last: EntryID?) {
        let rows = try await pool.query(
            Queries.ledgerHour,
            [
                .int(partition), .int(sinceMs), .int(Int64(row.milliseconds)),
                .int(Int64(row.sequence)), .int(Limits.hourPageMax),
            ]
        ).rows
        let costs = rows.map { row in
            PastCost(
                user: row.text(2) ?? "",
                requestID: row.text(3) ?? "",
                attempt: Int(row.int(4) ?? 1),
                cost: NanoUSD(row.int(5) ?? 0),
                atMs: row.int(6) ?? 0
            )
        }
        guard rows.count == Limits.hourPageMax, let end = rows.last, let ms = end.int(0),
            let sequence = end.int(1)
        else { return (costs, nil) }
        return (costs, EntryID(milliseconds: UInt64(ms), sequence: UInt64(sequence)))
    }

    /// What the whole fleet spent since a moment.
    package func fleetSpent(sinceMs: Int64) async throws(PostgresError) -> NanoUSD {
        let rows = try await pool.query(
            "SELECT coalesce(sum(cost_nanousd), 0)::bigint FROM gpt4_usage_log WHERE at > "
                + "timestamptz 'epoch' + $1::bigint * interval '1 millisecond'",
            [.int(sinceMs)]
        )
        return NanoUSD(rows.first?.int(0) ?? 0)
    }

    package enum Limits {
        /// Rows of one page of the last hour: a few hundred kilobytes.
        package static let hourPageMax = 5_000
    }

    /// Begins the partition's next epoch, after Redis has lost its books.
    package func beginEpoch(token: Int) async throws(PostgresError) -> Int {
        let answer = try await pool.query(
            Queries.ledgerBeginEpoch,
            [.int(partition), .int(token)]
        )
        return Int(answer.first?.int(0) ?? 1)
    }

    /// Makes the partitions of this month and some to come.
    package func ensureMonths(ahead: Int) async throws(PostgresError) {
        try await pool.query("SELECT ensure_months($1::int)", [.int(ahead)])
    }
}

/// How far a partition was carried, and where its chain ends.
struct Head: Sendable {
    let last: EntryID
    let seq: Int64
    let hash: [UInt8]

    init?(_ row: PostgresRow) {
        guard let ms = row.int(0), let sequence = row.int(1), let seq = row.int(2),
            let hash = row.bytes(3)
        else { return nil }
        last = EntryID(milliseconds: UInt64(ms), sequence: UInt64(sequence))
        self.seq = seq
        self.hash = hash
    }
}

/// What a batch of rows becomes in PostgreSQL.
struct CarriedBatch: Sendable {
    private let rows: [LedgerRow]
    private let facts: [RowFacts]
    private let records: [(record: AuditRecord, personal: [UInt8])]
    private let partition: Int
    private let epoch: Int
    private let token: Int
    private let head: Head

    init(_ rows: [LedgerRow], _ partition: Int, _ epoch: Int, _ token: Int, _ head: Head) {
        self.rows = rows
        (self.partition, self.epoch, self.token, self.head) = (partition, epoch, token, head)
        facts = rows.map { RowFacts($0) }
        var (seq, previous) = (head.seq, head.hash)
        records = rows.map { row in
            seq += 1
            let personal = AuditText.personal(row)
            let record = AuditRecord(
                partition: partition,
                seq: seq,
                atMs: row.atMs,
                epoch: epoch,
                outbox: row.id,
                fencingToken: Int64(token),
                requestID: row.requestID,
                attempt: row.attempt,
                event: row.event,
                code: row.code,
                retention: row.event == "rejected" ? "refusal" : "decision",
                content: AuditText.content(row),
                personalHash: AuditRecord.digest(personal),
                previous: previous
            )
            previous = record.hash
            return (record, personal)
        }
    }

    var statements: [PostgresStatement] {
        let last = max(rows.last?.id ?? head.last, head.last)
        let nano = rows.reduce(0) { $0 + $1.cost.amount }
        let end = records.last?.record
        return [
            PostgresStatement(
                Queries.ledgerAdvance,
                [
                    .int(partition), .int(Int64(last.milliseconds)), .int(Int64(last.sequence)),
                    .int(rows.count), .int(nano), .int(end?.seq ?? head.seq),
                    .bytes(end?.hash ?? head.hash),
                ]
            ),
            PostgresStatement(Queries.ledgerInsert, [.int(partition), .int(epoch)] + columns),
            PostgresStatement(
                Queries.auditInsert,
                [.int(partition), .int(epoch), .int(token)] + auditColumns
            ),
        ]
    }

    private var columns: [PostgresParameter] {
        [
            .ints(rows.map { Int64($0.id.milliseconds) }),
            .ints(rows.map { Int64($0.id.sequence) }), .ints(rows.map(\.atMs)),
            .texts(rows.map(\.requestID)), .texts(rows.map(\.user)),
            .ints(rows.map { Int64($0.attempt) }), .bools(rows.map(\.isTerminal)),
            .bools(rows.map(\.isAdmitted)), .texts(rows.map(\.event)), .texts(rows.map(\.code)),
            .texts(rows.map(\.payer)), .ints(rows.map(\.cost.amount)),
            .bools(rows.map(\.isEstimated)), .texts(facts.map(\.source)),
            .texts(facts.map(\.degraded)), .ints(facts.map(\.promptTokens)),
            .ints(facts.map(\.cachedTokens)), .ints(facts.map(\.completionTokens)),
            .texts(facts.map(\.model)), .doubles(facts.map(\.score)),
        ]
    }

    private var auditColumns: [PostgresParameter] {
        [
            .ints(records.map(\.record.seq)), .ints(records.map(\.record.atMs)),
            .ints(records.map { Int64($0.record.outbox.milliseconds) }),
            .ints(records.map { Int64($0.record.outbox.sequence) }),
            .texts(records.map(\.record.requestID)),
            .ints(records.map { Int64($0.record.attempt) }),
            .texts(records.map(\.record.event)), .texts(records.map(\.record.code)),
            .texts(records.map(\.record.retention)),
            .bytesList(records.map(\.record.content)), .bytesList(records.map(\.personal)),
            .bytesList(records.map(\.record.personalHash)),
            .bytesList(records.map(\.record.previous)), .bytesList(records.map(\.record.hash)),
        ]
    }

    /// Requests that end a second time: by a row from before, or by two of this batch.
    func endedTwice(before: Set<String>) -> [String] {
        var ended = before
        return rows.filter(\.isTerminal).map(\.requestID).filter { !ended.insert($0).inserted }
    }
}
