import EventLoop
import Foundation
import Gateways
import Redis
import TestSupport

/// What Redis says of its own work for one contestant, from one moment to another.
struct RedisWork {
    /// Requests that ended meanwhile.
    let jobs: Int
    /// Of Redis, in scripts and reads, a request. What a script reads is in both, so it is no less; what
    /// the kernel ran in Redis' place meanwhile is in it too.
    let microsecondsPerJob: Double
    /// All CPU of Redis a request: its network, and the adding of requests, beside its commands.
    let cpuPerJob: Double
}

/// A moment's counts.
private struct Tally {
    let jobs: Int
    let microseconds: Double
    let cpu: Duration
}

extension Stand {
    /// Lets a contestant work on a backlog that is kept at `waiting` entries or more, until `jobs` of
    /// them have ended.
    func work(
        _ jobs: Int,
        of contestant: Contestant,
        waiting: Int
    ) async throws -> RedisWork {
        let before = try await tally(of: contestant)
        var now = before
        var lastChange = ContinuousClock.now
        while now.jobs < before.jobs + jobs {
            try await topUp(contestant, to: waiting)
            try contestant.checkAlive()
            let next = try await tally(of: contestant)
            if next.jobs > now.jobs { lastChange = .now }
            guard ContinuousClock.now - lastChange < Requests.Limits.silence else {
                throw Failure("\(contestant.program.rawValue) is stuck: \(contestant.lastWords)")
            }
            now = next
        }
        let done = now.jobs - before.jobs
        return RedisWork(
            jobs: done,
            microsecondsPerJob: (now.microseconds - before.microseconds) / Double(done),
            cpuPerJob: (now.cpu - before.cpu) / .microseconds(1) / Double(done)
        )
    }

    /// Commands that a contestant sends for one request, counted while `jobs` end. Redis tells each of
    /// them to whoever monitors it, which is slow: nothing else is measured meanwhile.
    func commandsPerJob(_ jobs: Int, of contestant: Contestant) async throws -> Double {
        let file = folder.url.appending(path: "\(contestant.prefix).monitor")
        let addresses = try await addresses(of: contestant)
        let monitor = try ChildProcess(
            ["redis-cli", "-p", "\(redis.port)", "monitor"],
            log: file
        )
        adopt(monitor)
        _ = try await eventually("Redis is monitored") {
            (try? Data(contentsOf: file)).flatMap { $0.isEmpty ? nil : true }
        }
        let before = try await marked("monitor-begins", contestant)
        _ = try await work(jobs, of: contestant, waiting: 1_000)
        let after = try await marked("monitor-ends", contestant)
        // It writes in blocks, and the contestant has enough to do to fill one.
        let told = try await eventually("the monitor has told all") {
            let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            return text.contains("monitor-ends") ? text : nil
        }
        try await end(monitor, within: .zero)
        try FileManager.default.removeItem(at: file)
        let lines = told.split(separator: "\n")
            .drop { !$0.contains("monitor-begins") }
            .prefix { !$0.contains("monitor-ends") }
        let count = lines.count { Self.client(in: $0).map(addresses.contains) == true }
        return Double(count) / Double(after - before)
    }

    /// Who sent a command, by a line as `1700000000.000001 [0 127.0.0.1:40000] "EVALSHA" …`; a script's
    /// own commands are sent by `lua`.
    private static func client(in line: Substring) -> String? {
        guard let open = line.firstIndex(of: "["), let close = line.firstIndex(of: "]") else {
            return nil
        }
        return line[open..<close].split(separator: " ").last.map(String.init)
    }

    /// Leaves a mark among the monitored commands.
    /// - Returns: How many requests have ended at that moment.
    private func marked(_ text: String, _ contestant: Contestant) async throws -> Int {
        let answers = try await connection.pipeline([
            RedisCommand("ECHO", .text(text)),
            RedisCommand("HGET", .text("\(contestant.prefix):{0}:counters"), "finished:normal"),
        ])
        return answers[1].text.flatMap { Int($0) } ?? 0
    }

    /// A command that kept Redis long.
    struct SlowCommand {
        /// The script's name, or the command's.
        let name: String
        let ms: Double
    }

    /// The slowest commands of clients whose names begin so, since the log was emptied.
    func slowCommands(of client: String) async throws -> [SlowCommand] {
        let answer = try await connection.send(RedisCommand("SLOWLOG", "GET", 1_000))
        return (answer.array ?? []).compactMap { entry in
            guard let parts = entry.array, parts.count >= 6, let time = parts[2].int,
                let words = parts[3].array?.compactMap(\.text), let command = words.first,
                parts[5].text?.hasPrefix(client) == true
            else { return nil }
            let hash = command.uppercased() == "EVALSHA" ? words.dropFirst().first : nil
            let script = (Scripts.ofWorkers + Scripts.ofSupervisors).first { $0.hash == hash }
            return SlowCommand(name: script?.name ?? command, ms: Double(time) / 1_000)
        }
    }

    private func addresses(of contestant: Contestant) async throws -> Set<String> {
        let text = try await connection.send(RedisCommand("CLIENT", "LIST")).text ?? ""
        let lines = text.split(separator: "\n").filter { $0.contains("name=strategy-worker:") }
        return Set(
            lines.compactMap { line in
                line.split(separator: " ").first { $0.hasPrefix("addr=") }
                    .map { String($0.dropFirst(5)) }
            }
        )
    }

    private func tally(of contestant: Contestant) async throws -> Tally {
        let answers = try await connection.pipeline([
            RedisCommand(
                "HGET",
                .text("\(contestant.prefix):{0}:counters"),
                "finished:normal"
            ), RedisCommand("INFO", "commandstats"),
        ])
        let text = answers[1].text ?? ""
        let microseconds = text.split(separator: "\r\n")
            .filter { $0.hasPrefix("cmdstat_evalsha:") || $0.hasPrefix("cmdstat_xreadgroup:") }
            .compactMap { line -> Double? in
                line.split(separator: ",").first { $0.hasPrefix("usec=") }
                    .flatMap { Double($0.dropFirst(5)) }
            }
        return Tally(
            jobs: answers[0].text.flatMap { Int($0) } ?? 0,
            microseconds: microseconds.reduce(0, +),
            cpu: try redisCPU()
        )
    }

    /// By commands of its own, not by a script: those are what is counted.
    private func topUp(_ contestant: Contestant, to waiting: Int) async throws {
        let stream = "\(contestant.prefix):{0}:requests:normal"
        let length = try await connection.send(RedisCommand("XLEN", .text(stream))).int ?? 0
        guard length < waiting else { return try await loop.sleep(for: .milliseconds(5)) }
        _ = try await connection.pipeline(
            (0..<200).map { _ in
                let number = nextRequest()
                return RedisCommand(
                    "XADD",
                    .text(stream),
                    "*",
                    "request_id",
                    .text("top-\(number)"),
                    "payload",
                    .text("\(Payload.head)top-\(number)\(Payload.tail)")
                )
            }
        )
    }
}
