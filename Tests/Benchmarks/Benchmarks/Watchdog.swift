import EventLoop
import Foundation
import Glibc
import Redis
import TestSupport

/// The supervisor beside a contestant.
extension Stand {
    private enum Limits {
        /// `HEARTBEAT_TTL` of the supervisor: the workers' own.
        static let heartbeatTTL = 5
        /// For a Redis that is new to the supervisor, until it takes from the dead, and the taking.
        static let reclaim = Duration.seconds(40)
    }

    /// Runs `body` beside a supervisor of the contestant with this prefix.
    func withSupervisor<Value>(
        of prefix: String,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let supervisor = try ChildProcess(
            [folders.program("strategy-supervisor")],
            log: folder.url.appending(path: "\(prefix)-supervisor.log"),
            environment: [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "REDIS_URL": redis.url, "STREAM_PREFIX": prefix, "HEALTH_PORT": "0",
                "HEARTBEAT_TTL": "\(Limits.heartbeatTTL)", "REQUEST_TIMEOUT": "300",
            ]
        )
        adopt(supervisor)
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        try await end(supervisor)
        return try outcome.get()
    }

    /// Kills a worker that has so many requests, and waits until they stand in the retry stream.
    /// - Returns: How many do.
    func reclaim(
        _ count: Int,
        _ requests: Requests,
        from worker: Contestant
    ) async throws -> Int {
        _ = try await requests.add(count)
        let stream = "\(worker.prefix):{0}:requests:normal"
        try await wait(until: "the worker has all that are left") {
            let counts = try await counts(of: stream)
            return counts.pending > 0 && counts.pending == counts.length
        }
        worker.process.signal(SIGKILL)
        let retry = "\(worker.prefix):{0}:requests:retry"
        try await wait(until: "the supervisor has taken back all") {
            let (left, found) = (try await counts(of: stream), try await counts(of: retry))
            return left.pending == 0 && found.length > 0
        }
        return try await counts(of: retry).length
    }

    private func wait(
        until what: String,
        _ isSo: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + Limits.reclaim
        while try await !isSo() {
            guard ContinuousClock.now < deadline else {
                throw Failure("in vain waited until \(what)")
            }
            try await loop.sleep(for: .milliseconds(100))
        }
    }

    private func counts(of stream: String) async throws -> (length: Int, pending: Int) {
        let answers = try await connection.pipeline([
            RedisCommand("XLEN", .text(stream)),
            RedisCommand("XPENDING", .text(stream), "workers"),
        ])
        return (answers[0].int ?? 0, answers[1].array?.first?.int ?? 0)
    }
}
