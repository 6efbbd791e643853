import ArgumentParser
import Desk
import JSON

/// Entries that were given up, and what becomes of them.
struct Dead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, show, replay or drop dead letters.",
        discussion: """
            A dead letter is an entry that named no request, used another's id, or could
            not be finished by any worker. Whoever asked has been told where he could be;
            nothing happens to it by itself.

              strategyctl dead list
              strategyctl dead show 1795798460947-0
              strategyctl dead replay 1795798460947-0            (says what it would do)
              strategyctl dead replay --all --reason attempts --rate 5 --yes
              strategyctl dead drop 1795798460947-0 --yes

            With more than one partition an id is PARTITION/ID, as `list` prints it.
            """,
        subcommands: [DeadList.self, DeadShow.self, DeadReplay.self, DeadDrop.self]
    )
}

struct DeadList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print dead letters, the newest first.",
        discussion: """
            EXIT STATUS
              0   printed    64  wrong use    69  Redis cannot be reached
            """
    )

    @Option(help: "How many of each partition.")
    var limit = 20

    @Option(help: "Only those whose reason has these words.")
    var reason: String?

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit takes a number from 1 to 100000")
        }
    }

    func run() async throws {
        let (limit, reason, json) = (limit, reason, json)
        try await withService { service in
            let (letters, total) = try await Letter.newest(
                limit,
                because: reason,
                in: service.streams
            )
            if json {
                return printJSON { writer in
                    writer.object { writer in
                        writer.field("total", total)
                        writer.array("letters", letters) { $1.write(to: &$0) }
                    }
                }
            }
            print(Letter.page(letters, of: total))
        }
    }
}

struct DeadShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print one dead letter.",
        discussion: """
            The payload is what the user wrote: it is printed only with --payload.

            EXIT STATUS
              0   printed    1  there is no such letter
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "The letter's id.")
    var id: String

    @Flag(help: "Print the payload as well.")
    var payload = false

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let (id, showsPayload, json) = (id, payload, json)
        try await withService { service in
            let place = try LetterPlace(id, in: service.surroundings)
            guard let letter = try await LetterContent.read(place, in: service.streams) else {
                complain("there is no dead letter \(id)")
                throw ExitCode.negative
            }
            letter.print(json, payload: showsPayload)
        }
    }
}
