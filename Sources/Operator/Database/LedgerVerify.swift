import ArgumentParser
import Contract
import Desk
import EventLoop
import Gateways
import JSON
import Postgres
import Redis

/// The ledger.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Prove that the ledger is whole and agrees with Redis.",
        subcommands: [LedgerVerify.self]
    )
}

struct LedgerVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compare Redis and PostgreSQL to the nano-dollar, and the ledger with itself.",
        discussion: """
            Looks whether
              - as many rows are there as were ever carried, and sum up to as much
              - each row has its audit record, and each record its row
              - each cost in a user's hour in Redis is in the ledger, or on its way
              - each cost of the last hour in the ledger is in the user's hour

            Safe at any time, also while rows are being carried.

            EXIT STATUS
              0   it agrees    1  it does not: what differs is named
              64  wrong use    69  Redis or PostgreSQL cannot be reached
            """
    )

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let json = json
        let surroundings = try Surroundings()
        let proof = try await withRedis(surroundings) { redis, loop in
            do {
                let hours = try await UsersHours.read(
                    ServiceView(redis, surroundings)
                )
                return try await withDatabase(as: .reader, surroundings, on: loop) { pool in
                    try await LedgerProof.read(hours, pool)
                }
            } catch let error as RedisError {
                complain("\(error)")
                throw ExitCode.unavailable
            }
        }
        proof.print(json)
        if !proof.differences.isEmpty { throw ExitCode.negative }
    }
}

/// What users spent in the last hour, as Redis has it: each cost by the attempt that it paid for.
struct UsersHours: Sendable {
    struct Cost: Hashable, Sendable {
        let partition: Int
        let user: String
        let request: String
        let attempt: Int
        let nanoUSD: Int64
    }

    private(set) var costs: Set<Cost> = []
    /// On their way: rows of the outbox that are paid by users.
    private(set) var waiting: Set<Cost> = []
    private(set) var rowsWaiting = 0
    private(set) var nanoUSDWaiting: Int64 = 0
    private(set) var nowMs: Int64 = 0

    enum Limits {
        static let hourMs: Int64 = 3_600_000
        /// Costs of the last minute of the hour may leave it while they are compared.
        static let slackMs: Int64 = 60_000
    }

    /// Redis first, then PostgreSQL: what is carried meanwhile is found in one or the other.
    static func read(_ service: ServiceView) async throws -> UsersHours {
        var hours = UsersHours()
        hours.nowMs = try await service.nowMs()
        for partition in 0..<service.surroundings.partitions {
            try await hours.readCosts(partition, service)
        }
        for partition in 0..<service.surroundings.partitions {
            try await hours.readOutbox(partition, service)
        }
        return hours
    }

    private mutating func readCosts(_ partition: Int, _ service: ServiceView) async throws {
        let keys = service.keys(in: partition)
        let (head, tail) = keys.userCostLogAffixes
        var cursor = "0"
        repeat {
            let page =
                try await service.redis.send(
                    RedisCommand(
                        "SCAN",
                        .text(cursor),
                        "MATCH",
                        .text(Self.escaped(head) + "*" + tail),
                        "COUNT",
                        1_000,
                        "TYPE",
                        "zset"
                    )
                ).array ?? []
            guard page.count == 2 else { break }
            cursor = page[0].text ?? "0"
            for key in (page[1].array ?? []).compactMap(\.text) {
                let user = String(key.dropFirst(head.count).dropLast(tail.count))
                try await readLog(key, user, partition, service)
            }
        } while cursor != "0"
    }

    private mutating func readLog(
        _ key: String,
        _ user: String,
        _ partition: Int,
        _ service: ServiceView
    ) async throws {
        let horizon = nowMs - Limits.hourMs
        let log = try await service.redis.send(
            RedisCommand("ZRANGEBYSCORE", .text(key), .text("(\(horizon)"), "+inf"),
            timeout: .seconds(30)
        )
        for member in (log.array ?? []).compactMap(\.text) {
            guard let cost = Self.cost(member, user, partition) else { continue }
            costs.insert(cost)
        }
    }

