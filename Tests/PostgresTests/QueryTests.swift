import EventLoop
import Postgres
import TestSupport
import Testing

/// Statements against a real server: values, errors, pipelines, copies, transactions.
@Suite struct QueryTests {
    @Test func `values of every kind go there and come back, bytes untouched`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            let bytes = (0...255).map { UInt8($0) }
            let text = "O'Brien \\ \"x\" \n ü €"
            let row = try #require(
                try await pool.query(
                    "SELECT $1::bytea, $2::text, $3::bigint, $4::float8, $5::boolean, $6::text",
                    [.bytes(bytes), .text(text), .int(Int64.min), .double(0.1), .bool(true), .null]
                ).first
            )
            #expect(row.bytes(0) == bytes)
            #expect(row.text(1) == text)
            #expect(row.int(2) == Int64.min)
            #expect(row.double(3) == 0.1)
            #expect(row.bool(4) == true)
            #expect(row.isNull(5))
        }
    }

    @Test func `lists keep their order, their emptiness and their gaps`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            let rows = try await pool.query(
                "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::float8[], "
                    + "$5::boolean[]) AS t (a, b, c, d, e)",
                [
                    .texts(["{a,b}", nil, ""]), .ints([1, -1, nil]),
                    .bytesList([[0, 255], [], nil]),
                    .doubles([nil, 1.5, -0.0]), .bools([true, false, true]),
                ]
            ).rows
            #expect(rows.map { $0.text(0) } == ["{a,b}", nil, ""])
            #expect(rows.map { $0.int(1) } == [1, -1, nil])
            #expect(rows.map { $0.bytes(2) } == [[0, 255], [], nil])
            #expect(rows.map { $0.double(3) } == [nil, 1.5, -0.0])
            #expect(rows.map { $0.bool(4) } == [true, false, true])
            let none = try await pool.query("SELECT * FROM unnest($1::text[])", [.texts([])])
            #expect(none.rows.isEmpty)
        }
    }

    @Test func `an error has its SQLSTATE, and says nothing of values`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            try await pool.query("CREATE TABLE t (name text CONSTRAINT only_once PRIMARY KEY)")
            try await pool.query("INSERT INTO t VALUES ($1)", [.text("secret-person")])
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("INSERT INTO t VALUES ($1)", [.text("secret-person")])
            }
            guard case .server(let refusal) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(refusal.state == .uniqueViolation)
            #expect(refusal.constraint == "only_once")
            #expect(!"\(refusal)".contains("secret-person"))
            // The connection goes on.
            #expect(try await pool.query("SELECT count(*) FROM t").first?.int(0) == 1)
        }
    }

    @Test func `a pipeline is one: when one of it fails, nothing of it stands`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            try await pool.query("CREATE TABLE t (n bigint PRIMARY KEY)")
            let answers = try await pool.withConnection { (connection) throws(PostgresError) in
                try await connection.pipeline([
                    insert(1), insert(2), PostgresStatement("SELECT sum(n)::bigint FROM t"),
                ])
            }
            #expect(answers.map(\.affected) == [1, 1, 1])
            #expect(answers[2].first?.int(0) == 3)
            let error = await refusal { () throws(PostgresError) in
                try await pool.withConnection { (connection) throws(PostgresError) in
                    try await connection.pipeline([insert(3), insert(1), insert(4)])[0]
                }
            }
            #expect(error?.state == .uniqueViolation)
            #expect(try await pool.query("SELECT count(*) FROM t").first?.int(0) == 2)
        }
    }

    @Test func `a pipeline larger than every buffer does not stand still`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            let large = [UInt8](repeating: 7, count: 1 << 20)
            let answers = try await pool.withConnection { (connection) throws(PostgresError) in
                try await connection.pipeline(
                    (0..<24).map { _ in PostgresStatement("SELECT $1::bytea", [.bytes(large)]) }
                )
            }
            #expect(answers.allSatisfy { $0.first?.bytes(0) == large })
        }
    }

    @Test func `rows are copied in, and bad ones refused as a whole`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            try await pool.query("CREATE TABLE t (n bigint, name text)")
            let chunks = Chunks((0..<20_000).map { "\($0)\tname \($0)\n" })
            let count = try await pool.withConnection { (connection) throws(PostgresError) in
                try await connection.copyIn("COPY t FROM STDIN") { chunks.next() }
            }
            #expect(count == 20_000)
            #expect(
                try await pool.query("SELECT sum(n)::bigint FROM t").first?.int(0) == 199_990_000
            )
            let bad = Chunks(["1\tone\n", "x\ttwo\n"])
            let error = await refusal { () throws(PostgresError) in
                try await pool.withConnection { (connection) throws(PostgresError) in
                    _ = try await connection.copyIn("COPY t FROM STDIN") { bad.next() }
                    return PostgresRows.none
                }
            }
            #expect(error?.state == SQLState(rawValue: "22P02"))
            #expect(try await pool.query("SELECT count(*) FROM t").first?.int(0) == 20_000)
        }
    }

    @Test func `a transaction that fails leaves nothing, and none is left open`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server, options { $0.connectionsMax = 1 }) { pool, _ in
            try await pool.query("CREATE TABLE t (n bigint PRIMARY KEY)")
            let error = await refusal { () throws(PostgresError) in
                try await pool.withTransaction { (connection) throws(PostgresError) in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    return try await connection.query("INSERT INTO t VALUES (1)")
                }
            }
            #expect(error?.state == .uniqueViolation)
            #expect(try await pool.query("SELECT count(*) FROM t").first?.int(0) == 0)
            // Whoever begins one by hand and forgets it leaves it to nobody.
            try await pool.withConnection { (connection) throws(PostgresError) in
                try await connection.query("BEGIN", isPrepared: false)
                try await connection.query("INSERT INTO t VALUES (2)")
            }
            #expect(try await pool.query("SELECT count(*) FROM t").first?.int(0) == 0)
            let open = try await pool.query(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            )
            #expect(open.first?.int(0) == 0)
        }
    }

    @Test func `no password is ever printed`() throws {
        let url = "postgresql://me:s3cret@db.example:5433/books?sslmode=require&password=s3cret"
        let address = try PostgresAddress(url: url)
        #expect("\(address)" == "postgresql://me@db.example:5433/books")
        #expect(throws: PostgresAddressError.self) {
            try PostgresAddress(
                url: "postgresql://me:s3cret@host:port with space/x?nonsense=s3cret"
            )
        }
        do {
            _ = try PostgresAddress(url: "password=s3cret nonsense")
        } catch {
            #expect(!"\(error)".contains("s3cret"))
        }
    }
}

private func insert(_ n: Int64) -> PostgresStatement {
    PostgresStatement("INSERT INTO t VALUES ($1)", [.int(n)])
}

extension PostgresError {
    /// The SQLSTATE, where it is the server's.
    var state: SQLState? {
        if case .server(let error) = self { error.state } else { nil }
    }
}
