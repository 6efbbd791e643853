import EventLoop
import Postgres
import TestSupport
import Testing

/// What a caller sees of a server that is stopped, killed, slow, read-only or full.
@Suite struct PostgresFaultTests {
    @Test func `a server that is not there is told at once, and found when it comes`() async throws
    {
        let server = try await PostgresServer()
        defer { server.kill() }
        server.stop()
        try await withPool(to: server) { pool, loop in
            let first = await refusal { () throws(PostgresError) in try await pool.query("SELECT 1")
            }
            guard case .notConnected = first else {
                Issue.record("\(String(describing: first))")
                return
            }
            // While it rests nobody is kept waiting.
            let second = await refusal { () throws(PostgresError) in
                try await pool.query("SELECT 1")
            }
            #expect(second?.isOutage == true)
            try await server.start()
            #expect(try await untilAnswered(pool, loop).first?.int(0) == 1)
        }
    }

    @Test
    func `a statement under way fails when its server is killed, and the next finds the new one`()
        async throws
    {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, loop in
            try await pool.query("SELECT 1")
            async let slow = refusal { () throws(PostgresError) in
                try await pool.query("SELECT pg_sleep(30)")
            }
            try await untilRunning("pg_sleep", in: server, loop)
            server.kill()
            let error = await slow
            #expect(error?.isOutage == true, "\(String(describing: error))")
            try await server.start()
            #expect(try await untilAnswered(pool, loop).first?.int(0) == 1)
        }
    }

    @Test func `an idle connection that the server has closed is not handed out`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            try await pool.query("SELECT 1")
            server.stop()
            try await server.start()
            #expect(try await pool.query("SELECT 2").first?.int(0) == 2)
        }
    }

    @Test func `a slow statement is broken off at its limit, in the server as well`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, loop in
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("SELECT pg_sleep(60)", limit: .milliseconds(50))
            }
            #expect(error == .timedOut)
            try await untilNotRunning("pg_sleep", in: server, loop)
        }
        try await withPool(to: server, options { $0.statementTimeLimit = .milliseconds(50) }) {
            pool,
            _ in
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("SELECT pg_sleep(60)")
            }
            #expect(error?.state == .queryCanceled)
        }
    }

    @Test func `a cancelled task's statement is cancelled in the server`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server) { pool, loop in
            try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                group.addTask {
                    await refusal { () throws(PostgresError) in
                        try await pool.query("SELECT pg_sleep(60)")
                    }
                }
                try await untilRunning("pg_sleep", in: server, loop)
                group.cancelAll()
                #expect(try await group.next() == .cancelled)
            }
            try await untilNotRunning("pg_sleep", in: server, loop)
            #expect(try await pool.query("SELECT 1").first?.int(0) == 1)
        }
    }

    @Test func `a server that may only be read says so, and that is an outage for who writes`()
        async throws
    {
        let server = try await PostgresServer(["default_transaction_read_only": "on"])
        defer { server.kill() }
        try await withPool(to: server) { pool, _ in
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("CREATE TABLE t (n int)")
            }
            #expect(error?.state == .readOnly)
            #expect(error?.isOutage == true)
            let answer = try await pool.query("SELECT 1")
            #expect(answer.first?.int(0) == 1)
        }
    }

    @Test func `a server without connections to spare is told of, and asked again later`()
        async throws
    {
        let server = try await PostgresServer([
            "max_connections": "3", "superuser_reserved_connections": "0",
        ])
        defer { server.kill() }
        try await withPool(to: server, options { $0.connectionsMax = 3 }) { pool, loop in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { try await pool.query("SELECT pg_sleep(60)") }
                }
                try await untilConnections(3, of: server, loop)
                try await withPool(to: server) { other, _ in
                    let error = await refusal { () throws(PostgresError) in
                        try await other.query("SELECT 1")
                    }
                    #expect(error?.isOutage == true)
                    #expect("\(String(describing: error))".contains("too many clients"))
                }
                group.cancelAll()
                while true {
                    do { if try await group.next() == nil { break } } catch {}
                }
            }
            #expect(try await untilAnswered(pool, loop).first?.int(0) == 1)
        }
    }

    @Test func `who finds all connections in use waits in line, and in vain only for so long`()
        async throws
    {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(to: server, options { $0.connectionsMax = 1 }) { pool, _ in
            let answers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<20 as Range<Int64> {
                    group.addTask {
                        try await pool.query("SELECT $1::bigint", [.int(number)]).first?.int(0)
                            ?? -1
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(answers == Set(0..<20))
        }
    }

    @Test func `names are resolved off the loop, and what leads nowhere is told`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(url: "postgresql://postgres@localhost:\(server.port)/postgres") {
            pool,
            _ in
            let answer = try await pool.query("SELECT 1")
            #expect(answer.first?.int(0) == 1)
        }
        try await withPool(url: "postgresql://postgres@nowhere.invalid/postgres") { pool, _ in
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("SELECT 1")
            }
            #expect("\(String(describing: error))".contains("nowhere.invalid"))
        }
    }

    @Test func `sslmode=require is refused by a server without TLS`() async throws {
        let server = try await PostgresServer()
        defer { server.kill() }
        try await withPool(url: server.url + "?sslmode=require") { pool, _ in
            let error = await refusal { () throws(PostgresError) in
                try await pool.query("SELECT 1")
            }
            #expect("\(String(describing: error))".contains("SSL"))
        }
    }
}

// MARK: - Waiting for states

private func count(_ condition: String, in server: PostgresServer) async throws -> Int {
    Int(
        try await server.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND \(condition)"
        ).trimmingPrefix { $0.isWhitespace }.prefix { $0.isNumber }
    ) ?? -1
}

private func until(
    _ loop: EventLoop,
    _ holds: () async throws -> Bool
) async throws {
    for _ in 0..<500 {
        if try await holds() { return }
        try await loop.sleep(for: .milliseconds(20))
    }
    Issue.record("it never came to that")
}

private func untilRunning(
    _ text: String,
    in server: PostgresServer,
    _ loop: EventLoop
) async throws {
    try await until(loop) {
        try await count("state = 'active' AND query LIKE '%\(text)%'", in: server) > 0
    }
}

private func untilNotRunning(
    _ text: String,
    in server: PostgresServer,
    _ loop: EventLoop
) async throws {
    try await until(loop) {
        try await count("state = 'active' AND query LIKE '%\(text)%'", in: server) == 0
    }
}

/// Asked by nobody's connection: the server has none to spare.
private func untilConnections(
    _ number: Int,
    of server: PostgresServer,
    _ loop: EventLoop
) async throws {
    try await until(loop) {
        do {
            try await server.sql("SELECT 1")
            return false
        } catch { return true }
    }
}
