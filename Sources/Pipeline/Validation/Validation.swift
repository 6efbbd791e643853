package import Contract
internal import JSON
internal import Options
internal import Synchronization

/// The stage that believes nothing: what the model wrote is read, held against every rule, mended
/// where that can be proved, and computed anew.
package struct Validation: Sendable {
    private let reader = ProposalReader()
    private let clock: any StoreClock

    package init(clock: any StoreClock) { self.clock = clock }

    package enum Verdict: Sendable {
        indirect case passed(ResultPayload)
        /// There is no answer of the model's that may be passed on.
        case failed(Degradation)
        /// This process is stopping.
        case abandoned
    }

    package func judge(
        _ draft: Draft,
        for admitted: Admitted,
        in proposed: Proposed
    ) -> Verdict {
        switch draft.completion {
        case .failure(.deadline, _): return .failed(.deadline)
        case .failure(.upstream, _): return .failed(.upstreamError)
        case .failure(.unusable, _): return .failed(.invalidOutput)
        case .failure(.cancelled, _): return .abandoned
        case .answer(let answer):
            guard let proposal = reader.read(answer.proposal), proposal.decision != .refuse else {
                return .failed(.invalidOutput)
            }
            let reply = Reply(
                proposed,
                source: .model,
                degraded: nil,
                call: Call(draft, reserved: admitted.reserved),
                nowMs: clock.nowMs()
            )
            return judge(proposal, in: proposed, reply)
        }
    }

    private func judge(
        _ proposal: Proposal,
        in proposed: Proposed,
        _ reply: Reply
    ) -> Verdict {
        guard proposal.decision == .trade else {
            return .passed(reply.declining(.foundNothing))
        }
        guard let legs = proposed.sound(proposal.legs) else { return .failed(.invalidOutput) }
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
        case .blocked: return .failed(.invalidOutput)
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

    /// What the rules would have put beside it: a menu takes time, so only who asks for all detail
    /// gets one.
    private func alternatives(
        _ proposal: Proposal,
        in proposed: Proposed
    ) -> [ResultPayload.Alternative] {
        guard proposed.world.request.detail == .full else { return [] }
        return Menu(proposed.wish).candidates
            .filter { $0.name.rawValue != proposal.name }
            .prefix(ReplyLimits.alternativesMax)
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

/// Parses proposals with one parser, whose memory is used again.
private final class ProposalReader: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let parser = Mutex(JSONParser(limits: JSONLimits(bytesMax: 256 * 1024, depthMax: 16)))

    func read(_ bytes: [UInt8]) -> Proposal? {
        parser.withLock { parser in
            do throws(JSONError) {
                return try Proposal(parser.parse(bytes))
            } catch {
                return nil
            }
        }
    }
}
