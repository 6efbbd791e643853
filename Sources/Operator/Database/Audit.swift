import ArgumentParser
import Contract
import Desk
import Gateways
import JSON
import Postgres

/// The audit trail.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove that the audit trail is whole, and show what is in it.",
        discussion: """
              strategyctl audit verify
              strategyctl audit show 7d5c…
              strategyctl audit replay 7d5c…
              strategyctl audit checkpoint >> heads.txt
              strategyctl audit erase alice --by "dpo@example.com" --reason "request 17"
            """,
        subcommands: [
            AuditVerify.self, AuditShow.self, AuditReplay.self, AuditCheckpoint.self,
            AuditErase.self,
        ]
    )
}

struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Walk every chain from its first record, and name the first that is not as it was.",
        discussion: """
            A record that was changed, removed, added or moved breaks the chain of hashes
            there. With --against, heads that were exported earlier must still be passed:
            that proves it also against who can rewrite the whole database.

            EXIT STATUS
              0   whole    1  not whole: the first bad record is named
              64  wrong use    69  PostgreSQL cannot be reached
            """
    )

    @Option(help: "A file of heads, as `audit checkpoint` printed them.")
    var against: String?

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    /// What was found in one partition.
    private struct Finding: Sendable {
        let partition: Int
        let records: Int64
        let erased: Int
        let flaw: AuditWalk.Flaw?
    }

    func run() async throws {
        let heads = try against.map(AuditHeads.read) ?? [:]
        let findings = try await withDatabase(as: .reader) { pool in
            try await AuditTrail(pool: pool).inOneMoment { (connection) throws(PostgresError) in
                var findings: [Finding] = []
                for end in try await AuditTrail.ends(connection) {
                    findings.append(
                        try await Self.walk(end, heads[end.partition] ?? [:], connection)
                    )
                }
                return findings
            }
        }
        report(findings)
        if findings.contains(where: { $0.flaw != nil }) { throw ExitCode.negative }
    }

    private static func walk(
        _ end: AuditTrail.End,
        _ heads: [Int64: [UInt8]],
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> Finding {
        let known = try await AuditTrail.checkpoints(of: end.partition, connection)
        var walk = AuditWalk(
            partition: end.partition,
            checkpoints: known.merging(heads) { _, outside in outside }
        )
        var flaw: AuditWalk.Flaw?
        search: while flaw == nil {
            let page = try await AuditTrail.page(of: end.partition, after: walk.seq, connection)
            do throws(AuditWalk.Flaw) {
                for entry in page { try walk.take(entry) }
                if page.isEmpty {
                    try walk.finish(at: end)
                    break search
                }
            } catch { flaw = error }
        }
        if flaw == nil, let beyond = heads.keys.max(), beyond > walk.seq {
            flaw = AuditWalk.Flaw(
                partition: end.partition,
                seq: walk.seq + 1,
                what: "it and those up to \(beyond), whose head was exported, are missing"
            )
        }
        return Finding(
            partition: end.partition,
            records: walk.seq,
            erased: walk.erased,
            flaw: flaw
        )
    }

    private func report(_ findings: [Finding]) {
        if json {
            return printJSON { writer in
                writer.object { writer in
                    writer.field("whole", findings.allSatisfy { $0.flaw == nil })
                    writer.array("partitions", findings) { writer, finding in
                        writer.object { writer in
                            writer.field("partition", finding.partition)
                            writer.field("records", finding.records)
                            writer.field("erased", finding.erased)
                            writer.field("first_bad", orNull: finding.flaw?.seq)
                            writer.field("what", orNull: finding.flaw?.what)
                        }
                    }
                }
            }
        }
        for finding in findings {
            let erased =
                finding.erased > 0 ? ", of \(finding.erased) the personal half is erased" : ""
            print(
                finding.flaw.map { Ink.red("broken") + "  \($0)" }
                    ?? Ink.green("whole") + "  partition \(finding.partition): "
                    + Figures.count(Int(finding.records), "record", "records") + erased
            )
        }
        if findings.isEmpty { print("nothing was ever recorded") }
    }
}

