internal import Contract
internal import JSON
internal import Options
internal import Policy
internal import Synchronization

/// The stage that believes nothing: what the model wrote is read, checked and computed anew.
package struct Validation: Sendable {
    private let reader = ProposalReader()

    package init() {}

    package func judge(_ draft: Draft, for admitted: Admitted) -> Ending {
        switch draft.completion {
        case .failure(let failure, _): Self.ending(for: failure, admitted)
        case .answer(let answer): judge(answer, draft, admitted)
        }
    }

    private static func ending(for failure: ModelFailure, _ admitted: Admitted) -> Ending {
        let attempts = admitted.registered.attempt
        return switch failure {
        case .deadline: .failed(.late, attempts: attempts)
        case .upstream:
            .failed(Failure(.upstreamError, "the model could not be asked"), attempts: attempts)
        case .unusable:
            .failed(
                Failure(.invalidOutput, "the model's answer was no strategy"),
                attempts: attempts
            )
        case .cancelled: .abandoned
        }
    }

    private func judge(
        _ answer: Completion.Answer,
        _ draft: Draft,
        _ admitted: Admitted
    ) -> Ending {
        let accepted = admitted.accepted
        guard let proposal = reader.read(answer.proposal), proposal.decision != .refuse else {
            return Self.ending(for: .unusable, admitted)
        }
        guard proposal.decision == .trade else {
            return .result(result(of: nil, claimed: nil, answer, draft, admitted))
        }
        let today = NewYorkTime.date(at: UTCInstant(milliseconds: Int(draft.answeredMs)))
        let check = StructuralCheck(today: today, spot: accepted.request.market.currentPrice)
        guard case .sound(let sound) = check.check(proposal.legs) else {
            return Self.ending(for: .unusable, admitted)
        }
        let strategy = strategy(of: sound, proposal, symbol: accepted.request.market.symbol)
        let claimed = ResultPayload.Claimed(
            maxProfit: proposal.claimedMaxProfit,
            maxLoss: proposal.claimedMaxLoss,
            breakevens: proposal.claimedBreakevens
        )
        return .result(result(of: strategy, claimed: claimed, answer, draft, admitted))
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
        _ admitted: Admitted
    ) -> ResultPayload {
        let accepted = admitted.accepted
        let times = accepted.times
        let queuedMs = max(times.nowMs - times.addedMs, 0)
        let modelMs = max(draft.answeredMs - draft.askedMs, 0)
        let usage = ResultPayload.Usage(answer.spend, reserved: admitted.reserved)
        let asOf = accepted.request.market.asOf ?? UTCInstant(milliseconds: Int(draft.askedMs))
        return ResultPayload(
            source: .model,
            model: .init(name: answer.modelName, endpoint: "primary", attempts: 1),
            strategy: strategy,
            claimed: claimed,
            basis: .init(asOf: asOf.description, prices: "estimate"),
            usage: usage,
            limits: admitted.registered.grant.limits.after(usage.cost),
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

extension ResultPayload.Usage {
    init(_ spend: Spend, reserved: NanoUSD) {
        switch spend {
        case .nothing: self.init(tokens: nil, cost: .zero, isEstimated: false)
        case .metered(let usage, let cost):
            self.init(tokens: usage, cost: cost, isEstimated: false)
        case .unknown: self.init(tokens: nil, cost: reserved, isEstimated: true)
        }
    }

    private init(tokens: TokenUsage?, cost: NanoUSD, isEstimated: Bool) {
        self.init(
            promptTokens: tokens?.promptTokens ?? 0,
            cachedTokens: tokens?.cachedTokens ?? 0,
            completionTokens: tokens?.completionTokens ?? 0,
            cost: cost,
            isEstimated: isEstimated
        )
    }
}
