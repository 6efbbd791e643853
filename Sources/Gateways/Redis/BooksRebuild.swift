package import Contract
package import Redis

/// What a user asked for and paid, as the ledger has it.
package struct PastCost: Sendable {
    package let user: String
    package let requestID: String
    package let attempt: Int
    package let cost: NanoUSD
    package let atMs: Int64

    package init(user: String, requestID: String, attempt: Int, cost: NanoUSD, atMs: Int64) {
        self.user = user
        self.requestID = requestID
        self.attempt = attempt
        self.cost = cost
        self.atMs = atMs
    }
}

/// Puts a partition's hour back after Redis has lost it, and says that its books are open.
extension Outbox {
    /// What stands in `books`: another epoch, or another run of Redis, is to be looked at anew.
    package struct Life: Equatable, Sendable {
        package let epoch: Int?
        /// Redis' own name for this run of it.
        package let run: String
        /// What the books were opened for; nil while they are not.
        package let opened: String?
        package let nowMs: Int64

        package var isOpen: Bool { epoch.map { opened == "\($0) \(run)" } ?? false }
    }

    /// The corresponding Redis commands are `GET`, `HGET`, `TIME` and `INFO server`.
    package func life() async throws(RedisError) -> Life {
        let answers = try await connection.pipeline([
            RedisCommand("GET", .text(keys.epoch)),
            RedisCommand("HGET", .text(global.books), .number(keys.partition)),
            RedisCommand("TIME"),
            RedisCommand("INFO", "server"),
        ])
        let time = answers[2].array ?? []
        let seconds = time.first?.int ?? 0
        let lines = answers[3].text?.split(whereSeparator: \.isNewline) ?? []
        let name = "run_id:"
        return Life(
            epoch: answers[0].int,
            run: lines.first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) } ?? "",
            opened: answers[1].text,
            nowMs: Int64(seconds) * 1_000 + Int64(time.last?.int ?? 0) / 1_000
        )
    }

    /// Puts back what is missing.
    ///
    /// - Returns: How many costs were; nil when another supervisor leads.
    package func putBack(
        _ costs: [PastCost],
        nowMs: Int64,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Int? {
        var added = 0
        for (user, all) in Dictionary(grouping: costs, by: \.user) {
            var start = 0
            while start < all.count {
                let some = all[start..<min(start + Limits.deletedMax, all.count)]
                start += some.count
                let answer = try await connection.eval(
                    Scripts.rebuild,
                    keys: [
                        .text(keys.userCost(user)), .text(keys.userCostLog(user)),
                        .text(keys.userRequests(user)), .text(keys.lease),
                    ],
                    arguments: [.number(token.number), .number(Int(nowMs))]
                        + some.flatMap { cost in
                            [
                                .number(Int(cost.atMs)), .number(Int(cost.cost.amount)),
                                .text(cost.requestID), .number(cost.attempt),
                            ] as [RedisCommand.Argument]
                        }
                )
                guard let count = answer.int else { return nil }
                added += count
            }
        }
        return added
    }

    /// Sees to it that the fleet's hour is at least what the ledger has, and opens the books.
    ///
    /// - Returns: What was missing.
    package func open(
        _ life: Life,
        epoch: Int,
        fleetSpent: NanoUSD
    ) async throws(RedisError) -> NanoUSD {
        let answer = try await connection.eval(
            Scripts.rebuildGlobal,
            keys: [.text(global.cost), .text(global.spend), .text(global.books)],
            arguments: [
                .number(Int(fleetSpent.amount)), .number(Int(life.nowMs / 1_000)),
                .number(keys.partition), .text("\(epoch) \(life.run)"),
            ]
        )
        return NanoUSD(Int64(answer.int ?? 0))
    }
}

extension Scripts {
    package static let rebuild = RedisScript(
        name: "rebuild",
        source: PackageResources.rebuild_lua
    )
    package static let rebuildGlobal = RedisScript(
        name: "rebuild_global",
        source: PackageResources.rebuild_global_lua
    )
}
