import EventLoop
import Postgres
import TestSupport
import Testing

/// The options of a test, changed in one thing.
func options(_ change: (inout PostgresOptions) -> Void = { _ in }) -> PostgresOptions {
    var options = PostgresOptions()
    options.restMax = .milliseconds(20)
    change(&options)
    return options
}

/// Runs `body` with a pool of connections to a server.
func withPool<Value: Sendable>(
    to server: PostgresServer,
    _ options: PostgresOptions = options(),
    _ body: @escaping @Sendable (PostgresPool, EventLoop) async throws -> Value
) async throws -> Value {
    try await withPool(url: server.url, options, body)
}

func withPool<Value: Sendable>(
    url: String,
    _ options: PostgresOptions = options(),
    _ body: @escaping @Sendable (PostgresPool, EventLoop) async throws -> Value
) async throws -> Value {
    let address = try PostgresAddress(url: url)
    return try await EventLoop.run { loop in
        let pool = PostgresPool(to: address, on: loop, options: options, random: { $0 / 2 })
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body(pool, loop)) } catch { outcome = .failure(error) }
        await pool.close()
        return try outcome.get()
    }
}

/// What a statement is refused with; nil when it is not.
func refusal(
    _ act: () async throws(PostgresError) -> PostgresRows
) async -> PostgresError? {
    if case .failure(let error) = await outcome(act) { error } else { nil }
}

private func outcome(
    _ act: () async throws(PostgresError) -> PostgresRows
) async -> Result<PostgresRows, PostgresError> {
    do throws(PostgresError) { return .success(try await act()) } catch { return .failure(error) }
}

/// Asks again until the server answers, as a caller does who waits for it to come back.
func untilAnswered(_ pool: PostgresPool, _ loop: EventLoop) async throws -> PostgresRows {
    for _ in 0..<500 {
        switch await outcome({ () throws(PostgresError) in try await pool.query("SELECT 1") }) {
        case .success(let rows): return rows
        case .failure(let error):
            guard error.isOutage else { throw error }
            let rest = await pool.restLeft ?? .milliseconds(20)
            try await loop.sleep(for: rest)
        }
    }
    throw PostgresError.notConnected("it never came back")
}
