import ArgumentParser
import Contract
import Desk
import JSON
import Redis

struct DeadDrop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Delete dead letters, for ever. Says what it would do; --yes does it.",
        discussion: """
            EXIT STATUS
              0   deleted, or said    1  a letter was not there
              64  wrong use    69  Redis cannot be reached
            """
    )

    @OptionGroup var selection: Selection

    func run() async throws {
        let selection = selection
        try await withService { service in
            var (gone, missing): ([String], [String]) = ([], [])
            for place in try await selection.places(in: service) {
                let key = RedisCommand.Argument.text(service.keys(in: place.partition).dead)
                let id = RedisCommand.Argument.text("\(place.id)")
                let isThere: Bool
                if selection.yes {
                    isThere = try await service.redis.send(RedisCommand("XDEL", key, id)).int == 1
                } else {
                    let found = try await service.redis.send(RedisCommand("XRANGE", key, id, id))
                    isThere = found.array?.isEmpty == false
                }
                if isThere { gone.append(place.text) } else { missing.append(place.text) }
            }
            Self.tell(gone, missing, selection)
            if !missing.isEmpty { throw ExitCode.negative }
        }
    }

    private static func tell(_ gone: [String], _ missing: [String], _ selection: Selection) {
        if selection.json {
            return printJSON { writer in
                writer.object { writer in
                    writer.field("done", selection.yes)
                    writer.array("dropped", gone) { $0.value($1) }
                    writer.array("missing", missing) { $0.value($1) }
                }
            }
        }
        for id in gone { print("  \(selection.yes ? "deleted" : "would delete")  \(id)") }
        for id in missing { print("  \(Ink.yellow("not there"))  \(id)") }
        if gone.isEmpty, missing.isEmpty { print("There is nothing to drop.") }
        if !selection.yes, !gone.isEmpty {
            print(
                "\nNothing was done: --yes deletes \(Figures.count(gone.count, "letter", "letters"))."
            )
        }
    }
}
