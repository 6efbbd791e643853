package import Contract
internal import JSON
internal import Options

/// The stage that believes nothing: what the model wrote is read, held against every rule, mended
/// where that can be proved, and computed anew.
package final class Validation: Sendable {
    private let reader = AnswerReader()
    private let clock: any StoreClock

    package init(clock: any StoreClock) { self.clock = clock }

    package enum Verdict: Sendable {
        indirect case passed(ResultPayload)
        /// What came could not be used, and this is what was wrong with it.
        case defective([String])
        /// There is no answer of a model's that may be passed on.
        case failed(Degradation)
        /// This process is stopping.
        case abandoned
    }

    /// - Parameter calls: All that were made, the one that brought this answer last.
    func judge(
        _ answer: Completion.Answer,
        _ calls: [CallRecord],
        in proposed: Proposed
    ) -> Verdict {
        let reply = Reply(
            proposed,
            source: .model,
            degraded: nil,
            calls: calls,
            nowMs: clock.nowMs()
        )
        return judge(answer.proposal, in: proposed, reply)
    }

    /// What another was answered who asked the same, as if it had been said to this request, now.
    ///
    /// - Parameters:
    ///   - calls: Those that were made for this request all the same.
    ///   - reason: Why none of them is the answer; nil when none was made.
    func judge(
        _ shared: SharedAnswer,
        _ calls: [CallRecord],
        _ reason: Degradation?,
        in proposed: Proposed
    ) -> Verdict {
        let reply = Reply(
            proposed,
            source: .cache,
            degraded: reason,
            calls: calls,
            shared: shared,
            nowMs: clock.nowMs()
        )
        return judge(shared.said, in: proposed, reply)
    }

    private func judge(_ said: [UInt8], in proposed: Proposed, _ reply: Reply) -> Verdict {
        switch Question.Form(proposed.world.request) {
        case .freeForm: judge(proposal: said, in: proposed, reply)
        case .menuFast, .menuFull: judge(choice: said, in: proposed, reply)
        }
    }

    /// What is wrong with an answer's form, without a word of it.
    private static func defect(_ error: JSONError) -> Verdict { .defective(["\(error)"]) }
}

// MARK: - A choice from the menu

extension Validation {
    private func judge(
        choice bytes: [UInt8],
        in proposed: Proposed,
        _ reply: Reply
    ) -> Verdict {
        let candidates = proposed.menu.candidates
        let answer: MenuAnswer
        do throws(JSONError) {
            answer = try reader.read(bytes) { (document) throws(JSONError) in
                try MenuAnswer(document, count: candidates.count)
            }
        } catch {
            return Self.defect(error)
        }
        guard answer.choice > 0 else {
            let isRequest = !answer.reasons.contains(.notARequest)
            return .passed(reply.declining(isRequest ? .foundNothing : .notARequest))
        }
        return serve(answer, from: candidates, in: proposed, reply)
    }

    /// The choice with its adjustment where that can be had and passes, else as it was offered.
    private func serve(
        _ answer: MenuAnswer,
        from candidates: [Candidate],
        in proposed: Proposed,
        _ reply: Reply
    ) -> Verdict {
        let candidate = candidates[answer.choice - 1]
        let isFull = proposed.world.request.detail == .full
        let words = Dish.Words(
            rationale: Sentences.of(answer.rationale),
            risks: answer.risks,
            withFigures: isFull
        )
        let others = candidates.count
        var held: Proposed.Held?
        if !answer.adjustment.isNone,
            let legs = candidate.legs(adjustedBy: answer.adjustment, for: proposed.wish)
        {
            let dish = Dish(candidate, legs: legs, model: .answered, words: words)
            held = proposed.hold(dish, beside: others)
            if case .offer = held {} else { held = nil }
        }
        held =
            held ?? proposed.hold(Dish(candidate, model: .answered, words: words), beside: others)
        switch held {
        // Nothing that the model could mend: what bars its choice bars the menu.
        case nil, .blocked: return .failed(.invalidOutput)
        case .notPermitted: return .failed(.notPermitted)
        case .offer(let offer):
            let quoted = proposed.world.chain?.priced(offer.subject.legs)
            return .passed(
                reply.offering(
                    offer,
                    outlook: proposed.wish.trend.rawValue,
                    prices: quoted == offer.subject.legs ? .chain : .estimate,
                    alternatives: alternatives(answer, on: candidates)
                )
            )
        }
    }

