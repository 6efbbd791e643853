// Supervisor: one process that looks after partitions: what dead workers left, what is overdue, what
// nobody has read, and whether the books add up.
// Belongs here: the duties of who leads a partition, and what each of them decides. Does not: answering
// requests, stages, what a script does.
//
// Read in this order:
//   PartitionSupervisor.swift   the duties in their order, and who may do them
//   Decisions/                  what is decided, from facts alone
//   Duties/                     how it is done
//   Wiring.swift                how the process is put together

import ArgumentParser
import Configuration
import Glibc
import Program
import Release

@main
struct StrategySupervisor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strategy-supervisor",
        abstract: "Takes back what dead workers left, and ends what nobody can finish.",
        discussion: """
            Any number may run: each partition is led by one at a time, the others stand by. Runs \
            until SIGTERM or SIGINT; then it ends its round, gives its leases back, and ends. All \
            settings are environment variables.

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
            error.tell(as: "strategy-supervisor")
            throw ExitCode(error.exitCode)
        }
    }
}
