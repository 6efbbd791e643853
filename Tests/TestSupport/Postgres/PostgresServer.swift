import Foundation
import Glibc
import Synchronization

/// A real PostgreSQL of a test's own: its own directory and port, loopback only, nobody's password.
///
/// It refuses to run as root; then it runs as the user `postgres`.
package final class PostgresServer: Sendable {
    package var port: Int { state.withLock { $0.port } }
    /// The superuser's address.
    package var url: String { url(user: "postgres") }

    private let directory: TemporaryDirectory
    private let settings: [String: String]
    private let binaries: String
    private let state = Mutex(State())

    private struct State {
        var port = 0
        var process: ChildProcess?
    }

    package func url(user: String, password: String = "", database: String = "postgres") -> String {
        let secret = password.isEmpty ? "" : ":\(password)"
        return "postgresql://\(user)\(secret)@127.0.0.1:\(port)/\(database)"
    }

    /// Starts a server and waits until it answers.
    ///
    /// - Parameter settings: As in `postgresql.conf`, such as `["max_connections": "5"]`.
    package init(_ settings: [String: String] = [:]) async throws {
        directory = try TemporaryDirectory()
        binaries = try Self.find()
        self.settings = settings
        let (data, binaries) = (directory.path("data"), binaries)
        try await offLoop {
            try FileManager.default.createDirectory(
                atPath: data,
                withIntermediateDirectories: false
            )
            if getuid() == 0 { _ = try Self.run(["chown", "postgres", data]) }
            try Self.run(
                Self.asServer + [
                    "\(binaries)/initdb", "--pgdata", data, "--username", "postgres", "--no-sync",
                    "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
                ]
            )
        }
        // A port that was free may be taken before the server asks for it.
        for attempt in 1...5 {
            let port = try freePort()
            state.withLock { $0.port = port }
            do {
                try await start()
                return
            } catch let failure as ChildProcess.Failure
                where failure.description.contains("already in use") && attempt < 5
            {}
        }
    }

    deinit { kill() }

    /// Starts it again, on the same address and with its data. Returns when it answers.
    package func start() async throws {
        let (port, binaries, data) = (port, binaries, directory.path("data"))
        let all = [
            "listen_addresses": "127.0.0.1", "port": "\(port)", "unix_socket_directories": "",
            "fsync": "off", "shared_buffers": "16MB", "logging_collector": "off",
        ].merging(settings) { _, given in given }
        try await offLoop { [self] in
            let log = directory.url.appendingPathComponent("log")
            let started = try ChildProcess(
                Self.asServer + ["\(binaries)/postgres", "-D", data]
                    + all.flatMap { ["-c", "\($0.key)=\($0.value)"] },
                log: log
            )
            state.withLock { $0.process = started }
            var fate = "answers nothing"
            for _ in 0..<1_000 {
                let answers = try? Self.run([
                    "\(binaries)/pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(port)",
                ])
                if answers != nil { return }
                if let status = started.reapIfEnded() {
                    state.withLock { $0.process = nil }
                    fate = "ended with \(status)"
                    break
                }
                usleep(10_000)
            }
            let said = (try? String(contentsOf: log, encoding: .utf8)) ?? "(no log)"
            throw ChildProcess.Failure("postgres \(fate):\n\(said)")
        }
    }

    /// Ends it as an operator would: clients are sent away. Gone when this returns.
    package func stop() {
        guard let process = state.withLock({ $0.process.take() }) else { return }
        process.signal(SIGINT)
        process.reap()
    }

    /// Ends it without a chance to say goodbye.
    package func kill() { state.withLock { $0.process.take() }?.killAndReap() }

    /// Runs SQL by the server's own client, and answers what it prints.
    @discardableResult
    package func sql(_ text: String, as url: String? = nil) async throws -> String {
        let url = url ?? self.url
        return try await offLoop {
            try Self.run(["psql", url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text])
        }
    }

    /// Makes the service's roles and its database, as `deploy/postgres/roles.sql` does, and answers
    /// the address of one of them.
    package func prepare(roles: String) async throws {
        let url = url
        _ = try await offLoop {
            try Self.run([
                "psql", url, "-Xq", "-v", "ON_ERROR_STOP=1", "-v", "migrate_password=m", "-v",
                "service_password=s", "-v", "read_password=r", "-f", roles,
            ])
        }
    }

    // MARK: - Programs

    private static let asServer: [String] =
        getuid() == 0
        ? [
            "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig",
            "KILL", "--",
        ] : []

    private static func find() throws -> String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql"))
        for version in (versions ?? []).sorted(by: >) {
            let path = "/usr/lib/postgresql/\(version)/bin"
            if FileManager.default.isExecutableFile(atPath: path + "/postgres") { return path }
        }
        for path in (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        where FileManager.default.isExecutableFile(atPath: path + "/postgres") {
            return String(path)
        }
        throw ChildProcess.Failure("PostgreSQL's server is not installed")
    }

    @discardableResult
    private static func run(_ arguments: [String]) throws -> String {
        let output = FileManager.default.temporaryDirectory
            .appendingPathComponent("postgres-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: output) }
        let process = try ChildProcess(arguments, log: output)
        let status = process.reap()
        let said = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
        guard status == 0 else {
            throw ChildProcess.Failure("\(arguments[0]) exited \(status): \(said)")
        }
        return said
    }
}
