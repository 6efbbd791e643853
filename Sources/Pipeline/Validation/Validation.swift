internal import Contract
internal import JSON
internal import Options
internal import Policy
internal import Synchronization

/// The stage that believes nothing: what the model wrote is read, checked and computed anew.
package struct Validation: Sendable {
    private let reader = ProposalReader()

    package init() {}

    package func judge(_ draft: Draft, for accepted: Accepted) -> Ending {
        switch draft.completion {
        case .failure(let failure): Self.ending(for: failure)
        case .answer(let answer): judge(answer, draft, accepted)
        }
    }

    private static func ending(for failure: ModelFailure) -> Ending {
        switch failure {
        case .deadline:
            .failed(Failure(.deadline, "no strategy was ready by the deadline"), attempts: 1)
        case .upstream:
            .failed(Failure(.upstreamError, "the model could not be asked"), attempts: 1)
        case .unusable:
            .failed(Failure(.invalidOutput, "the model's answer was no strategy"), attempts: 1)
        case .cancelled: .abandoned
        }
    }

    private func judge(
        _ answer: Completion.Answer,
        _ draft: Draft,
        _ accepted: Accepted
    ) -> Ending {
        guard let proposal = reader.read(answer.proposal), proposal.decision != .refuse else {
            return Self.ending(for: .unusable)
        }
        guard proposal.decision == .trade else {
            return .result(result(of: nil, claimed: nil, answer, draft, accepted))
        }
        let today = NewYorkTime.date(at: UTCInstant(milliseconds: Int(draft.answeredMs)))
        let check = StructuralCheck(today: today, spot: accepted.request.market.currentPrice)
        guard case .sound(let sound) = check.check(proposal.legs) else {
            return Self.ending(for: .unusable)
        }
        let strategy = strategy(of: sound, proposal, symbol: accepted.request.market.symbol)
        let claimed = ResultPayload.Claimed(
            maxProfit: proposal.claimedMaxProfit,
            maxLoss: proposal.claimedMaxLoss,
            breakevens: proposal.claimedBreakevens
        )
        return .result(result(of: strategy, claimed: claimed, answer, draft, accepted))
    }

    /// Every figure comes from the legs.
    private func strategy(
        of sound: SoundLegs,
        _ proposal: Proposal,
        symbol: String
    ) -> StrategyPayload {
        let payoff = Payoff(legs: sound.legs)
        let root = OSISymbol.root(forTicker: symbol)
        return StrategyPayload(
            name: proposal.name,
            outlook: proposal.outlook,
            rationale: proposal.rationale,
            legs: sound.legs.map { LegPayload($0, root: root) },
            netPremium: payoff.netPremium.dollars,
            maxProfit: payoff.maxProfit?.dollars,
            maxLoss: payoff.maxLoss?.dollars,
            breakevens: payoff.breakevens.map(\.dollars),
            risks: proposal.risks
        )
    }

    private func result(
        of strategy: StrategyPayload?,
        claimed: ResultPayload.Claimed?,
        _ answer: Completion.Answer,
        _ draft: Draft,
        _ accepted: Accepted
    ) -> ResultPayload {
        let times = accepted.times
        let queuedMs = max(times.nowMs - times.addedMs, 0)
        let modelMs = max(draft.answeredMs - draft.askedMs, 0)
        let asOf = accepted.request.market.asOf ?? UTCInstant(milliseconds: Int(draft.askedMs))
        return ResultPayload(
            source: .model,
            model: .init(name: answer.modelName, endpoint: "primary", attempts: 1),
            strategy: strategy,
            claimed: claimed,
            basis: .init(asOf: asOf.description, prices: "estimate"),
            usage: .init(
                promptTokens: answer.usage?.promptTokens ?? 0,
                cachedTokens: answer.usage?.cachedTokens ?? 0,
                completionTokens: answer.usage?.completionTokens ?? 0,
                cost: answer.cost,
                isEstimated: answer.usage == nil
            ),
            timing: .init(
                queuedMs: queuedMs,
                modelMs: modelMs,
                // The store's clock is adjusted now and then; a whole is never less than its parts.
                totalMs: max(draft.answeredMs - times.addedMs, queuedMs + modelMs)
            )
        )
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

extension LegPayload {
    fileprivate init(_ leg: Leg, root: String) {
        let symbol: OSISymbol? =
            if let right = leg.instrument.right, let strike = leg.instrument.strike,
                let expiry = leg.expiry
            { OSISymbol(root: root, expiry: expiry, right: right, strike: strike) } else { nil }
        self.init(
            action: leg.action.rawValue,
            instrument: leg.instrument.word,
            strike: leg.instrument.strike?.dollars,
            expiry: leg.expiry?.description,
            quantity: leg.quantity,
            multiplier: leg.multiplier,
            price: leg.price.dollars,
            symbol: symbol?.description
        )
    }
}
