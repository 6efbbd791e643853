// Worker: one process that reads requests and answers them: settings, wiring, signals, health.
// Belongs here: what only an executable may do: read arguments and environment, end the process.
// Does not: stages, scripts, protocols; the order of starting and stopping stands in `Wiring`.

import ArgumentParser
import Configuration
import Glibc
import Program
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

            SECRETS IN FILES
              \(Variable.secretsNote)
            """,
        version: Release.version
    )

    @Flag(help: "Print the settings in force, secrets left out, and end.")
    var showSettings = false

    func run() async throws {
        // Whoever read our log may be gone; that must not end the process.
        signal(SIGPIPE, SIG_IGN)
        do throws(StartFailure) {
            let startup = try Startup<Variable, Settings>(
                EnvironmentVariablesProvider(),
                read: { (config) throws(SettingsError) in try Settings(config) }
            )
            guard !showSettings else { return print(startup.inForce) }
            try await Wiring(startup.settings, startup.secrets).run()
        } catch {
            error.tell(as: "strategy-worker")
            throw ExitCode(error.exitCode)
        }
    }
}

extension StartFailure {
    /// Two processes of one name would take each other's entries for their own.
    static let namesake = StartFailure.setting(
        Variable.consumerName,
        "another worker of this name lives; every process needs its own"
    )
}
