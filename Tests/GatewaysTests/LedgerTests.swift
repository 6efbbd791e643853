import Contract
import EventLoop
import Gateways
import Migrations
import Postgres
import TestSupport
import Testing

private let now: Int64 = 1_795_800_000_000

/// Rows and their audit records in a real PostgreSQL: once, in order, by who leads, and provably so.
@Suite struct LedgerTests {
    @Test func `a batch that is carried twice is there once`() async throws {
        try await withLedger { rig in
            let rows = ledgerRows(0..<50, now: now)
            let first = try await rig.store.carry(rows, epoch: 1, token: 1)
            #expect(first == .carried(new: 50, endedTwice: []))
            let again = try await rig.store.carry(rows, epoch: 1, token: 1)
            #expect(again == .carried(new: 0, endedTwice: []))
            let overlapping = try await rig.store.carry(
                ledgerRows(40..<60, now: now),
                epoch: 1,
                token: 2
            )
            #expect(overlapping == .carried(new: 10, endedTwice: []))
            let sums = try await rig.service.query(Queries.ledgerSums).first
            #expect(sums?.int(2) == 60 && sums?.int(4) == 60)
            #expect(sums?.text(3) == "840000000" && sums?.text(5) == "840000000")
            let records = try await rig.service.query("SELECT count(*) FROM audit_log")
            #expect(records.first?.int(0) == 60)
            #expect(try await rig.walk() == nil)
        }
    }

    @Test func `what a row says has its columns`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<1, now: now), epoch: 1, token: 1)
            let row = try await rig.service.query(
                "SELECT model_version, validation_score, prompt_tokens::bigint, source, degraded, "
                    + "(extract(epoch FROM at) * 1000)::bigint FROM gpt4_usage_log"
            ).first
            #expect(row?.text(0) == "gpt-4-0125-preview" && row?.double(1) == 0.97)
            #expect(row?.int(2) == 800 && row?.text(3) == "model" && row?.isNull(4) == true)
            #expect(row?.int(5) == now)
        }
    }

    @Test func `a lower token carries nothing, whatever it believes`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<5, now: now), epoch: 1, token: 7)
            let late = try await rig.store.carry(ledgerRows(5..<9, now: now), epoch: 1, token: 6)
            #expect(late == .fenced)
            #expect(try await rig.store.beginEpoch(token: 1) == 2)
            let ofOldEpoch = try await rig.store.carry(
                ledgerRows(5..<9, now: now),
                epoch: 1,
                token: 99
            )
            #expect(ofOldEpoch == .fenced)
            let next = try await rig.store.carry(ledgerRows(5..<9, now: now), epoch: 2, token: 1)
            #expect(next == .carried(new: 4, endedTwice: []))
            #expect(try await rig.walk() == nil)
        }
    }

    @Test func `two supervisors at once cannot fork the chain`() async throws {
        try await withLedger { rig in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for token in 1...2 {
                    group.addTask {
                        for start in stride(from: 0, to: 200, by: 20) {
                            _ = try await rig.store.carry(
                                ledgerRows(start..<(start + 20), now: now),
                                epoch: 1,
                                token: token
                            )
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await rig.walk() == nil)
            let count = try await rig.service.query("SELECT count(*) FROM gpt4_usage_log")
            #expect(count.first?.int(0) == 200)
            // Beside all that, the database itself refuses who does not lead.
            let forged = try await rig.refusal(
                "strategy_service",
                "s",
                "INSERT INTO audit_log SELECT partition, audit_seq + 1, now(), epoch, 1, 1, "
                    + "fencing_token - 1, 'x', 1, 'result', '', 'decision', '', NULL, audit_hash, "
                    + "audit_hash, audit_hash FROM ledger_partition"
            )
            #expect(forged == .insufficientPrivilege)
        }
    }

    @Test func `a request that ends twice is told, and both rows are kept`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<3, now: now), epoch: 1, token: 1)
            let again = ledgerRows(1..<2, now: now + 60_000)
            let outcome = try await rig.store.carry(again, epoch: 1, token: 1)
            #expect(outcome == .carried(new: 1, endedTwice: ["r1"]))
            let rows = try await rig.service.query(
                "SELECT count(*) FROM gpt4_usage_log WHERE request_id = 'r1'"
            )
            #expect(rows.first?.int(0) == 2)
        }
    }

    @Test func `a month without a partition gets one`() async throws {
        try await withLedger { rig in
            let longAgo = ledgerRows(0..<2, now: 1_500_000_000_000)
            let outcome = try await rig.store.carry(longAgo, epoch: 1, token: 1)
            #expect(outcome == .carried(new: 2, endedTwice: []))
            let retired = try await rig.admin("SELECT retire_ledger('2018-01-01')")
            #expect(retired.hasPrefix("1"))
            let sums = try await rig.service.query(Queries.ledgerSums).first
            #expect(sums?.int(2) == 0 && sums?.int(4) == 0 && sums?.text(3) == "0")
        }
    }
}

