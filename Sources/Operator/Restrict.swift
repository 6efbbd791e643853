import ArgumentParser
import Contract
import Desk
import EventLoop
import Options
import Redis

/// What the house offers to nobody: shown and changed for all workers, in force within seconds.
struct Restrict: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or change what is offered to nobody.",
        discussion: """
            Workers look once a second; a request for a listed symbol is then rejected as
            unsuitable, and a listed strategy is not offered. What a worker's RESTRICTED_FILE says
            stands beside it, and is not shown here.

            EXIT STATUS
              0   done
              64  wrong use    69  Redis cannot be reached
            """,
        subcommands: [Show.self, Add.self, Remove.self],
        defaultSubcommand: Show.self
    )

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Print the list, one line each."
        )

        func run() async throws { try await Restrict.send(nil, "SMEMBERS") }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put something on the list.")
        @OptionGroup var what: What

        func run() async throws { try await Restrict.send(try what.entry, "SADD") }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take something off the list.")
        @OptionGroup var what: What

        func run() async throws { try await Restrict.send(try what.entry, "SREM") }
    }

    struct What: ParsableArguments {
        @Argument(help: "symbol or strategy.")
        var kind: String

        @Argument(help: "Its ticker, or its name as iron_condor.")
        var name: String

        var entry: RestrictedList.Entry {
            get throws {
                guard let entry = RestrictedList.Entry(kind: kind, name: name) else {
                    complain("expected “symbol TICKER” or “strategy NAME”")
                    throw ExitCode.usage
                }
                return entry
            }
        }
    }

    /// Sends one command about the list, and prints the list as it then stands.
    private static func send(
        _ entry: RestrictedList.Entry?,
        _ command: StaticString
    ) async throws {
        let surroundings = try Surroundings()
        let key = GlobalKeys(prefix: surroundings.streamPrefix).restricted
        let lines = try await withRedis(surroundings) { connection, _ in
            if let entry {
                _ = try await connection.send(
                    RedisCommand(command, .text(key), .text(entry.line))
                )
            }
            let answer = try await connection.send(RedisCommand("SMEMBERS", .text(key)))
            return (answer.array ?? []).compactMap(\.text).sorted()
        }
        for line in lines { print(line) }
    }
}