    /// `nano:request:attempt`; a request's id may hold colons.
    private static func cost(_ member: String, _ user: String, _ partition: Int) -> Cost? {
        guard let first = member.firstIndex(of: ":"), let last = member.lastIndex(of: ":"),
            first < last, let nano = Int64(member[..<first]),
            let attempt = Int(member[member.index(after: last)...])
        else { return nil }
        return Cost(
            partition: partition,
            user: user,
            request: String(member[member.index(after: first)..<last]),
            attempt: attempt,
            nanoUSD: nano
        )
    }

    private mutating func readOutbox(_ partition: Int, _ service: ServiceView) async throws {
        let outbox = Outbox(
            connection: service.redis,
            keys: service.keys(in: partition),
            global: service.globalKeys
        )
        var last: EntryID?
        while true {
            let page = try await outbox.page(after: last)
            for row in page.rows {
                rowsWaiting += 1
                nanoUSDWaiting += row.cost.amount
                guard row.payer == "user", row.cost > .zero else { continue }
                waiting.insert(
                    Cost(
                        partition: partition,
                        user: row.user,
                        request: row.requestID,
                        attempt: row.attempt,
                        nanoUSD: row.cost.amount
                    )
                )
            }
            guard let end = page.last else { return }
            last = end
        }
    }

    /// For MATCH: what would be a pattern is itself.
    private static func escaped(_ text: String) -> String {
        text.map { "\\?*[]^-".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }
}

/// What was compared, and what differs.
struct LedgerProof: Sendable {
    let partitions: [Partition]
    let differences: [String]
    let compared: Int
    let compareNanoUSD: Int64
    let rowsWaiting: Int
    let nanoUSDWaiting: Int64

    struct Partition: Sendable {
        let number: Int
        let rows: Int64
        let nanoUSD: String
    }

    private enum Limits {
        /// Differences that are told.
        static let toldMax = 20
    }

    static func read(_ hours: UsersHours, _ pool: PostgresPool) async throws -> LedgerProof {
        try await pool.withTransaction(
            "ISOLATION LEVEL REPEATABLE READ READ ONLY"
        ) { (connection) throws(PostgresError) in
            var differences: [String] = []
            let sums = try await connection.query(Queries.ledgerSums).rows
            for row in sums { differences += difference(row) }
            let unmatched = try await connection.query(
                Queries.ledgerMissing,
                [.int(Limits.toldMax)]
            ).rows
            differences += unmatched.map(sentence)
            let ledger = try await costs(hours, connection)
            differences += compare(hours, ledger)
            return LedgerProof(
                partitions: sums.map { row in
                    Partition(
                        number: Int(row.int(0) ?? 0),
                        rows: row.int(4) ?? 0,
                        nanoUSD: row.text(5) ?? "0"
                    )
                },
                differences: differences,
                compared: hours.costs.count,
                compareNanoUSD: hours.costs.reduce(0) { $0 + $1.nanoUSD },
                rowsWaiting: hours.rowsWaiting,
                nanoUSDWaiting: hours.nanoUSDWaiting
            )
        }
    }

    private static func difference(_ row: PostgresRow) -> [String] {
        let (partition, carried, found) = (row.int(0) ?? 0, row.int(2) ?? 0, row.int(4) ?? 0)
        var differences: [String] = []
        if carried != found {
            differences.append(
                "partition \(partition): \(carried) rows were carried, \(found) are there"
            )
        }
        if row.text(3) != row.text(5) {
            differences.append(
                "partition \(partition): \(row.text(3) ?? "?") nano-dollars were carried, "
                    + "\(row.text(5) ?? "?") are there"
            )
        }
        return differences
    }

