import ArgumentParser
import Contract
import Desk
import Gateways
import Glibc
import Policy
import Postgres
import Redis

struct UserSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set a user's tier, or limits of his own. In force from his next request on.",
        discussion: """
            Tiers: free (10 requests and 1 USD an hour), basic (50, 10), premium (200,
            50), enterprise (1000, 200). What is not given stays as it is. Prints what is
            then in force.

              strategyctl user set alice --tier basic --requests-per-hour 120
              strategyctl user set alice --clear tier --clear requests-per-hour

            EXIT STATUS
              0   set    64  wrong use
              69  Redis or PostgreSQL cannot be reached

            Where DATABASE_URL is set the profile is PostgreSQL's, and Redis has a copy.
            """
    )

    /// A member of a profile, by its option.
    enum Member: String, CaseIterable, ExpressibleByArgument {
        case tier
        case requestsPerHour = "requests-per-hour"
        case costPerHour = "cost-per-hour"
        case approvalLevel = "approval-level"

        var field: String {
            switch self {
            case .tier: "tier"
            case .requestsPerHour: "requests_per_hour"
            case .costPerHour: "cost_per_hour_nanousd"
            case .approvalLevel: "approval_level"
            }
        }
    }

    @Argument(help: "The user's id.")
    var id: String

    @Option(help: "free, basic, premium or enterprise.")
    var tier: String?

    @Option(help: "Requests in any hour, in place of the tier's.")
    var requestsPerHour: Int?

    @Option(help: "USD in any hour, in place of the tier's.")
    var costPerHour: String?

    @Option(help: "1 to 4: what he is approved for, whatever higher level a request says.")
    var approvalLevel: Int?

    @Option(
        help: "Take tier, requests-per-hour, cost-per-hour or approval-level out of the profile."
    )
    var clear: [Member] = []

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    /// Scripts count in doubles, which are exact to 9·10¹⁵ nano-dollars.
    private static let costMax: Int64 = 9_000_000_000_000_000

    func validate() throws {
        if let tier, Tier(rawValue: tier) == nil {
            let names = Tier.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--tier takes one of \(names)")
        }
        if let requestsPerHour, !(0...1_000_000_000).contains(requestsPerHour) {
            throw ValidationError("--requests-per-hour takes a number from 0 to 1000000000")
        }
        if let costPerHour {
            guard let cost = NanoUSD(dollars: costPerHour), cost.amount <= Self.costMax else {
                throw ValidationError(
                    "--cost-per-hour takes dollars from 0 to 9000000, at most nine decimals"
                )
            }
        }
        if let approvalLevel, !(1...4).contains(approvalLevel) {
            throw ValidationError("--approval-level takes a number from 1 to 4")
        }
        guard !given.isEmpty || !clear.isEmpty else {
            throw ValidationError(
                "nothing to set: give --tier, --requests-per-hour, --cost-per-hour, "
                    + "--approval-level or --clear"
            )
        }
        if let both = clear.first(where: { given[$0] != nil }) {
            throw ValidationError("--\(both.rawValue) cannot be set and cleared at once")
        }
    }

    /// PostgreSQL first: what it does not know a copy of it would not outlive.
    private func keep(_ id: String) async throws {
        var profile = UserProfile()
        profile.tier = tier
        profile.requestsPerHour = requestsPerHour.map(Int64.init)
        profile.costPerHour = costPerHour.flatMap { NanoUSD(dollars: $0) }
        profile.approvalLevel = approvalLevel.map(Int64.init)
        let members = given.keys.map(\.field) + clear.map(\.field)
        let by = unsafe getenv("USER").map { unsafe String(cString: $0) } ?? "strategyctl"
        try await withDatabase(as: .service) { [profile] pool in
            try await ProfileStore(pool: pool).set(id, profile, members: members, by: by)
        }
    }

    private var given: [Member: String] {
        var given: [Member: String] = [:]
        given[.tier] = tier
        given[.requestsPerHour] = requestsPerHour.map(String.init)
        given[.costPerHour] = costPerHour.flatMap { NanoUSD(dollars: $0) }.map { "\($0.amount)" }
        given[.approvalLevel] = approvalLevel.map(String.init)
        return given
    }

    func run() async throws {
        let (id, given, clear, json) = (try User.checked(id), given, clear, json)
        if try Surroundings().hasDatabase { try await keep(id) }
        try await withService { service in
            let key = service.surroundings.keys(ofUser: id).userProfile(id)
            // In one step: no request is admitted by half of it.
            var commands = [RedisCommand("MULTI")]
            for (member, value) in given {
                commands.append(RedisCommand("HSET", .text(key), .text(member.field), .text(value)))
            }
            for member in clear {
                commands.append(RedisCommand("HDEL", .text(key), .text(member.field)))
            }
            commands.append(RedisCommand("EXEC"))
            for answer in try await service.redis.pipeline(commands) {
                if case .error(let error) = answer { throw RedisError.server(error) }
            }
            try await UserHour.read(id, in: service).print(json)
        }
    }
}
