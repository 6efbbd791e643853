package import Contract
package import Redis

/// The ledger's outbox of one partition, as who empties it sees it.
///
/// It is read from its beginning, without a group: what PostgreSQL has is deleted, so whatever is
/// there is still to be carried, whoever began with it.
package struct Outbox: Sendable {
    package let keys: Keys
    let global: GlobalKeys
    let connection: RedisConnection

    package enum Limits {
        /// Rows of one page. At AUDIT_MAX_BYTES and a payload of 64 KiB each, 74 MiB: an answer may
        /// have 128.
        package static let pageMax = 128
        /// IDs that one script deletes.
        package static let deletedMax = 100
        /// A page of the largest rows takes Redis and the wire some time.
        package static let readingTime = Duration.seconds(30)
    }

    package init(connection: RedisConnection, keys: Keys, global: GlobalKeys) {
        self.connection = connection
        self.keys = keys
        self.global = global
    }

    /// What a page holds.
    package struct Page: Sendable {
        package let rows: [LedgerRow]
        /// The last entry looked at; nil when there was none.
        package let last: EntryID?
        /// Entries that are no rows: somebody else's, and left alone.
        package let unreadable: [EntryID]
        /// Bytes of the rows' larger fields.
        package let bytes: Int
    }

    /// The next rows after an entry, oldest first. The corresponding Redis command is `XRANGE`.
    package func page(after id: EntryID?) async throws(RedisError) -> Page {
        let answer = try await connection.send(
            RedisCommand(
                "XRANGE",
                .text(keys.ledger),
                .text(id.map { "(\($0)" } ?? "-"),
                "+",
                "COUNT",
                .number(Limits.pageMax)
            ),
            timeout: Limits.readingTime
        )
        var (rows, unreadable): ([LedgerRow], [EntryID]) = ([], [])
        var (last, bytes): (EntryID?, Int) = (nil, 0)
        for entry in answer.array ?? [] {
            guard let parts = entry.array, parts.count == 2,
                let id = parts[0].bytes.flatMap({ EntryID($0) })
            else { continue }
            last = id
            let fields = (parts[1].pairs ?? []).map { ($0.key, $0.value.bytes ?? []) }
            if let row = LedgerRow(id: id, fields) {
                rows.append(row)
                bytes += row.payload.count + row.record.count + row.calls.count
            } else {
                unreadable.append(id)
            }
        }
        return Page(rows: rows, last: last, unreadable: unreadable, bytes: bytes)
    }

    /// Puts a copy of a profile in the place of the one that is there.
    package func copy(_ profile: UserProfile, to key: String) async throws(RedisError) {
        try await profile.copy(to: key, over: connection)
    }

    /// Takes out what PostgreSQL has.
    ///
    /// - Returns: False when another supervisor leads.
    package func remove(
        _ ids: [EntryID],
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        var start = 0
        while start < ids.count {
            let some = ids[start..<min(start + Limits.deletedMax, ids.count)]
            let answer = try await connection.eval(
                Scripts.carried,
                keys: [.text(keys.ledger), .text(keys.lease)],
                arguments: [.number(token.number)] + some.map { .text($0.description) }
            )
            guard answer.text != "fenced" else { return false }
            start += some.count
        }
        return true
    }

    /// How much waits to be carried. An estimate of its memory: of a sample of its nodes.
    /// The corresponding Redis commands are `XLEN` and `MEMORY USAGE`.
    package func size() async throws(RedisError) -> (rows: Int, bytes: Int) {
        let answers = try await connection.pipeline([
            RedisCommand("XLEN", .text(keys.ledger)),
            RedisCommand("MEMORY", "USAGE", .text(keys.ledger), "SAMPLES", 20),
        ])
        return (answers[0].int ?? 0, answers[1].int ?? 0)
    }

    // MARK: The epoch

    /// - Returns: False when another supervisor leads.
    package func begin(
        epoch: Int,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        let answer = try await connection.eval(
            Scripts.epoch,
            keys: [.text(keys.epoch), .text(keys.lease)],
            arguments: [.number(token.number), .number(epoch)]
        )
        return answer.text == "begun"
    }

    // MARK: The fleet's claims

    /// Settles the claims on the fleet's hour that these rows name and nobody has settled: most often
    /// none, as who ended an attempt does it at once.
    ///
    /// - Returns: How many there were.
    package func settle(_ rows: [LedgerRow]) async throws(RedisError) -> Int {
        let claims = rows.flatMap { $0.claims(partition: keys.partition) }
        var (settled, start) = (0, 0)
        while start < claims.count {
            let some = Array(claims[start..<min(start + Limits.deletedMax, claims.count)])
            start += some.count
            var command = RedisCommand("HMGET", .text(global.reservations))
            for claim in some { command.append(claim.name) }
            let found = try await connection.send(command).array ?? []
            for (claim, held) in zip(some, found) where held != .null {
                let answer = try await connection.eval(
                    Scripts.settleGlobal,
                    keys: [.text(global.cost), .text(global.reservations), .text(global.spend)],
                    arguments: [.text(claim.name), .number(Int(claim.cost.amount)), ""]
                )
                if answer.text == "settled" { settled += 1 }
            }
        }
        return settled
    }
}

extension Scripts {
    package static let carried = RedisScript(
        name: "carried",
        source: PackageResources.carried_lua
    )
    package static let epoch = RedisScript(name: "epoch", source: PackageResources.epoch_lua)
}
