//  `openai-simulator`: a stand-in for the model API, faithful by default and misbehaving on demand.
//
//  Here: the API's rules (`API/`), what a model would say (`Answers/`), what may go wrong
//  (`Behavior/`), who was charged what (`Accounting/`), and the server (`HTTP/`; read `ChatCall`
//  for the order of a call). Not here: anything of the worker. The two share no code but the
//  version, so that what one gets wrong the other does not repeat.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Hummingbird
internal import Logging
internal import Release

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openai-simulator",
        abstract: "A stand-in for the model API.",
        discussion: Settings.help,
        version: Release.version
    )

    @Option(help: "The address to listen on. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "The port; 0 is a free one. (default: 8080)")
    var port: Int?

    @Option(help: "A file that receives the port once the simulator listens.")
    var portFile: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let logger = try logger(environment)
        let host = host ?? environment["SIMULATOR_HOST"] ?? "127.0.0.1"
        let simulator: Simulator
        do {
            simulator = try Simulator(Settings(environment: environment))
        } catch {
            throw ValidationError("\(error)")
        }
        raiseDescriptorLimit()
        // A client that goes away must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let app = Application(
            responder: Reception(simulator: simulator),
            server: .http1(configuration: .init(additionalChannelHandlers: [ConnectionWatch()])),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: try chosenPort(environment)),
                serverName: "openai-simulator",
                backlog: Limits.backlog
            ),
            onServerRunning: { channel in
                announce(host: host, port: channel.localAddress?.port ?? 0, logger)
            },
            logger: logger
        )
        try await app.runService()
    }

    private func logger(_ environment: [String: String]) throws -> Logger {
        let name = environment["SIMULATOR_LOG_LEVEL"] ?? "warning"
        guard let level = Logger.Level(rawValue: name) else {
            throw ValidationError("SIMULATOR_LOG_LEVEL is '\(name)': expected trace … critical")
        }
        return Logger(label: "openai-simulator") { JSONLines(label: $0, level: level) }
    }

    private func chosenPort(_ environment: [String: String]) throws -> Int {
        let named = environment["SIMULATOR_PORT"].map { Int($0) ?? -1 }
        let port = port ?? named ?? 8080
        guard (0...65_535).contains(port) else {
            throw ValidationError("the port must be from 0 to 65535")
        }
        return port
    }

    /// Says where it listens: a line for people, a file for programs.
    private func announce(host: String, port: Int, _ logger: Logger) {
        if let portFile {
            do {
                try Data("\(port)\n".utf8).write(to: URL(filePath: portFile), options: .atomic)
            } catch {
                logger.error("port file not written", metadata: ["error": "\(error)"])
            }
        }
        let line = "openai-simulator \(Release.version) listens on http://\(host):\(port)/v1\n"
        _ = unsafe Array(line.utf8).withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    }

    /// One descriptor a connection; the usual soft limit of 1,024 is kept for `select`, which we
    /// do not use.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
