import EventLoop
import Glibc
import Redis
import Synchronization
import TestSupport
import Testing

/// What a connection did, in order, for tests to wait for.
final class History: Sendable {
    private let states = Mutex<[RedisConnection.State]>([])

    func add(_ state: RedisConnection.State) { states.withLock { $0.append(state) } }
    var all: [RedisConnection.State] { states.withLock { $0 } }

    var losses: [RedisLoss] {
        all.compactMap { if case .resting(_, let loss) = $0 { loss } else { nil } }
    }
}

extension EventLoop {
    /// Suspends until `condition` holds, looking each millisecond. Gives up after 20 seconds, which
    /// no test needs on any machine.
    func until(
        _ condition: () async -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let giveUp = ContinuousClock.now + .seconds(20)
        while !(await condition()) {
            guard ContinuousClock.now < giveUp else {
                Issue.record("the awaited state did not come", sourceLocation: sourceLocation)
                return
            }
            try await sleep(for: .milliseconds(1))
        }
    }
}

/// Options for tests: quick to give up, quick to come back.
func briskOptions(_ change: (inout RedisOptions) -> Void = { _ in }) -> RedisOptions {
    var options = RedisOptions()
    options.restMax = .milliseconds(100)
    change(&options)
    return options
}

/// Runs `body` on a loop of its own with a running connection, and ends both.
///
/// That the loop traps on whatever is left watched or scheduled makes every test a test of that.
func withConnection<Value: Sendable>(
    to url: String,
    options: RedisOptions = briskOptions(),
    history: History = History(),
    _ body: @escaping @Sendable (RedisConnection, EventLoop) async throws -> Value
) async throws -> Value {
    try await EventLoop.run { loop in
        let dice = Mutex(Dice(seed: 1))
        let connection = try RedisConnection(
            to: RedisEndpoint(url: url),
            on: loop,
            options: options,
            random: { bound in dice.withLock { UInt64($0.roll(Int(bound))) } },
            onChange: { history.add($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await connection.run() }
            defer { group.cancelAll() }
            return try await body(connection, loop)
        }
    }
}

/// The error that `body` throws; a failure of the test when it throws none.
func redisError(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws(RedisError) -> some Any
) async -> RedisError? {
    do throws(RedisError) {
        let value = try await body()
        let text = "\(value)".prefix(200)
        Issue.record("no error, but \(text)", sourceLocation: sourceLocation)
        return nil
    } catch { return error }
}

/// Open descriptors of this process that are sockets.
func openSockets() -> Int {
    var count = 0
    for fd in 0..<Int32(1_024) {
        var status = stat()
        if unsafe fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { count += 1 }
    }
    return count
}
