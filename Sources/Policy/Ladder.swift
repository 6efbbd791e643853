package import Contract

/// Which call comes next, and when there is none: the rungs between a model's first answer and the
/// service's own choice. Knows no clock, no socket and no money; whoever climbs says what became of
/// each step.
///
/// ```
/// first ─▶ again, when it may pass and the wait is short ─▶ elsewhere ─▶ … ─▶ give up
///      └─▶ asked anew, once, when what came could not be used ─▶ elsewhere ─▶ …
/// ```
package struct Ladder: Sendable {
    package enum Limits {
        /// Calls of one request, however many ways there are: first, again, anew, elsewhere.
        package static let callsMax = 4
        /// Repeats by the same way. A second one helps a provider that is down to stay so.
        package static let repeatsMax = 1
        package static let reasksMax = 1
        /// A wait longer than this is spent elsewhere, where there is an elsewhere.
        package static let patienceMs: Int64 = 1_000
        /// No call is begun with less time than this.
        package static let usefulMs: Int64 = 150
        /// Where nobody says how long: up to this, by the dice.
        package static let pauseMsMax: Int64 = 400
    }

    package enum Kind: String, CaseIterable, Sendable {
        case first
        /// The same once more: takes from the fleet's allowance of repeats.
        case again = "repeat"
        /// The same with what was wrong with the answer: takes from it too.
        case anew = "reask"
        case elsewhere = "failover"
        /// Beside one that is slow.
        case beside = "hedge"
    }

    package enum Step: Equatable, Sendable {
        case call(Route, Kind, afterMs: Int64)
        case giveUp(Degradation)
    }

    private let routes: [Route]
    private var place = 0
    private var calls = 0
    private var repeatsHere = 0
    private var reasks = 0
    private var deadEndpoints: Set<String> = []
    private var deadModels: Set<String> = []
    /// Why the model's answer is not the one, as it stands now.
    private var reason = Degradation.circuitOpen

    /// - Parameter routes: In the order in which they are tried.
    package init(_ routes: [Route]) { self.routes = routes }

    package func start() -> Step {
        routes.first.map { .call($0, .first, afterMs: 0) } ?? .giveUp(reason)
    }

    /// The step was taken: a call was made.
    package mutating func called() { calls += 1 }

    /// A call was made beside this one, by a way that is not tried again.
    package mutating func calledBeside(_ route: Route) {
        calls += 1
        deadEndpoints.insert(route.endpoint)
    }

    /// The way that was to be taken is closed.
    package mutating func closed() -> Step { elsewhere() ?? .giveUp(reason) }

    /// There is no money for the call, the user's or the fleet's: a cheaper model may still do.
    package mutating func unaffordable(_ reason: Degradation) -> Step {
        if calls == 0 { self.reason = reason }
        return elsewhere() ?? .giveUp(self.reason)
    }

    /// The fleet has no repeat left for what was to be repeated.
    package mutating func repeatDenied() -> Step { elsewhere() ?? .giveUp(reason) }

    /// - Parameters:
    ///   - leftMs: Until the request's last call must have ended.
    ///   - chance: From 0 up to 1, for the pause.
    package mutating func failed(_ fault: CallFault, leftMs: Int64, chance: Double) -> Step {
        switch fault {
        case .deadline: reason = .deadline
        case .unintelligible, .refusedContent: reason = .invalidOutput
        default: reason = .upstreamError
        }
        guard fault.isElsewhereWorthwhile, calls < Limits.callsMax else { return .giveUp(reason) }
        if fault.isEndpointWide { deadEndpoints.insert(routes[place].endpoint) }
        if fault == .modelGone { deadModels.insert(routes[place].model) }
        let waitMs = fault.waitMs ?? 50 + Int64(chance * Double(Limits.pauseMsMax - 50))
        let mayRepeat =
            fault.mayPass && repeatsHere < Limits.repeatsMax
            && waitMs + Limits.usefulMs <= leftMs
        let hasElsewhere = nextPlace() != nil
        if mayRepeat, waitMs <= Limits.patienceMs || !hasElsewhere {
            repeatsHere += 1
            return .call(routes[place], .again, afterMs: waitMs)
        }
        guard leftMs >= Limits.usefulMs else { return .giveUp(.deadline) }
        return elsewhere() ?? .giveUp(reason)
    }

    /// An answer came that could not be used.
    ///
    /// - Parameter mayAsk: False when the model would not answer at all: asked anew it would not
    ///   either.
    package mutating func unusable(mayAsk: Bool, leftMs: Int64) -> Step {
        reason = .invalidOutput
        guard calls < Limits.callsMax, leftMs >= Limits.usefulMs, mayAsk else {
            return .giveUp(reason)
        }
        if reasks < Limits.reasksMax {
            reasks += 1
            return .call(routes[place], .anew, afterMs: 0)
        }
        return elsewhere() ?? .giveUp(reason)
    }

    /// Where a second call may go beside one that is slow: another endpoint.
    package var besides: Route? {
        guard calls < Limits.callsMax, routes.indices.contains(place) else { return nil }
        return routes.first {
            $0.endpoint != routes[place].endpoint && !deadEndpoints.contains($0.endpoint)
                && !deadModels.contains($0.model)
        }
    }

    private func nextPlace() -> Int? {
        routes.indices.first {
            $0 > place && !deadEndpoints.contains(routes[$0].endpoint)
                && !deadModels.contains(routes[$0].model)
        }
    }

    private mutating func elsewhere() -> Step? {
        guard calls < Limits.callsMax, let next = nextPlace() else { return nil }
        place = next
        repeatsHere = 0
        return .call(routes[next], calls == 0 ? .first : .elsewhere, afterMs: 0)
    }
}
