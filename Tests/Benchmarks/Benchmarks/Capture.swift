import Foundation
import Synchronization
import TestSupport

/// What the worker really sends for the seed's request: its body to the model, its commands to Redis,
/// its answer. The C program sends the same bytes, and so does the same work on every wire.
enum Capture {
    static func run(on stand: Stand) async throws -> Stand.Captured {
        let body = try await body(on: stand)
        let (answer, steps) = try await answer(stand)
        for (name, bytes) in [("body.json", body), ("steps", steps)] {
            try Data(bytes).write(to: stand.folder.url.appending(path: name))
        }
        return Stand.Captured(body: body, answer: answer)
    }

    /// Lets a worker ask a peer that keeps what it is asked.
    private static func body(on stand: Stand) async throws -> [UInt8] {
        let peer = try ScriptedPeer { connection in
            while let request = connection.readRequest() {
                _ = request
                connection.answer("{}", status: "503 Service Unavailable")
            }
        }
        let settings = Contestant.Settings(slots: 1, baseURL: peer.url("/v1"))
        let outcome: Result<[UInt8], any Error>
        do {
            let body = try await stand.withContestants([.worker], settings) { contestants in
                let requests = Requests(to: contestants[0], on: stand)
                _ = try await requests.addOne(0)
                return try await stand.eventually("the worker asks its model") {
                    peer.record.requests.first { $0.line.hasPrefix("POST") }?.body
                }
            }
            outcome = .success(body)
        } catch {
            outcome = .failure(error)
        }
        await peer.stop()
        return try outcome.get()
    }

    /// Of one request: its answer, and what the worker said to Redis on the way.
    private static func answer(_ stand: Stand) async throws -> (answer: [UInt8], steps: [UInt8]) {
        try await stand.withSimulator(latencyMs: 0) { port in
            let settings = Contestant.Settings(
                slots: 1,
                baseURL: "http://127.0.0.1:\(port)/v1",
                consumer: "yardstick"
            )
            return try await stand.withContestants([.worker], settings) { contestants in
                let requests = Requests(to: contestants[0], on: stand)
                let monitor = try await Monitor(on: stand)
                let arrivals = [try await requests.addOne(sample)]
                try await requests.drain()
                let payload = try await requests.answerPayload(sample)
                let steps = try await monitor.steps(
                    of: "r\(sample)",
                    user: "bench-\(sample)",
                    prefix: contestants[0].prefix
                )
                _ = try await requests.harvest(arrivals, from: sample)
                return (payload, steps)
            }
        }
    }

    /// A number that stands in nothing else that is said.
    private static let sample = 918_273_645
}

extension Stand {
    /// With what the figures were made.
    func versions() async throws -> [String: String] {
        var versions = [
            "redis": try await redisInfo("redis_version") ?? "unknown",
            "worker": try await says([folders.program("strategy-worker"), "--version"]),
            "C program": try await says([folders.yardstick, "--version"]),
            "nginx": try await says(["/usr/sbin/nginx", "-v"]),
            "kernel": try await says(["uname", "-sr"]),
            "commit": try await says(["git", "-C", folders.repositoryPath, "rev-parse", "HEAD"]),
        ]
        let model = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            .split(separator: "\n").first { $0.hasPrefix("model name") }
        versions["processor"] = model?.split(separator: ":").last
            .map { $0.trimmingCharacters(in: .whitespaces) }
        return versions
    }

    /// The first line that a program writes.
    private func says(_ command: [String]) async throws -> String {
        let file = folder.url.appending(path: "says")
        try? FileManager.default.removeItem(at: file)
        return try await offLoop {
            try ChildProcess(command, log: file).reap()
            let text = try String(contentsOf: file, encoding: .utf8)
            return text.split(separator: "\n").first.map(String.init) ?? "unknown"
        }
    }
}