/// What was changed is found, and named.
@Suite struct AuditTests {
    @Test(arguments: [
        "UPDATE audit_log SET content = content || ' '::bytea WHERE seq = 5",
        "UPDATE audit_log SET personal = set_byte(personal, 40, 1) WHERE seq = 5",
        "UPDATE audit_log SET personal = NULL WHERE seq = 5",
        "UPDATE audit_log SET event = 'failed' WHERE seq = 5",
        "UPDATE audit_log SET code = 'x' WHERE seq = 5",
        "UPDATE audit_log SET request_id = 'other' WHERE seq = 5",
        "UPDATE audit_log SET attempt = 2 WHERE seq = 5",
        "UPDATE audit_log SET at = at + interval '1 millisecond' WHERE seq = 5",
        "UPDATE audit_log SET epoch = 9 WHERE seq = 5",
        "UPDATE audit_log SET outbox_seq = 9 WHERE seq = 5",
        "UPDATE audit_log SET fencing_token = 9 WHERE seq = 5",
        "UPDATE audit_log SET retention = 'refusal' WHERE seq = 5",
        "UPDATE audit_log SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE seq = 5",
        "UPDATE audit_log SET prev_hash = hash WHERE seq = 5",
        "DELETE FROM audit_log WHERE seq = 5",
        "UPDATE audit_log SET seq = CASE seq WHEN 5 THEN 6 ELSE 5 END WHERE seq IN (5, 6)",
    ])
    func `the first bad record is named`(tampering: String) async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<10, now: now), epoch: 1, token: 1)
            #expect(try await rig.walk() == nil)
            // Two records that change places pass each other on the way.
            let sql =
                tampering.contains("CASE")
                ? "ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey; " + tampering : tampering
            try await rig.admin(sql, withoutTriggers: true)
            let flaw = try await rig.walk()
            #expect(flaw?.seq == 5, "\(String(describing: flaw))")
        }
    }

    @Test func `records that are missing at the end are missed`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<10, now: now), epoch: 1, token: 1)
            try await rig.admin("DELETE FROM audit_log WHERE seq > 7", withoutTriggers: true)
            #expect(try await rig.walk()?.seq == 8)
        }
    }

    @Test func `what is erased is gone, and the chain is whole`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(
                ledgerRows(0..<4, user: "alice", now: now),
                epoch: 1,
                token: 1
            )
            _ = try await rig.store.carry(
                ledgerRows(4..<6, user: "bob", now: now),
                epoch: 1,
                token: 1
            )
            try await rig.withPool("strategy_migrate", "m") { pool in
                let rows = try await pool.query("SELECT erase_user('alice', 'dpo', 'asked to')")
                #expect(rows.first?.int(0) == 4)
            }
            #expect(try await rig.walk() == nil)
            let left = try await rig.admin(
                "SELECT count(*) FROM audit_log WHERE personal IS NOT NULL; "
                    + "SELECT count(*) FROM audit_log WHERE encode(content, 'escape') LIKE '%alice%'"
            )
            #expect(left == "2\n0\n")
        }
    }

    @Test func `nobody changes or deletes a record, its owner included`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<3, now: now), epoch: 1, token: 1)
            for sql in [
                "UPDATE audit_log SET code = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log",
                "DELETE FROM audit_erasure", "TRUNCATE audit_checkpoint",
            ] {
                for (role, password) in [
                    ("strategy_service", "s"), ("strategy_read", "r"), ("strategy_migrate", "m"),
                ] {
                    let refusal = try await rig.refusal(role, password, sql)
                    // A reader's transactions only read.
                    #expect(
                        refusal == .insufficientPrivilege || refusal == .readOnly,
                        "\(role): \(sql)"
                    )
                }
            }
        }
    }
}

