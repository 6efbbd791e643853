import ArgumentParser
import Crypto
import Desk
import JSON
import Migrations
import Postgres

/// The schema of PostgreSQL, step by step.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or change the schema of PostgreSQL.",
        discussion: """
            Steps are numbered, and each is one transaction. What is applied is written
            down with a checksum: a step that was changed since is refused. One command
            at a time; others wait. No step waits for a lock for longer than 5 seconds:
            run it again when it gave up.

              strategyctl migrate
              strategyctl migrate up
              strategyctl migrate down --to 2 --yes

            DATABASE_MIGRATE_URL is the role that owns the schema; else DATABASE_URL.

            EXIT STATUS
              0   done; status: nothing is left to apply
              1   status: something is    65  a step was changed since it was applied
              64  wrong use    69  PostgreSQL cannot be reached, or refused
            """,
        subcommands: [MigrateStatus.self, MigrateUp.self, MigrateDown.self],
        defaultSubcommand: MigrateStatus.self
    )
}

struct MigrateStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Print the steps, and which of them are applied."
    )

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let applied = try await withDatabase(as: .owner) { pool in
            try await pool.withConnection { (connection) throws(PostgresError) in
                try await Schema.applied(connection)
            }
        }
        let rows = Migration.all.map { ($0, applied[$0.number]) }
        if json {
            printJSON { writer in
                writer.object { writer in
                    writer.array("migrations", rows) { writer, row in
                        writer.object { writer in
                            writer.field("number", row.0.number)
                            writer.field("name", row.0.name)
                            writer.field("applied", row.1 != nil)
                            writer.field("changed", row.1.map { $0 != row.0.checksum } ?? false)
                        }
                    }
                }
            }
        } else {
            for (step, checksum) in rows {
                let state =
                    checksum.map { $0 == step.checksum ? "applied" : Ink.red("changed since") }
                    ?? Ink.yellow("to be applied")
                print("  \(step.label)  \(state)")
            }
        }
        if rows.contains(where: { $0.1 != $0.0.checksum }) { throw ExitCode.negative }
    }
}

struct MigrateUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Apply what is not applied yet."
    )

    @Option(help: "The last step to apply; by default all.")
    var to: Int?

    func run() async throws {
        let target = to ?? Int.max
        let done = try await Schema.changing { connection in
            var done: [String] = []
            let applied = try await Schema.applied(connection)
            try Schema.check(applied)
            for step in Migration.all where step.number <= target && applied[step.number] == nil {
                try await Schema.apply(step, connection)
                done.append(step.label)
            }
            return done
        }
        for label in done { print("applied  \(label)") }
        if done.isEmpty { print("nothing to apply") }
    }
}

struct MigrateDown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Take back the last step, or all after --to. What they hold is lost."
    )

    @Option(help: "The last step that stays; 0 takes all back.")
    var to: Int?

    @Flag(help: "Do it: without this it only says what would be lost.")
    var yes = false

    func run() async throws {
        let (to, yes) = (to, yes)
        let done = try await Schema.changing { connection in
            let applied = try await Schema.applied(connection)
            try Schema.check(applied)
            let last = applied.keys.max() ?? 0
            let steps = Migration.all.reversed().filter {
                applied[$0.number] != nil && $0.number > to ?? (last - 1)
            }
            guard yes else { return steps.map(\.label) }
            for step in steps { try await Schema.takeBack(step, connection) }
            return steps.map(\.label)
        }
        for label in done { print(yes ? "taken back  \(label)" : "would take back  \(label)") }
        if done.isEmpty { print("nothing to take back") }
        if !yes, !done.isEmpty {
            complain("all that these hold would be lost: add --yes to do it")
            throw ExitCode.usage
        }
    }
}

extension Migration {
    /// `0001 ledger`.
    var label: String {
        let digits = String(number)
        return String(repeating: "0", count: max(4 - digits.count, 0)) + digits + " " + name
    }

    /// Of what is applied: SHA-256, in hexadecimal.
    var checksum: String {
        SHA256.hash(data: up).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

/// What is applied, and how that changes.
enum Schema {
    /// Any number that nothing else in the database locks.
    private static let lock: Int64 = 0x7374_7261_7465_6779

    /// Checksums of what is applied, by number; none in an empty database.
    static func applied(
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> [Int: String] {
        let table = try await connection.query(
            "SELECT to_regclass('public.schema_migrations') IS NOT NULL"
        )
        guard table.first?.bool(0) == true else { return [:] }
        let rows = try await connection.query(
            "SELECT number, checksum FROM schema_migrations ORDER BY number"
        ).rows
        return rows.reduce(into: [:]) { all, row in
            if let number = row.int(0) { all[Int(number)] = row.text(1) ?? "" }
        }
    }

    /// - Throws: A status, when a step is not what was applied, or one was applied that is not known.
    static func check(_ applied: [Int: String]) throws(ExitCode) {
        for (number, checksum) in applied.sorted(by: { $0.key < $1.key }) {
            guard let step = Migration.all.first(where: { $0.number == number }) else {
                complain("step \(number) is applied, and this release does not know it")
                throw .badInput
            }
            guard step.checksum == checksum else {
                complain("\(step.label) was changed since it was applied")
                throw .badInput
            }
        }
    }

    /// Runs `body` while nobody else changes the schema.
    static func changing<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await withDatabase(as: .owner) { pool in
            let outcome: Result<Value, any Error> = try await pool.withConnection {
                (connection) throws(PostgresError) in
                try await connection.query("SELECT pg_advisory_lock($1)", [.int(lock)])
                try await connection.script(
                    """
                    SET lock_timeout = '5s';
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT now()
                    )
                    """
                )
                let outcome: Result<Value, any Error>
                do { outcome = .success(try await body(connection)) } catch {
                    outcome = .failure(error)
                }
                // Where this fails the connection has ended, and the lock with it.
                do throws(PostgresError) {
                    try await connection.query("SELECT pg_advisory_unlock($1)", [.int(lock)])
                } catch {}
                return outcome
            }
            return try outcome.get()
        }
    }

    static func apply(_ step: Migration, _ connection: PostgresConnection) async throws {
        try await run(
            step,
            step.up,
            "INSERT INTO schema_migrations (number, name, checksum) VALUES "
                + "(\(step.number), '\(step.name)', '\(step.checksum)')",
            connection
        )
    }

    static func takeBack(_ step: Migration, _ connection: PostgresConnection) async throws {
        try await run(
            step,
            step.down,
            "DELETE FROM schema_migrations WHERE number = \(step.number)",
            connection
        )
    }

    private static func run(
        _ step: Migration,
        _ sql: [UInt8],
        _ note: String,
        _ connection: PostgresConnection
    ) async throws {
        let text = String(decoding: sql, as: UTF8.self)
        do throws(PostgresError) {
            try await connection.script("BEGIN;\n\(text);\n\(note);\nCOMMIT")
        } catch {
            complain("\(step.label) failed, and nothing of it stands")
            do throws(PostgresError) { try await connection.script("ROLLBACK") } catch {}
            throw error
        }
    }
}
