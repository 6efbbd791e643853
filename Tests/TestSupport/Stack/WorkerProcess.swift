import Foundation
import Glibc
import Synchronization

/// A `strategy-worker` of the test's own: the built binary, with its log and its health port.
package final class WorkerProcess: Sendable {
    private let process: ChildProcess
    private let folder: TemporaryDirectory
    /// Its exit status once it was seen: from then on its number may be another process'.
    private let status = Mutex<Int32?>(nil)

    /// Starts it; it may still be on its way, or have ended, when this returns.
    ///
    /// - Parameter environment: All that it sees, beside a free health port.
    package init(environment: [String: String]) throws {
        folder = try TemporaryDirectory()
        // Tests' servers keep no file unless they say so.
        let whole = [
            "HEALTH_PORT": "0", "HEALTH_PORT_FILE": folder.path("port"),
            "AUDIT_MODE": "best_effort",
        ]
        .merging(["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]) {
            $1
        }
        .merging(environment) { $1 }
        process = try ChildProcess(
            [try BuiltProducts.url(of: "strategy-worker").path],
            log: folder.url.appendingPathComponent("log"),
            environment: whole
        )
    }

    /// All that it has said so far.
    package var log: String {
        (try? String(contentsOf: folder.url.appendingPathComponent("log"), encoding: .utf8)) ?? ""
    }

    package var logLines: [Substring] { log.split(separator: "\n") }

    package var healthPort: Int? {
        let text = try? String(
            contentsOf: folder.url.appendingPathComponent("port"),
            encoding: .utf8
        )
        return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    package func get(_ path: String) -> PlainHTTP.Answer? {
        healthPort.flatMap { PlainHTTP.get(path, port: $0) }
    }

    package var isReady: Bool { self.get("/health/ready")?.status == 200 }

    /// A sample of `/metrics` by its name, labels included; nil while there is none.
    package func metric(_ name: String) -> Double? {
        let page = get("/metrics")?.text ?? ""
        let line = page.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Memory in use, in bytes.
    package var residentBytes: Int {
        let status =
            (try? String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        return (kibibytes.flatMap { Int($0) } ?? 0) * 1_024
    }

    /// Processor time used so far, by all its threads, in seconds.
    package var processorSeconds: Double {
        let stat = (try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)) ?? ""
        // After the name, which may hold spaces: the 12th and 13th are user and system time.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12])
        else {
            return 0
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    package func signal(_ number: Int32) {
        status.withLock { status in if status == nil { process.signal(number) } }
    }

    /// Ends it if it still runs. Gone when this returns.
    package func stop() {
        status.withLock { status in
            guard status == nil else { return }
            process.killAndReap()
            status = 128 + SIGKILL
        }
    }

    /// Its exit status, or 128 and the number of the signal that ended it; nil while it runs.
    package var exitStatus: Int32? {
        status.withLock { status in
            if status == nil { status = process.reapIfEnded() }
            return status
        }
    }

    /// Waits for its end, which the test has asked for, or expects.
    package func end(within limit: Duration = .seconds(30)) async throws -> Int32? {
        try await eventually("the worker's end", within: limit) { exitStatus != nil }
        return exitStatus
    }
}
