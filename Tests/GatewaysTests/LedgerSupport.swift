import Contract
import EventLoop
import Gateways
import Migrations
import Postgres
import TestSupport
import Testing

/// A real PostgreSQL with the service's roles and schema.
struct LedgerRig: Sendable {
    let server: PostgresServer
    let loop: EventLoop
    let service: PostgresPool

    var store: LedgerStore { LedgerStore(pool: service, partition: 0) }

    func url(_ role: String, _ password: String) -> String {
        server.url(user: role, password: password, database: "strategy")
    }

    /// SQL of the role that owns everything, superuser's triggers off where asked.
    @discardableResult
    func admin(_ sql: String, withoutTriggers: Bool = false) async throws -> String {
        let before = withoutTriggers ? "SET session_replication_role = replica; " : ""
        return try await server.sql(before + sql, as: url("postgres", ""))
    }

    /// What a role is refused with; nil when it may.
    func refusal(_ role: String, _ password: String, _ sql: String) async throws -> SQLState? {
        try await withPool(role, password) { pool in
            do throws(PostgresError) {
                try await pool.query(sql)
                return nil
            } catch {
                guard case .server(let refusal) = error else { throw error }
                return refusal.state
            }
        }
    }

    func withPool<Value: Sendable>(
        _ role: String,
        _ password: String,
        _ body: @Sendable (PostgresPool) async throws -> Value
    ) async throws -> Value {
        let pool = PostgresPool(
            to: try PostgresAddress(url: url(role, password)),
            on: loop,
            random: { $0 / 2 }
        )
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body(pool)) } catch { outcome = .failure(error) }
        await pool.close()
        return try outcome.get()
    }

    /// Walks the chain of partition 0, and answers what is wrong.
    func walk() async throws -> AuditWalk.Flaw? {
        try await AuditTrail(pool: service).inOneMoment { (connection) throws(PostgresError) in
            guard let end = try await AuditTrail.ends(connection).first else { return nil }
            var walk = AuditWalk(partition: 0)
            while true {
                let page = try await AuditTrail.page(of: 0, after: walk.seq, connection)
                do throws(AuditWalk.Flaw) {
                    for entry in page { try walk.take(entry) }
                    guard page.isEmpty else { continue }
                    try walk.finish(at: end)
                    return nil
                } catch { return error }
            }
        }
    }
}

func withLedger(_ body: @escaping @Sendable (LedgerRig) async throws -> Void) async throws {
    let server = try await PostgresServer()
    defer { server.kill() }
    try await server.prepare(roles: ProjectFiles.rolesSQL)
    try await EventLoop.run { loop in
        let owner = server.url(user: "strategy_migrate", password: "m", database: "strategy")
        let migrating = PostgresPool(
            to: try PostgresAddress(url: owner),
            on: loop,
            random: { $0 / 2 }
        )
        for step in Migration.all { try await apply(step.up, migrating) }
        await migrating.close()
        let address = server.url(user: "strategy_service", password: "s", database: "strategy")
        let service = PostgresPool(
            to: try PostgresAddress(url: address),
            on: loop,
            random: { $0 / 2 }
        )
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(
                try await body(LedgerRig(server: server, loop: loop, service: service))
            )
        } catch { outcome = .failure(error) }
        await service.close()
        try outcome.get()
    }
}

func apply(_ sql: [UInt8], _ pool: PostgresPool) async throws {
    try await pool.withConnection { (connection) throws(PostgresError) in
        try await connection.script("BEGIN;\n\(String(decoding: sql, as: UTF8.self));\nCOMMIT")
    }
}

/// Rows as scripts write them, one a millisecond.
func ledgerRows(_ numbers: Range<Int>, user: String = "u1", now: Int64) -> [LedgerRow] {
    numbers.compactMap { number in
        let call = """
            [{"reservation":"0:r\(number):1:1","model":"gpt-4-0125-preview","prompt_tokens":800,\
            "cached_tokens":0,"completion_tokens":200,"cost_nanousd":14000000}]
            """
        let fields: [(String, String)] = [
            ("request_id", "r\(number)"), ("user", user), ("attempt", "1"), ("terminal", "1"),
            ("admitted", "1"), ("event", "result"), ("code", ""), ("payer", "user"),
            ("cost_nanousd", "14000000"), ("estimated", "0"), ("facts", call),
            ("at", "\(now + Int64(number))"),
            ("payload", #"{"source":"model","degraded":null,"validation":{"score":0.97}}"#),
            ("record", #"{"v":1}"#),
        ]
        return LedgerRow(
            id: EntryID(milliseconds: UInt64(now + Int64(number)), sequence: 0),
            fields.map { (Array($0.0.utf8), Array($0.1.utf8)) }
        )
    }
}
