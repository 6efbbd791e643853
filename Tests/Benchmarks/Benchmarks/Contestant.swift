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
    private let portFile: URL

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
        /// Other variables, of a worker alone.
        var others: [String: String] = [:]
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
        portFile = stand.folder.url.appending(path: "\(prefix).port")
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
            "HEALTH_PORT_FILE": stand.folder.path("\(prefix).port"),
            // Neither does Redis keep a file here.
            "AUDIT_MODE": "best_effort",
            // Limits are counted, and never bind.
            "REQUESTS_PER_MINUTE": "1000000000", "COST_PER_HOUR_LIMIT": "9000000",
            // Each request calls the model, whatever others asked.
            "CACHE_TTL": "0",
            // A backlog is put in at once: on a slow machine its tail waits longer than 30 s.
            "REQUEST_TIMEOUT": "300", "DRAIN_TIMEOUT": "5",
        ]
        if let caFile = settings.caFile { environment["OPENAI_CA_FILE"] = caFile }
        if let consumer = settings.consumer { environment["CONSUMER_NAME"] = consumer }
        return environment.merging(settings.others) { $1 }
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

    /// Turns of the worker's loop so far: all, and those of at most so many seconds, an edge of the
    /// histogram.
    func turns(upTo edge: String) throws -> (all: Double, within: Double) {
        let text = try String(contentsOf: portFile, encoding: .utf8)
        let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        let page = PlainHTTP.get("/metrics", port: port)?.text ?? ""
        func sample(_ name: String) throws -> Double {
            let line = page.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            guard let value = line?.split(separator: " ").last.flatMap({ Double($0) }) else {
                throw Stand.Failure("the worker's metrics lack \(name)")
            }
            return value
        }
        let name = "strategy_worker_loop_turn_seconds"
        return (
            try sample("\(name)_count"), try sample("\(name)_bucket{le=\"\(edge)\"}")
        )
    }

    /// As `Priority.withAhead`, of this program.
    func withAhead<Value>(_ body: (Bool) async throws -> Value) async throws -> Value {
        try await Priority.withAhead(of: process.pid, body)
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