    private func alternatives(
        _ answer: MenuAnswer,
        on candidates: [Candidate]
    ) -> [ResultPayload.Alternative] {
        answer.ranking.prefix(ReplyLimits.alternativesMax).map { id in
            ResultPayload.Alternative(
                candidates[id - 1],
                whyNot: answer.whyNot[id] ?? "the model ranks it behind"
            )
        } + [.noTrade]
    }
}

// MARK: - Legs of the model's own

extension Validation {
    private func judge(
        proposal bytes: [UInt8],
        in proposed: Proposed,
        _ reply: Reply
    ) -> Verdict {
        let proposal: Proposal
        do throws(JSONError) {
            proposal = try reader.read(bytes) { (document) throws(JSONError) in
                try Proposal(document)
            }
        } catch {
            return Self.defect(error)
        }
        switch proposal.decision {
        case .refuse: return .failed(.invalidOutput)
        case .noTrade: return .passed(reply.declining(.foundNothing))
        case .trade: return judge(proposal, in: proposed, reply)
        }
    }

    private func judge(
        _ proposal: Proposal,
        in proposed: Proposed,
        _ reply: Reply
    ) -> Verdict {
        guard let legs = proposed.sound(proposal.legs) else {
            return .defective(["/legs: expected one to four sound legs on the grid"])
        }
        let alternatives = alternatives(proposal, in: proposed)
        var subject = proposed.subject(legs)
        if let priced = proposed.world.chain?.priced(subject.legs) { subject.legs = priced }
        subject.outlook = proposal.trend
        subject.claims = proposal.claims
        subject.prose = Prose(
            rationale: proposal.sentences,
            risks: proposal.risks,
            disclosures: Disclosures.all(subject)
        )
        subject.model = .answered
        subject.alternatives = alternatives.isEmpty ? nil : alternatives.count
        switch proposed.hold(subject) {
        case .blocked(let rule, _): return .defective(["/legs: \(rule.rule): \(rule.evidence)"])
        case .notPermitted: return .failed(.notPermitted)
        case .offer(let offer):
            let quoted = proposed.world.chain?.priced(offer.subject.legs)
            return .passed(
                reply.offering(
                    offer,
                    outlook: proposal.outlook,
                    prices: quoted == offer.subject.legs ? .chain : .estimate,
                    alternatives: alternatives,
                    claimed: proposal.claimed
                )
            )
        }
    }

    /// What the rules would have put beside it, for who asks for all detail.
    private func alternatives(
        _ proposal: Proposal,
        in proposed: Proposed
    ) -> [ResultPayload.Alternative] {
        guard proposed.world.request.detail == .full else { return [] }
        return proposed.menu
            .others(ReplyLimits.alternativesMax) { $0.name.rawValue != proposal.name }
            .map { ResultPayload.Alternative($0, whyNot: "the model chose otherwise") }
            + [.noTrade]
    }
}

extension NoTradePayload {
    /// The model's own decision; its words are no rule's.
    fileprivate static let foundNothing = NoTradePayload(
        rule: nil,
        message: "The model found nothing that suits.",
        smallestChange: nil
    )
    fileprivate static let notARequest = NoTradePayload(
        rule: nil,
        message: "The model takes the text for something else than a wish for a strategy.",
        smallestChange: nil
    )
}

extension Proposal {
    fileprivate var claims: Case.Claims {
        Case.Claims(
            name: name,
            maxProfitUSD: claimedMaxProfit,
            maxLossUSD: claimedMaxLoss,
            lossIsBounded: claimedMaxLoss != nil,
            breakevens: claimedBreakevens
        )
    }

    fileprivate var claimed: ResultPayload.Claimed {
        ResultPayload.Claimed(
            maxProfit: claimedMaxProfit,
            maxLoss: claimedMaxLoss,
            breakevens: claimedBreakevens
        )
    }

    fileprivate var sentences: [String] { Sentences.of(rationale) }

    /// Where it says that it earns; nil where it says only that something will move.
    fileprivate var trend: Trend? {
        switch outlook {
        case "bullish", "mildly_bullish": .bullish
        case "bearish", "mildly_bearish": .bearish
        case "neutral": .neutral
        default: nil
        }
    }
}
