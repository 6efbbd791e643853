// Operator: strategyctl, by which people speak to the streams: one file a command.
// Belongs here: arguments, tables, exit statuses. Does not: what a worker or supervisor does, or any
// key's name.

import ArgumentParser
import Glibc
import Release

@main
struct StrategyCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strategyctl",
        abstract: "Asks for options strategies over Redis streams, and looks after the service.",
        discussion: """
            ENVIRONMENT VARIABLES
              REDIS_URL        redis://, rediss:// or unix:// address of Redis
              REDIS_HOST       host of Redis, where REDIS_URL is not set [localhost]
              REDIS_PORT       port of the same [6379]
              DATABASE_URL     postgresql:// address of the ledger, as the service's role
              DATABASE_READ_URL     the same for who only reads, where that is another
              DATABASE_MIGRATE_URL  the same for the role that owns the schema
              STREAM_PREFIX    what every key begins with [strategy]
              PARTITIONS       partitions of the streams [1]
              DEFAULT_TIER     tier of users without a profile, as for workers [free]
              USER_COST_SHARE  one user's share of all dollars, as for workers [1]
              NO_COLOR         set to anything: no colours

            Where none of the first three is set, the others are looked for as well in .run/env
            of the current folder, where `make up` and `make run` write them.
            """,
        version: Release.version,
        subcommands: [
            Submit.self, Batch.self, Answer.self, Cancel.self, Explain.self, Top.self, Lag.self,
            PauseCommand.self, ResumeCommand.self, BreakerCommand.self, Dead.self, Doctor.self,
            User.self,
            Usage.self, LedgerCommand.self, Audit.self, Migrate.self, Restrict.self, Analyze.self,
            ScreenCommand.self, Bench.self,
        ]
    )
}

/// Writes one line to standard error.
func complain(_ message: String) {
    let line = Array("strategyctl: \(message)\n".utf8)
    _ = unsafe write(STDERR_FILENO, line, line.count)
}

/// The statuses that scripts rely on.
extension ExitCode {
    /// The question was answered, and the answer is no: unknown, or not well.
    static let negative = ExitCode(1)
    static let rejected = ExitCode(2)
    static let failed = ExitCode(3)
    static let noAnswer = ExitCode(4)
    /// `EX_USAGE`, as the argument parser's own.
    static let usage = ExitCode(64)
    /// `EX_DATAERR`.
    static let badInput = ExitCode(65)
    /// `EX_NOINPUT`.
    static let noInput = ExitCode(66)
    /// `EX_UNAVAILABLE`.
    static let unavailable = ExitCode(69)
    /// `EX_IOERR`.
    static let unwritable = ExitCode(74)
}
