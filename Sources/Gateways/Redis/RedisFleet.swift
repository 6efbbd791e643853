package import Contract
package import Pipeline
package import Policy
package import Redis
package import Telemetry

/// The `Fleet` port over Redis: the limits that all workers share, in a slot of their own.
package struct RedisFleet: Fleet {
    private let connection: RedisConnection
    private let keys: GlobalKeys
    private let callsPerMinute: Int?
    private let costPerHour: NanoUSD?
    private let weights: PriorityWeights
    private let needsOpenBooks: Bool
    private let metrics: StreamMetrics

    /// - Parameters:
    ///   - callsPerMinute: `REQUESTS_PER_MINUTE`; nil when requests are not limited.
    ///   - costPerHour: `COST_PER_HOUR_LIMIT`; nil when cost is not.
    ///   - needsOpenBooks: Whether nothing is spent while Redis has lost its books, which is so
    ///     where there is a ledger to put them back from.
    ///   - weights: `PRIORITY_WEIGHTS`, by which turns are given.
    package init(
        connection: RedisConnection,
        keys: GlobalKeys,
        callsPerMinute: Int?,
        costPerHour: NanoUSD?,
        weights: PriorityWeights,
        needsOpenBooks: Bool = false,
        metrics: StreamMetrics
    ) {
        self.connection = connection
        self.keys = keys
        self.callsPerMinute = callsPerMinute
        self.costPerHour = costPerHour
        self.weights = weights
        self.needsOpenBooks = needsOpenBooks
        self.metrics = metrics
    }

    package func reserve(_ reservation: Reservation) async throws(StreamFailure) -> Turn {
        guard callsPerMinute != nil || costPerHour != nil else {
            return .granted(reservation.most)
        }
        let answer = try await run(
            Scripts.reserveGlobal,
            .reserveGlobal,
            keys: [
                .text(keys.cost), .text(keys.reservations), .text(keys.spend), .text(keys.pace),
                .text(keys.books),
            ],
            arguments: [
                .text(reservation.name), .number(Int(reservation.least.amount)),
                .number(Int(reservation.most.amount)), .number(Int(reservation.deadlineMs)),
                costPerHour.map { .number(Int($0.amount)) } ?? "",
                callsPerMinute.map { .number($0) } ?? "", "",
                .text(reservation.priority == .retry ? "high" : reservation.priority.rawValue),
                .number(weights.high), .number(weights.normal), .number(weights.low),
                .number(needsOpenBooks ? 1 : 0),
            ]
        )
        guard let parts = answer.array, parts.count >= 2, let word = parts[0].text,
            let first = parts[1].number
        else { throw .refused("reserve_global answered something unknown") }
        switch word {
        case "granted": return .granted(NanoUSD(Int64(first)))
        case "pace": return .pace(ms: first < 0 ? nil : Int64(first))
        case "wait": return .wait(ms: Int64(first))
        default:
            let retry = parts.count == 3 ? parts[2].number ?? -1 : -1
            return .refused(
                left: NanoUSD(Int64(first)),
                retryAfterMs: retry < 0 ? nil : Int64(retry)
            )
        }
    }

    package func settle(_ name: String, cost: NanoUSD) async throws(StreamFailure) {
        guard costPerHour != nil else { return }
        _ = try await run(
            Scripts.settleGlobal,
            .settleGlobal,
            keys: [.text(keys.cost), .text(keys.reservations), .text(keys.spend)],
            arguments: [.text(name), .number(Int(cost.amount)), ""]
        )
    }

    private func run(
        _ script: RedisScript,
        _ label: Metrics.Script,
        keys: [RedisCommand.Argument],
        arguments: [RedisCommand.Argument]
    ) async throws(StreamFailure) -> RedisValue {
        let start = ContinuousClock.now
        defer { metrics.scriptDuration.record(label, ContinuousClock.now - start) }
        do throws(RedisError) {
            return try await connection.eval(script, keys: keys, arguments: arguments)
        } catch {
            throw StreamFailure(error)
        }
    }
}
