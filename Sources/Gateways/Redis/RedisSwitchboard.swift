package import Contract
package import Logging
package import Pipeline
package import Policy
package import Redis
internal import Synchronization
package import Telemetry

/// The `Switchboard` port over Redis: what all workers have seen of each way to a model.
///
/// A way that is closed to calls is known here within half a second, and asked nothing meanwhile:
/// while all is well no call waits for Redis. What fails is told at once.
package final class RedisSwitchboard: Switchboard {
    private let connection: RedisConnection
    private let clock: RedisClock
    private let keys: GlobalKeys
    private let own: String
    private let rules: Rules
    private let metrics: ModelMetrics
    private let streams: StreamMetrics
    private let log: Logger
    /// A mutex that nobody contends: calls are made on one loop.
    private let state: Mutex<State>

    /// What an operator may set.
    package struct Rules: Sendable {
        /// Repeats, as a share of requests: with the one that a fleet begins with, a tenth of them at the
        /// most from a hundred requests on.
        package let repeats: Double
        /// `HEDGE_BUDGET`: calls beside slow ones, as a share of requests.
        package let besides: Double

        package init(repeats: Double = 0.09, besides: Double) {
            self.repeats = repeats
            self.besides = besides
        }
    }

    private struct Way {
        var standing = Breaker.Standing()
        var calls = 0
        var failed = 0
        var slow = 0
    }

    private struct State {
        var ways: [Route: Way]
        /// Requests that no allowance has been told of.
        var requests: [Allowance: Int] = [:]
    }

    package init(
        connection: RedisConnection,
        clock: RedisClock,
        keys: GlobalKeys,
        own: String,
        routes: [Route],
        rules: Rules,
        metrics: ModelMetrics,
        streams: StreamMetrics,
        log: Logger
    ) {
        self.connection = connection
        self.clock = clock
        self.keys = keys
        self.own = own
        self.rules = rules
        self.metrics = metrics
        self.streams = streams
        self.log = log
        state = Mutex(
            State(
                ways: Dictionary(
                    routes.map { ($0, Way()) },
                    uniquingKeysWith: { first, _ in first }
                )
            )
        )
    }

    package func passage(_ route: Route, for kind: Ladder.Kind) async -> Passage {
        let standing = state.withLock { state in
            if kind == .first {
                for allowance in Allowance.allCases { state.requests[allowance, default: 0] += 1 }
            }
            return state.ways[route]?.standing ?? Breaker.Standing()
        }
        switch Breaker.verdict(standing, nowMs: clock.nowMs(), chance: .random(in: 0..<1)) {
        case .go: return .open
        case .refuse: return .closed
        case .probe:
            let won = await change(
                route,
                .probe(epoch: standing.epoch, leaseMs: Breaker.Limits.probeMs)
            )
            return won == true ? .probe : .closed
        }
    }

    package func report(_ route: Route, _ passage: Passage, _ report: CallReport) async {
        switch report {
        case .neutral:
            // The probe said nothing: whoever comes next may send another.
            guard passage == .probe, let epoch = standing(route)?.epoch else { return }
            _ = await change(route, .probe(epoch: epoch, leaseMs: 0))
        case .answered(let isSlow):
            state.withLock { state in
                state.ways[route]?.calls += 1
                if isSlow { state.ways[route]?.slow += 1 }
            }
            if passage == .probe, let epoch = standing(route)?.epoch {
                await close(route, epoch)
            }
        case .failed(let fault):
            state.withLock { state in
                state.ways[route]?.calls += 1
                state.ways[route]?.failed += 1
            }
            await count(route)
            guard let standing = standing(route) else { return }
            let move = Breaker.move(
                standing,
                after: fault,
                isProbe: passage == .probe,
                chance: .random(in: 0..<1)
            )
            if let move { await make(move, route, standing, fault) }
        }
    }

    package func take(_ allowance: Allowance) async -> Bool {
        let share = allowance == .repeats ? rules.repeats : rules.besides
        let requests = state.withLock { state in
            defer { state.requests[allowance] = 0 }
            return state.requests[allowance, default: 0]
        }
        let start = ContinuousClock.now
        defer { streams.scriptDuration.record(.allowance, ContinuousClock.now - start) }
        do throws(RedisError) {
            let answer = try await connection.eval(
                Scripts.allowance,
                keys: [.text(keys.allowances)],
                arguments: [
                    .text(allowance.rawValue), .number(requests),
                    .number(Int((share * 1_000).rounded())), "1",
                ]
            )
            return answer.number == 1
        } catch {
            // Without the fleet's word nothing is repeated.
            return false
        }
    }

    /// The key of an endpoint is another one: where its ways are off, the next call tries them.
    package func tryAgain(_ endpoint: String) async {
        for (route, standing) in standings where route.endpoint == endpoint {
            guard standing.state == .off else { continue }
            let change = Change.open(
                epoch: standing.epoch,
                holdMs: 0,
                reason: "key_renewed",
                isOff: false
            )
            guard await self.change(route, change) == true else { continue }
            log.notice("a way to the model is tried with its new key", metadata: Self.facts(route))
        }
    }

    /// What each way stands at, for the metrics and for `/health`.
    package var standings: [Route: Breaker.Standing] {
        state.withLock { $0.ways.mapValues(\.standing) }
    }

    /// Tells the fleet what has been seen here, and learns what the others have. Called twice a second.
    package func refresh() async {
        for route in state.withLock({ Array($0.ways.keys) }) { await count(route) }
        let open = standings.values.count { $0.state == .open || $0.state == .off }
        metrics.breakersOpen.set(to: open)
    }

    private func standing(_ route: Route) -> Breaker.Standing? {
        state.withLock { $0.ways[route]?.standing }
    }
}