struct AuditShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract:
            "Print the records of a request: what was decided, by what, and what he was told.",
        discussion: """
            Personal data is in it: the request, the answer. JSON lines, one a record.

            EXIT STATUS
              0   shown    1  there is no record of this request
              64  wrong use    69  PostgreSQL cannot be reached
            """
    )

    @Argument(help: "The request's id.")
    var id: String

    func run() async throws {
        let id = try requestID(id)
        let entries = try await withDatabase(as: .reader) { pool in
            try await AuditTrail(pool: pool).entries(of: id)
        }
        guard !entries.isEmpty else {
            complain("there is no record of \(id): it has not ended, or its record was retired")
            throw ExitCode.negative
        }
        for entry in entries { printJSON { Self.write(entry, to: &$0) } }
    }

    private static func write(_ entry: AuditTrail.Entry, to writer: inout JSONWriter) {
        let record = entry.record
        writer.object { writer in
            writer.field("request_id", record.requestID)
            writer.field("partition", record.partition)
            writer.field("seq", record.seq)
            writer.field("at", Figures.time(record.atMs))
            writer.field("epoch", record.epoch)
            writer.field("outbox_id", record.outbox.description)
            writer.field("retention", record.retention)
            writer.field("hash", AuditHeads.hexadecimal(entry.hash))
            writer.field("previous", AuditHeads.hexadecimal(record.previous))
            writer.key("content")
            writer.raw(record.content)
            writer.key("personal")
            if let personal = entry.personalText { writer.raw(personal) } else { writer.null() }
        }
    }
}

struct AuditCheckpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Print where each chain ends, to be kept elsewhere, and write it down.",
        discussion: """
            One line a partition: partition, number, hash, time. Keep it where who can
            write to the database cannot: `audit verify --against` then proves that
            nothing up to there was rewritten.

            EXIT STATUS
              0   printed    64  wrong use    69  PostgreSQL cannot be reached
            """
    )

    func run() async throws {
        let ends = try await withDatabase(as: .service) { pool in
            try await pool.withTransaction { (connection) throws(PostgresError) in
                let ends = try await AuditTrail.ends(connection).filter { $0.seq > 0 }
                for end in ends {
                    try await connection.query(
                        "INSERT INTO audit_checkpoint (partition, seq, hash) VALUES ($1, $2, $3) "
                            + "ON CONFLICT DO NOTHING",
                        [.int(end.partition), .int(end.seq), .bytes(end.hash)]
                    )
                }
                return ends
            }
        }
        for end in ends {
            print("\(end.partition) \(end.seq) \(AuditHeads.hexadecimal(end.hash))")
        }
    }
}

struct AuditErase: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Take the personal half out of all records of a user. The chain stays whole.",
        discussion: """
            What was asked, what was answered and by whom is gone for good; that something
            was decided, when, and what it cost stays. It is written down who erased and
            why. DATABASE_MIGRATE_URL is the role that may.

            EXIT STATUS
              0   erased, or there was nothing    64  wrong use
              69  PostgreSQL cannot be reached, or this role may not
            """
    )

    @Argument(help: "The user's id.")
    var id: String

    @Option(help: "Who erases.")
    var by: String

    @Option(help: "Why: the number of his request, say.")
    var reason: String

    func run() async throws {
        let (id, by, reason) = (try User.checked(id), by, reason)
        let rows = try await withDatabase(as: .owner) { pool in
            try await pool.query(
                "SELECT erase_user($1, $2, $3)",
                [.text(id), .text(by), .text(reason)]
            )
        }
        let count = Int(rows.first?.int(0) ?? 0)
        print("erased the personal half of \(Figures.count(count, "record", "records"))")
    }
}

/// Ends of chains, as they are kept outside.
enum AuditHeads {
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// Lines of partition, number and hash.
    static func read(_ path: String) throws(ExitCode) -> [Int: [Int64: [UInt8]]] {
        guard let bytes = InputFile.read(path, bytesMax: 64 << 20) else {
            complain("\(path) cannot be read")
            throw .noInput
        }
        var heads: [Int: [Int64: [UInt8]]] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 3, let partition = Int(words[0]), let seq = Int64(words[1]),
                let hash = digest(words[2])
            else {
                complain("\(path): expected lines of partition, number and hash")
                throw .badInput
            }
            heads[partition, default: [:]][seq] = hash
        }
        return heads
    }

    private static func digest(_ text: Substring) -> [UInt8]? {
        guard text.count == 64 else { return nil }
        var (bytes, rest): ([UInt8], Substring) = ([], text)
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
