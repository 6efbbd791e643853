// Worker: one process that reads requests and answers them: settings, wiring, signals, health.
// Belongs here: what only an executable may do: read arguments and environment, end the process.
// Does not: stages, scripts, protocols; the order of starting and stopping stands in `Wiring`.

import ArgumentParser
import Configuration
import Glibc
import Release

@main
struct StrategyWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strategy-worker",
        abstract:
            "Reads strategy requests from Redis streams, asks a model, and answers each once.",
        discussion: """
            Runs until SIGTERM or SIGINT; then it reads no more, finishes what it has within \
            DRAIN_TIMEOUT, and ends. All settings are environment variables.

            \(Variable.table)

            EXIT STATUS
              0   ended after a signal
              69  a service it needs cannot be used: see the message
              78  a setting is wrong: see the message
            """,
        version: Release.version
    )

    @Flag(help: "Print the settings in force, secrets left out, and end.")
    var showSettings = false

    func run() async throws {
        // Whoever read our log may be gone; that must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let config = ConfigReader(provider: EnvironmentVariablesProvider())
        let settings: Settings
        do throws(SettingsError) {
            settings = try Settings(config)
        } catch {
            throw Self.end(with: EX_CONFIG, "\(error)")
        }
        if showSettings {
            print(Variable.inForce(config))
            return
        }
        do throws(StartFailure) {
            try await Wiring(settings).run()
        } catch {
            throw Self.end(with: error.exitCode, error.description)
        }
    }

    /// The last word of a process that cannot go on: one line for a person, and a status.
    private static func end(with code: Int32, _ message: String) -> ExitCode {
        let line = Array("strategy-worker: \(message)\n".utf8)
        _ = unsafe write(STDERR_FILENO, line, line.count)
        return ExitCode(code)
    }
}

/// Why the process cannot start, or go on.
struct StartFailure: Error, CustomStringConvertible {
    let exitCode: Int32
    let description: String

    static func setting(_ variable: Variable, _ reason: String) -> StartFailure {
        StartFailure(exitCode: EX_CONFIG, description: "\(variable.rawValue): \(reason)")
    }

    /// Two processes of one name would take each other's entries for their own.
    static let namesake = StartFailure.setting(
        .consumerName,
        "another worker of this name lives; every process needs its own"
    )

    static func service(_ reason: String) -> StartFailure {
        StartFailure(exitCode: EX_UNAVAILABLE, description: reason)
    }
}