// MARK: - What the script is asked

extension RedisSwitchboard {
    private enum Change {
        case count(calls: Int, failed: Int, slow: Int)
        case open(epoch: Int, holdMs: Int64, reason: String, isOff: Bool)
        case probe(epoch: Int, leaseMs: Int64)
        case close(epoch: Int)
    }

    /// Tells what has been seen, and acts on what the fleet has seen.
    private func count(_ route: Route) async {
        let seen = state.withLock { state -> Way? in
            let way = state.ways[route]
            state.ways[route]?.calls = 0
            state.ways[route]?.failed = 0
            state.ways[route]?.slow = 0
            return way
        }
        guard let seen else { return }
        let counted = Change.count(calls: seen.calls, failed: seen.failed, slow: seen.slow)
        guard await change(route, counted) != nil else {
            // Redis did not answer: it is told the next time.
            state.withLock { state in
                state.ways[route]?.calls += seen.calls
                state.ways[route]?.failed += seen.failed
                state.ways[route]?.slow += seen.slow
            }
            return
        }
        guard let standing = standing(route) else { return }
        let move = Breaker.move(standing, nowMs: clock.nowMs(), chance: .random(in: 0..<1))
        if let move { await make(move, route, standing, nil) }
    }

    private func make(
        _ move: Breaker.Move,
        _ route: Route,
        _ standing: Breaker.Standing,
        _ fault: CallFault?
    ) async {
        switch move {
        case .close: await close(route, standing.epoch)
        case .open(let holdMs, let reason):
            let isWide = fault?.isEndpointWide == true && fault?.alert != nil
            let others = state.withLock { state in
                state.ways.filter { isWide && $0.key.endpoint == route.endpoint && $0.key != route }
            }
            await open(route, standing.epoch, holdMs, reason, fault)
            // Told once. A key that is refused is refused for every model there.
            for (other, way) in others where way.standing.state != .off {
                await open(other, way.standing.epoch, holdMs, reason, fault, isFirst: false)
            }
        }
    }

