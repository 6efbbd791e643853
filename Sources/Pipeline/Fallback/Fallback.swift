package import Contract
internal import Options

/// The ladder's last rung: the service's own choice from its menu, in sentences made of computed
/// facts, held against the same rules as everything else. It needs no model, and hardly any time.
package final class Fallback: Sendable {
    private let clock: any StoreClock

    package init(clock: any StoreClock) { self.clock = clock }

    /// - Parameters:
    ///   - reason: Why the model's answer is not the one; nil while it may still come, and where none
    ///     would have been.
    ///   - calls: Those that were made.
    package func answer(
        _ proposed: Proposed,
        because reason: Degradation?,
        after calls: [CallRecord]
    ) -> ResultPayload {
        let wish = proposed.wish
        let menu = proposed.menu
        let reply = Reply(
            proposed,
            source: .ruleBased,
            degraded: reason,
            calls: calls,
            nowMs: clock.nowMs()
        )
        var first: NoTradePayload?
        for candidate in menu.candidates.prefix(Limits.triesMax) {
            let others = alternatives(to: candidate, on: menu)
            switch proposed.hold(candidate, beside: others.count) {
            case .offer(let offer):
                return reply.offering(
                    offer,
                    outlook: wish.trend.rawValue,
                    prices: candidate.isQuoted ? .chain : .estimate,
                    alternatives: others
                )
            case .blocked(let rule, let change):
                first =
                    first
                    ?? NoTradePayload(
                        rule: rule.rule,
                        message: rule.evidence,
                        smallestChange: change
                    )
            case .notPermitted, nil: continue
            }
        }
        return reply.declining(first ?? nothing(on: menu, for: wish))
    }

    private enum Limits {
        /// Candidates held against the rules. The first passes unless the account itself is barred,
        /// and then none does.
        static let triesMax = 4
    }

    private func alternatives(
        to chosen: Candidate,
        on menu: Menu
    ) -> [ResultPayload.Alternative] {
        menu.others(ReplyLimits.alternativesMax, than: chosen.name) { $0.legs != chosen.legs }.map {
            ResultPayload.Alternative($0, whyNot: "it ranks behind for this view and market")
        } + [.noTrade]
    }

    private func nothing(on menu: Menu, for wish: CandidateRequest) -> NoTradePayload {
        NoTradePayload(
            rule: menu.decline.rule,
            message: menu.decline.sentence,
            smallestChange: menu.smallestChange(for: wish)
        )
    }
}
