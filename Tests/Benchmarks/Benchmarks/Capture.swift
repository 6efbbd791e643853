import Foundation
import Synchronization
import TestSupport

/// What the worker really sends for the seed's request: its body to the model, and its answer.
/// The C program sends the same bytes.
enum Capture {
    static func run(on stand: Stand) async throws -> Stand.Captured {
        let captured = Stand.Captured(
            body: try await body(on: stand),
            answer: try await answer(stand)
        )
        for (name, bytes) in [("body.json", captured.body), ("answer.json", captured.answer)] {
            try Data(bytes).write(to: stand.folder.url.appending(path: name))
        }
        return captured
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

    private static func answer(_ stand: Stand) async throws -> [UInt8] {
        try await stand.withSimulator(latencyMs: 0) { port in
            let settings = Contestant.Settings(slots: 1, baseURL: "http://127.0.0.1:\(port)/v1")
            return try await stand.withContestants([.worker], settings) { contestants in
                let requests = Requests(to: contestants[0], on: stand)
                let arrivals = [try await requests.addOne(0)]
                try await requests.drain()
                let payload = try await requests.answerPayload(0)
                _ = try await requests.harvest(arrivals)
                return payload
            }
        }
    }
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
