import ArgumentParser
import EventLoop
import Postgres

/// Which of the database's roles a command is.
enum DatabaseRole {
    /// Looks, where the service's readers look: `DATABASE_READ_URL`, else `DATABASE_URL`.
    case reader
    /// Changes what the service may change: `DATABASE_URL`.
    case service
    /// Owns the schema: `DATABASE_MIGRATE_URL`, else `DATABASE_URL`.
    case owner

    var variables: [String] {
        switch self {
        case .reader: ["DATABASE_READ_URL", "DATABASE_URL"]
        case .service: ["DATABASE_URL"]
        case .owner: ["DATABASE_MIGRATE_URL", "DATABASE_URL"]
        }
    }
}

/// Runs `body` with connections to PostgreSQL on a loop; refusals and absence are told, and are a
/// status.
func withDatabase<Value: Sendable>(
    as role: DatabaseRole,
    _ surroundings: Surroundings,
    on loop: EventLoop,
    _ body: @escaping @Sendable (PostgresPool) async throws -> Value
) async throws -> Value {
    let address = try surroundings.database(role)
    var options = PostgresOptions()
    options.applicationName = "strategyctl"
    options.statementTimeLimit = .seconds(600)
    let pool = PostgresPool(
        to: address,
        on: loop,
        options: options,
        random: { .random(in: 0..<$0) }
    )
    let outcome: Result<Value, any Error>
    do {
        outcome = .success(try await body(pool))
    } catch {
        outcome = .failure(error)
    }
    await pool.close()
    do {
        return try outcome.get()
    } catch let error as PostgresError {
        complain("\(error) (\(address))")
        throw Database.status(of: error)
    }
}

/// The same without a loop of one's own.
func withDatabase<Value: Sendable>(
    as role: DatabaseRole,
    _ body: @escaping @Sendable (PostgresPool) async throws -> Value
) async throws -> Value {
    let surroundings = try Surroundings()
    return try await EventLoop.run(named: "strategyctl") { loop in
        try await withDatabase(as: role, surroundings, on: loop, body)
    }
}

enum Database {
    static func status(of error: PostgresError) -> ExitCode {
        guard case .server(let refusal) = error else { return .unavailable }
        if refusal.state == .undefinedTable {
            complain("the schema is not there: strategyctl migrate up")
        }
        return .unavailable
    }
}
