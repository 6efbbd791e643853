import ArgumentParser
import Desk
import Gateways

/// Users' tiers and limits.
struct User: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or set what a user may ask for.",
        discussion: """
            A user's profile has a tier, and where they differ from it requests and
            dollars an hour. A user without one is of DEFAULT_TIER, which is the workers'
            setting; set it here too where it is not free, so that what is shown is what
            they apply.

              strategyctl user set alice --tier premium
              strategyctl user set alice --cost-per-hour 75
              strategyctl user set alice --clear cost-per-hour
              strategyctl user show alice
            """,
        subcommands: [UserShow.self, UserSet.self]
    )

    /// A user's id as it was given, or a status.
    static func checked(_ id: String) throws -> String {
        let bytes = id.utf8
        guard (1...256).contains(bytes.count), bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        else {
            complain("a user's id is 1–256 bytes without control characters")
            throw ExitCode.usage
        }
        return id
    }
}

struct UserShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print a user's limits, what he has spent of them, and when they free up.",
        discussion: """
            EXIT STATUS
              0   shown    1  nothing is known of this user
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "The user's id.")
    var id: String

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let (id, json) = (try User.checked(id), json)
        try await withService { service in
            let account = try await UserHour.read(id, in: service)
            account.print(json)
            if !account.isKnown { throw ExitCode.negative }
        }
    }
}
