package import Contract
package import Options
package import Policy

/// The stage before the books: who gives orders to the model, asks for what nobody is answered, or
/// for what the house offers to nobody, goes no further.
package final class Screening: Sendable {
    private let restrictions: any Restrictions
    private let screener: Screener?
    private let rules: Rules

    /// - Parameter screener: Nil when texts are not looked at.
    package init(
        restrictions: any Restrictions,
        screener: Screener? = Screener(),
        rules: Rules = Rules()
    ) {
        self.restrictions = restrictions
        self.screener = screener
        self.rules = rules
    }

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `SECURITY_STRICT`: what is only flagged is refused, too.
        package let refusesFlagged: Bool

        package init(refusesFlagged: Bool = false) { self.refusesFlagged = refusesFlagged }
    }

    package enum Verdict: Sendable {
        case passed(Screened)
        indirect case blocked(Rejection, ScreeningVerdict)
        indirect case restricted(Rejection, RestrictedList.Hit, ScreeningVerdict?)
    }

    package func screen(_ accepted: Accepted) async throws(CancellationError) -> Verdict {
        let (verdict, field) = look(at: accepted.request)
        if let verdict, verdict.level == .block || verdict.level == .flag && rules.refusesFlagged {
            return .blocked(Self.rejection(verdict, field), verdict)
        }
        let list = try await restrictions.inForce()
        if let hit = list.hit(ticker: accepted.request.market.symbol) {
            let rejection = Rejection(
                .unsuitable,
                hit.sentence,
                field: "/market_context/symbol"
            )
            return .restricted(rejection, hit, verdict)
        }
        return .passed(Screened(accepted, list, verdict))
    }

    /// The worst of what the caller wrote in words of his own, and where it stands: only these reach
    /// a model. Every other text of a request is one of a list, a symbol or a date.
    private func look(at request: GenerateRequest) -> (ScreeningVerdict?, field: String) {
        guard let screener else { return (nil, "") }
        var worst = screener.screen(request.intent)
        var field = "/user_intent"
        for (index, event) in (request.market.events ?? []).enumerated() {
            let verdict = screener.screen(event.kind)
            guard verdict.level > worst.level else { continue }
            (worst, field) = (verdict, "/market_context/events/\(index)/kind")
        }
        return (worst, field)
    }

    private static func rejection(_ verdict: ScreeningVerdict, _ field: String) -> Rejection {
        if let reason = verdict.reasons.first(where: \.isContentPolicy) {
            return Rejection(
                .contentPolicy,
                "what this asks for is not answered: \(reason.code)",
                field: field
            )
        }
        let codes = verdict.reasons.map(\.code).joined(separator: ", ")
        return Rejection(
            .promptInjection,
            "this reads as orders to the model rather than as a wish for a strategy: \(codes)",
            field: field
        )
    }
}

/// A request on an underlying that may be offered. Only `Screening`, in this file, can make one.
package final class Screened: Sendable {
    package let accepted: Accepted
    /// What was restricted when it was screened; strategies among it are left out further on.
    package let restricted: RestrictedList
    /// Nil when texts are not looked at.
    package let verdict: ScreeningVerdict?

    /// It may be an attack: the model is told to be on its guard.
    package var isSuspect: Bool { verdict.map { $0.level != .pass } ?? false }

    fileprivate init(
        _ accepted: Accepted,
        _ restricted: RestrictedList,
        _ verdict: ScreeningVerdict?
    ) {
        self.accepted = accepted
        self.restricted = restricted
        self.verdict = verdict
    }
}
