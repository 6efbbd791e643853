/// The candidates for a request, best first: sized, priced, within every limit that is given.
package struct Menu: Sendable {
    /// 6–12 where as many fit, of different forms or strikes; may be empty.
    package let candidates: [Candidate]
    /// Why the first choice, or everything, was left out; nil when the first choice stands.
    package let noTrade: NoTrade?
    /// Why nothing is on it, where nothing is.
    package var decline: NoTrade {
        noTrade ?? NoTrade(reason: .nothingSuits, rule: "C10", needed: nil)
    }

    /// Of every choice that was left out, in the order in which they were tried.
    private let refusals: [NoTrade]

    /// Lines on a menu: enough to choose from, few enough to read.
    package static let candidatesMax = 12
    /// Of one name: a menu offers forms, not a price list.
    private static let alikeMax = 4

    package init(_ request: CandidateRequest) {
        let bench = Bench(request)
        var found: [Candidate] = []
        var refusals: [NoTrade] = []
        for (rank, choice) in MenuOrder.choices(request).enumerated() {
            guard found.count < Self.candidatesMax else { break }
            switch bench.build(choice.choice, later: choice.later) {
            case .success(let fit):
                if Self.isNews(fit, beside: found, spot: request.market.spot) {
                    found.append(bench.measure(fit, isFirst: rank == 0))
                }
            case .failure(let refusal): refusals.append(refusal.noTrade)
            }
        }
        let first = found.first { $0.isFirstChoice }
        candidates = Self.ranked(found)
        noTrade =
            first == nil
            ? refusals.first ?? NoTrade(reason: .nothingSuits, rule: "C10", needed: nil) : nil
        self.refusals = refusals
    }

    /// The first choice, then the others by their score; equals stay in the order they were found in.
    private static func ranked(_ found: [Candidate]) -> [Candidate] {
        let scores = found.map { $0.isFirstChoice ? .infinity : $0.score }
        let order = found.indices.sorted {
            scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1]
        }
        return order.map { found[$0] }
    }

    /// Whether anything would be on the menu for a request: the first that fits is enough.
    static func offers(_ request: CandidateRequest) -> Bool {
        let bench = Bench(request)
        return MenuOrder.choices(request).contains { choice, later in
            if case .success = bench.build(choice, later: later) { true } else { false }
        }
    }

    /// Some of what else is on it, in its order: one of each form first, and of another form than
    /// the chosen one where there is any.
    package func others(
        _ countMax: Int,
        than chosen: StrategyName? = nil,
        where isOther: (Candidate) -> Bool
    ) -> [Candidate] {
        let others = candidates.filter(isOther)
        var picked: [Int] = []
        var seen = chosen.map { [$0] } ?? []
        for (place, candidate) in others.enumerated() where !seen.contains(candidate.name) {
            seen.append(candidate.name)
            picked.append(place)
        }
        picked = Array(picked.prefix(countMax))
        for place in others.indices where picked.count < countMax && !picked.contains(place) {
            picked.append(place)
        }
        return picked.sorted().map { others[$0] }
    }

    /// What would put something on an empty menu: of each kind of limit the least that any
    /// choice asked for, the first of them that works by itself. Nil when none does, and where
    /// there is something to choose from.
    package func smallestChange(for request: CandidateRequest) -> SmallestChange? {
        guard candidates.isEmpty else { return nil }
        let bound = refusals.isEmpty ? noTrade.map { [$0] } ?? [] : refusals
        for reason in NoTrade.Reason.allCases {
            let least = bound.filter { $0.reason == reason }
                .min { ($0.needed ?? .infinity) < ($1.needed ?? .infinity) }
            if let least, let change = SmallestChange(for: request, least) { return change }
        }
        return nil
    }

    /// Of one name at one expiry, strikes must lie at least half a per cent of the spot apart.
    private static func isNews(
        _ fit: Bench.Fit,
        beside found: [Candidate],
        spot: Double
    ) -> Bool {
        var alike = 0
        for other in found where other.name == fit.classification.name {
            alike += 1
            let pairs = zip(other.legs, fit.legs)
            let isApart =
                other.legs.count != fit.legs.count
                || pairs.contains { $0.expiry != $1.expiry }
                || pairs.contains { one, two in
                    guard let one = one.instrument.strike, let two = two.instrument.strike else {
                        return false
                    }
                    return (one.dollars - two.dollars).magnitude > 0.005 * spot
                }
            if !isApart { return false }
        }
        return alike < alikeMax
    }
}

extension Candidate {
    /// Order on the menu behind the first choice: how often it earns, and what it is expected to
    /// earn or lose against what it risks.
    var score: Double {
        let risk = max(1, addedMaxLossUSD ?? margin.usd)
        return probabilityOfProfit + max(-0.5, min(0.5, expectedValueUSD / risk))
    }
}