    private static func sentence(_ row: PostgresRow) -> String {
        let place = "partition \(row.int(0) ?? 0), row \(row.int(1) ?? 0)-\(row.int(2) ?? 0)"
        return row.bool(4) == true
            ? "\(place) of request \(row.text(3) ?? "?") is missing: its audit record is there"
            : "\(place) of request \(row.text(3) ?? "?") has no audit record"
    }

    /// What users paid in the last hour and since, by the ledger.
    private static func costs(
        _ hours: UsersHours,
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> [UsersHours.Cost: Int64] {
        let rows = try await connection.query(
            """
            SELECT partition, user_id, request_id, attempt, cost_nanousd,
                (extract(epoch FROM at) * 1000)::bigint
            FROM gpt4_usage_log
            WHERE payer = 'user' AND cost_nanousd > 0
                AND at > timestamptz 'epoch' + $1::bigint * interval '1 millisecond'
            """,
            [.int(hours.nowMs - UsersHours.Limits.hourMs)]
        ).rows
        return rows.reduce(into: [:]) { all, row in
            let cost = UsersHours.Cost(
                partition: Int(row.int(0) ?? 0),
                user: row.text(1) ?? "",
                request: row.text(2) ?? "",
                attempt: Int(row.int(3) ?? 0),
                nanoUSD: row.int(4) ?? 0
            )
            all[cost] = row.int(5) ?? 0
        }
    }

    private static func compare(
        _ hours: UsersHours,
        _ ledger: [UsersHours.Cost: Int64]
    ) -> [String] {
        func text(_ cost: UsersHours.Cost) -> String {
            "\(NanoUSD(cost.nanoUSD)) USD of request \(cost.request), attempt \(cost.attempt)"
        }
        let lost = hours.costs.filter { ledger[$0] == nil && !hours.waiting.contains($0) }
        // Those younger than the look at Redis, and those about to leave the hour, are left out.
        let oldest = hours.nowMs - UsersHours.Limits.hourMs + UsersHours.Limits.slackMs
        let unknown = ledger.filter { cost, at in
            !hours.costs.contains(cost) && at > oldest && at < hours.nowMs - 1_000
        }
        return lost.prefix(Limits.toldMax).map { text($0) + ": in Redis, not in the ledger" }
            + unknown.keys.prefix(Limits.toldMax).map {
                text($0) + ": in the ledger, not in Redis"
            }
    }
}

extension LedgerProof {
    func print(_ json: Bool) {
        if json {
            return printJSON { writer in
                writer.object { writer in
                    writer.field("agrees", differences.isEmpty)
                    writer.array("partitions", partitions) { writer, partition in
                        writer.object { writer in
                            writer.field("partition", partition.number)
                            writer.field("rows", partition.rows)
                            writer.field("nanousd", partition.nanoUSD)
                        }
                    }
                    writer.field("costs_compared", compared)
                    writer.field("rows_waiting", rowsWaiting)
                    writer.field("nanousd_waiting", nanoUSDWaiting)
                    writer.array("differences", differences) { $0.value($1) }
                }
            }
        }
        for difference in differences { Swift.print(Ink.red("differs") + "  " + difference) }
        for partition in partitions {
            let sum = Int64(partition.nanoUSD).map { "\(NanoUSD($0))" } ?? partition.nanoUSD
            Swift.print(
                "partition \(partition.number): "
                    + "\(Figures.count(Int(partition.rows), "row", "rows")), \(sum) USD"
            )
        }
        Swift.print(
            "the last hour: \(Figures.count(compared, "cost", "costs")) in Redis, "
                + "\(NanoUSD(compareNanoUSD)) USD; on the way: "
                + "\(Figures.count(rowsWaiting, "row", "rows")), \(NanoUSD(nanoUSDWaiting)) USD"
        )
        if differences.isEmpty { Swift.print(Ink.green("agrees")) }
    }
}
