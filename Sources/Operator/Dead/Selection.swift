import ArgumentParser
import Contract
import Desk

/// Which dead letters are meant, and whether anything is done to them.
struct Selection: ParsableArguments {
    @Argument(help: "Letters' ids.")
    var ids: [String] = []

    @Flag(help: "All of them.")
    var all = false

    @Option(help: "With --all: only those whose reason has these words.")
    var reason: String?

    @Flag(help: "Do it. Without this it is only said what would be done.")
    var yes = false

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func validate() throws {
        guard ids.isEmpty == all else {
            throw ValidationError("give letters' ids, or --all")
        }
        if reason != nil, !all { throw ValidationError("--reason goes with --all") }
    }

    /// The oldest first.
    func places(in service: ServiceView) async throws -> [LetterPlace] {
        guard all else { return try ids.map { try LetterPlace($0, in: service.surroundings) } }
        return try await Letter.newest(.max, because: reason, in: service.streams).letters
            .reversed().map(\.place)
    }
}
