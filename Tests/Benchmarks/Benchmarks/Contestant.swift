import Foundation
import Glibc
import TestSupport

/// One program under measure: it serves the request streams under a prefix of its own.
struct Contestant: Sendable {
    let program: Program
    /// Its `STREAM_PREFIX`.
    let prefix: String
    let process: ChildProcess
    let log: URL

    enum Program: String, CaseIterable, Sendable {
        case worker = "strategy-worker"
        case yardstick = "C program"
    }

    /// What a contestant is told; the same for both.
    struct Settings: Sendable {
        /// Requests in flight: `MAX_CONCURRENT_REQUESTS`.
        var slots: Int
        /// `OPENAI_BASE_URL`.
        var baseURL: String
        /// `OPENAI_CA_FILE`.
        var caFile: String?
        /// `CONSUMER_NAME`, of a worker; one of its own by default.
        var consumer: String?
    }

    static let key = "sk-sim-bench"
    /// Transfers that share a multi handle in the worker's HTTP client, and so in the C program.
    private static let transfersPerShard = 64

    init(
        _ program: Program,
        _ settings: Settings,
        prefix: String,
        in stand: Stand
    ) throws {
        self.program = program
        self.prefix = prefix
        log = stand.folder.url.appending(path: "\(prefix).log")
        switch program {
        case .worker:
            process = try ChildProcess(
                [stand.folders.program("strategy-worker")],
                log: log,
                environment: Self.workerEnvironment(settings, prefix, in: stand)
            )
        case .yardstick:
            process = try ChildProcess(Self.yardstick(settings, prefix, in: stand), log: log)
        }
    }

    /// Nothing of ours reaches the worker but what is set here.
    private static func workerEnvironment(
        _ settings: Settings,
        _ prefix: String,
        in stand: Stand
    ) -> [String: String] {
        var environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "REDIS_URL": stand.redis.url, "STREAM_PREFIX": prefix,
            "OPENAI_BASE_URL": settings.baseURL, "OPENAI_API_KEY": key,
            "MAX_CONCURRENT_REQUESTS": "\(settings.slots)", "HEALTH_PORT": "0",
            // Limits are counted, and never bind.
            "REQUESTS_PER_MINUTE": "1000000000", "COST_PER_HOUR_LIMIT": "9000000",
            // A backlog is put in at once: on a slow machine its tail waits longer than 30 s.
            "REQUEST_TIMEOUT": "300", "DRAIN_TIMEOUT": "5",
        ]
        if let caFile = settings.caFile { environment["OPENAI_CA_FILE"] = caFile }
        if let consumer = settings.consumer { environment["CONSUMER_NAME"] = consumer }
        return environment
    }

    private static func yardstick(
        _ settings: Settings,
        _ prefix: String,
        in stand: Stand
    ) -> [String] {
        let arguments = [
            stand.folders.yardstick, "--redis-port", "\(stand.redis.port)", "--prefix", prefix,
            "--url", "\(settings.baseURL)/chat/completions", "--key", key,
            "--slots", "\(settings.slots)", "--per-shard", "\(transfersPerShard)",
            "--body", stand.folder.path("body.json"), "--steps", stand.folder.path("steps"),
            "--take", stand.folders.yardstickScript,
        ]
        return arguments + (settings.caFile.map { ["--ca-file", $0] } ?? [])
    }

    func cpu() throws -> Duration { try Probe.cpu(of: process.pid) }
    func residentPeakMiB() throws -> Double {
        Double(try Probe.residentPeakKiB(of: process.pid)) / 1_024
    }

    /// What it wrote last, for an error's sake.
    var lastWords: String {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(3).joined(separator: "\n")
    }

    func checkAlive() throws {
        guard kill(process.pid, 0) == 0, (try? Probe.residentPeakKiB(of: process.pid)) != nil
        else { throw Stand.Failure("\(program.rawValue) has ended: \(lastWords)") }
    }
}

/// Where programs and scripts are.
struct Folders: Sendable {
    private let programs: URL
    private let own: URL
    private let repository: URL

    init(programs: String?) throws {
        own = URL(
            filePath: try FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/exe"
            )
        ).deletingLastPathComponent()
        self.programs = programs.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? own
        repository =
            URL(filePath: #filePath).resolvingSymlinksInPath()
            .appending(path: "../../../..").standardized
        for path in [program("strategy-worker"), program("openai-simulator"), yardstick]
        where !FileManager.default.isExecutableFile(atPath: path) {
            throw Stand.Failure("\(path) is not built; build first, or say --programs")
        }
    }

    func program(_ name: String) -> String { programs.appending(path: name).path }
    var yardstick: String { own.appending(path: "bench-yardstick").path }
    /// How the C program reads when few slots are free.
    var yardstickScript: String { repository.appending(path: "Tests/Benchmarks/take.lua").path }
    var repositoryPath: String { repository.path }
}