/// What each role may not do.
@Suite struct DatabaseRoleTests {
    @Test func `the service adds and reads, and makes and removes nothing`() async throws {
        try await withLedger { rig in
            for sql in [
                "CREATE TABLE mine (n int)", "DROP TABLE gpt4_usage_log",
                "UPDATE gpt4_usage_log SET cost_nanousd = 0", "DELETE FROM gpt4_usage_log",
                "DELETE FROM user_profile", "SELECT erase_user('a', 'b', 'c')",
                "SELECT retire_ledger('2030-01-01')", "CREATE ROLE other",
            ] {
                let refusal = try await rig.refusal("strategy_service", "s", sql)
                #expect(refusal == .insufficientPrivilege, "\(sql)")
            }
            #expect(
                try await rig.refusal(
                    "strategy_service",
                    "s",
                    "INSERT INTO user_profile (user_id, tier) VALUES ('u', 'basic')"
                ) == nil
            )
        }
    }

    @Test func `a reader writes nothing`() async throws {
        try await withLedger { rig in
            for sql in [
                "INSERT INTO user_profile (user_id) VALUES ('u')",
                "UPDATE ledger_partition SET epoch = 9",
            ] {
                let refusal = try await rig.refusal("strategy_read", "r", sql)
                #expect(refusal == .insufficientPrivilege || refusal == .readOnly, "\(sql)")
            }
            #expect(try await rig.refusal("strategy_read", "r", "SELECT * FROM audit_log") == nil)
        }
    }
}

/// The schema, up and down on data, and what its indexes are for.
@Suite struct SchemaTests {
    @Test func `every step can be taken back and applied again, with data in it`() async throws {
        try await withLedger { rig in
            _ = try await rig.store.carry(ledgerRows(0..<20, now: now), epoch: 1, token: 1)
            try await rig.withPool("strategy_migrate", "m") { pool in
                for step in Migration.all.reversed() { try await apply(step.down, pool) }
                let left = try await pool.query(
                    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                )
                #expect(left.first?.int(0) == 0)
                for step in Migration.all { try await apply(step.up, pool) }
            }
            let outcome = try await rig.store.carry(
                ledgerRows(0..<20, now: now),
                epoch: 1,
                token: 1
            )
            #expect(outcome == .carried(new: 20, endedTwice: []))
        }
    }

    @Test func `no question reads more than its answer`() async throws {
        try await withLedger { rig in
            for start in stride(from: 0, to: 4_000, by: 500) {
                let rows = ledgerRows(start..<(start + 500), user: "u\(start)", now: now)
                _ = try await rig.store.carry(rows, epoch: 1, token: 1)
            }
            try await rig.admin("ANALYZE")
            let span = "'u500', \(now), \(now + 3_600_000)"
            for (sql, arguments) in [
                (Queries.usageTotals, span), (Queries.usageHours, span + ", 'hour'"),
                (Queries.usageModels, span), (Queries.usageRejections, span),
                (Queries.ledgerEnded, "0, ARRAY['r1', 'r2']"),
                (Queries.ledgerKnown, "0, ARRAY[\(now)], ARRAY[0]"),
                (Queries.auditPage, "0, 3990, 10"),
            ] {
                // A plan for these values, as the server would make it for a statement it knows.
                let plan = try await rig.admin(
                    "PREPARE q AS \(sql); EXPLAIN EXECUTE q(\(arguments))"
                )
                #expect(plan.contains("Index"), "\(sql)\n\(plan)")
                #expect(!plan.contains("Seq Scan on gpt4_usage_log_2026_11"), "\(sql)\n\(plan)")
                #expect(!plan.contains("Seq Scan on audit_log_2026_11"), "\(sql)\n\(plan)")
            }
        }
    }
}