    private func open(
        _ route: Route,
        _ epoch: Int,
        _ holdMs: Int64,
        _ reason: String,
        _ fault: CallFault?,
        isFirst: Bool = true
    ) async {
        let change = Change.open(
            epoch: epoch,
            holdMs: holdMs,
            reason: reason,
            isOff: fault?.alert != nil
        )
        guard await self.change(route, change) == true else { return }
        metrics.breakerChanges.increment(fault?.alert == nil ? .open : .off)
        guard isFirst else { return }
        var facts = Self.facts(route)
        facts["reason"] = "\(reason)"
        facts["hold_ms"] = "\(holdMs)"
        guard let alert = fault?.alert else {
            return log.warning("a way to the model is closed for a while", metadata: facts)
        }
        metrics.alerts.increment(Metrics.ModelAlert(alert))
        facts["hint"] = "\(alert.hint)"
        log.error("a way to the model is off until somebody mends it", metadata: facts)
    }

    private func close(_ route: Route, _ epoch: Int) async {
        guard await change(route, .close(epoch: epoch)) == true else { return }
        let isClosed = standing(route)?.state == .closed
        metrics.breakerChanges.increment(isClosed ? .closed : .ramping)
        log.notice(
            isClosed ? "a way to the model is open again" : "a way to the model is tried again",
            metadata: Self.facts(route)
        )
    }

    private static func facts(_ route: Route) -> Logger.Metadata {
        ["endpoint": "\(route.endpoint)", "model": "\(route.model)"]
    }

    /// - Returns: Whether the state was changed by this; nil when Redis did not answer.
    private func change(_ route: Route, _ change: Change) async -> Bool? {
        let (word, first, second, third, fourth): (String, Int, Int64, String, String) =
            switch change {
            case .count(let calls, let failed, let slow):
                ("count", calls, Int64(failed), String(slow), "")
            case .open(let epoch, let holdMs, let reason, let isOff):
                ("open", epoch, holdMs, reason, isOff ? "off" : "open")
            case .probe(let epoch, let leaseMs): ("probe", epoch, leaseMs, own, "")
            case .close(let epoch): ("close", epoch, 0, "", "")
            }
        let start = ContinuousClock.now
        defer { streams.scriptDuration.record(.breaker, ContinuousClock.now - start) }
        let name = "\(route.endpoint):\(route.model)"
        do throws(RedisError) {
            let answer = try await connection.eval(
                Scripts.breaker,
                keys: [.text(keys.breaker(name)), .text(keys.breakers)],
                arguments: [
                    .text(name), .text(word), .number(first), .number(Int(second)), .text(third),
                    .text(fourth), "",
                ]
            )
            guard let parts = answer.array, let standing = Breaker.Standing(parts) else {
                return nil
            }
            state.withLock { $0.ways[route]?.standing = standing }
            return parts[0].number == 1
        } catch {
            return nil
        }
    }
}

extension Breaker.Standing {
    /// As the script answers it.
    package init?(_ parts: [RedisValue]) {
        guard parts.count == 11, let state = parts[1].text.flatMap(Breaker.State.init) else {
            return nil
        }
        self.init()
        self.state = state
        epoch = parts[2].number ?? 0
        untilMs = Int64(parts[3].number ?? 0)
        sinceMs = Int64(parts[4].number ?? 0)
        trips = parts[5].number ?? 0
        reason = parts[6].text ?? ""
        calls = parts[7].number ?? 0
        failed = parts[8].number ?? 0
        slow = parts[9].number ?? 0
    }
}

extension CallFault.Alert {
    fileprivate var hint: String {
        switch self {
        case .outOfQuota: "the account has no money left: top it up, or set OPENAI_ENDPOINTS"
        case .keyRefused: "check OPENAI_API_KEY"
        case .forbidden: "the key may not use this model, or not from here"
        case .modelGone: "set OPENAI_MODEL or OPENAI_FALLBACK_MODELS to a model that is served"
        }
    }
}

extension Metrics.ModelAlert {
    init(_ alert: CallFault.Alert) {
        switch alert {
        case .outOfQuota: self = .outOfQuota
        case .keyRefused: self = .keyRefused
        case .forbidden: self = .forbidden
        case .modelGone: self = .modelGone
        }
    }
}
