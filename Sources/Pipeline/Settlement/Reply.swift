internal import Contract
internal import Options
internal import Policy

enum ReplyLimits {
    /// Alternatives in one reply, no trade apart.
    static let alternativesMax = 3
}

/// Makes the payload of a result: figures that were computed, and what they stand on.
struct Reply {
    private let proposed: Proposed
    private let source: ResultPayload.Source
    private let degraded: Degradation?
    private let calls: [CallRecord]
    private let shared: SharedAnswer?
    private let nowMs: Int64

    /// - Parameter shared: What was found, where `source` is `cache`.
    init(
        _ proposed: Proposed,
        source: ResultPayload.Source,
        degraded: Degradation?,
        calls: [CallRecord],
        shared: SharedAnswer? = nil,
        nowMs: Int64
    ) {
        self.proposed = proposed
        self.source = source
        self.degraded = degraded
        self.calls = calls
        self.shared = shared
        self.nowMs = nowMs
    }

    private var world: Enriched { proposed.world }

    func offering(
        _ offer: Offer,
        outlook: String,
        prices: ResultPayload.Basis.Prices,
        alternatives: [ResultPayload.Alternative],
        claimed: ResultPayload.Claimed? = nil
    ) -> ResultPayload {
        let subject = offer.subject
        let root = OSISymbol.root(forTicker: world.ticker)
        let prose = subject.prose ?? Prose(rationale: [])
        let strategy = StrategyPayload(
            outlook: outlook,
            summary: Explanation.summary(
                of: offer.figures.name,
                legs: subject.legs,
                sharesHeld: offer.figures.sharesHeld,
                on: world.ticker
            ),
            rationale: prose.rationale.joined(separator: " "),
            legs: subject.legs.map { LegPayload($0, root: root) },
            figures: offer.figures,
            risks: prose.risks,
            disclosures: prose.disclosures
        )
        let needsReview =
            offer.report.pack.status == .brokerDealer || offer.figures.level >= 4
        return payload(
            .trade(strategy),
            verdict: world.tolerance == nil
                ? .informationOnly : offer.report.verdict == .pass ? .pass : .conditional,
            prices: prices,
            alternatives: alternatives,
            needsReview: needsReview,
            claimed: claimed,
            impact: world.tier.seesPortfolioImpact ? PortfolioImpact(offer, in: world) : nil,
            validation: ValidationPayload(offer, world.book?.findings ?? [])
        )
    }

    func declining(_ reason: NoTradePayload) -> ResultPayload {
        payload(
            .noTrade(reason),
            verdict: .informationOnly,
            prices: world.chain == nil ? .estimate : .chain,
            alternatives: [],
            needsReview: false,
            claimed: nil,
            impact: nil,
            validation: nil
        )
    }

    private func payload(
        _ outcome: ResultPayload.Outcome,
        verdict: ResultPayload.Verdict,
        prices: ResultPayload.Basis.Prices,
        alternatives: [ResultPayload.Alternative],
        needsReview: Bool,
        claimed: ResultPayload.Claimed?,
        impact: PortfolioImpact?,
        validation: ValidationPayload?
    ) -> ResultPayload {
        let sums = CallSums(calls)
        let usage = ResultPayload.Usage(sums)
        return ResultPayload(
            verdict: verdict,
            source: source,
            degraded: degraded,
            model: provenance,
            cacheAgeMs: shared?.ageMs,
            outcome: outcome,
            alternatives: alternatives,
            requiresPrincipalReview: needsReview,
            basis: ResultPayload.Basis(
                asOf: world.asOf.description,
                volatility: world.volatility,
                volatilitySource: world.volatilitySource,
                rate: world.market.rate,
                dividendYield: world.market.dividendYield,
                prices: prices
            ),
            claimed: claimed,
            portfolioImpact: impact,
            validation: validation,
            usage: usage,
            limits: world.registered.grant.limits.after(usage.cost),
            timing: timing(modelMs: sums.modelMs)
        )
    }

    /// Of who answered: where a fallback did, no model is named, only how often one was asked.
    private var provenance: ResultPayload.ModelProvenance? {
        if let shared {
            return .init(
                name: shared.modelName,
                endpoint: shared.endpoint,
                attempts: calls.count
            )
        }
        guard let last = calls.last else { return nil }
        let isModel = source == .model
        return .init(
            name: isModel ? last.modelName : nil,
            endpoint: isModel ? last.route.endpoint : nil,
            attempts: calls.count
        )
    }

    private func timing(modelMs: Int64) -> ResultPayload.Timing {
        let times = world.registered.accepted.times
        let queuedMs = max(times.nowMs - times.addedMs, 0)
        return .init(
            queuedMs: queuedMs,
            modelMs: modelMs,
            // The store's clock is adjusted now and then; a whole is never less than its parts.
            totalMs: max(nowMs - times.addedMs, queuedMs + modelMs)
        )
    }
}

// MARK: - Blocks

extension ValidationPayload {
    init(_ offer: Offer, _ positions: [PositionFinding]) {
        let repairs = offer.steps.map {
            Finding(rule: $0.rule, severity: "repair", message: $0.change)
        }
        let findings = offer.report.findings.map {
            Finding(rule: $0.rule, severity: $0.severity.rawValue, message: $0.evidence)
        }
        self.init(
            rulePack: offer.report.pack.name,
            score: (offer.report.score * 10_000).rounded() / 10_000,
            coverage: offer.report.coverage,
            findings: repairs + findings,
            positions: positions
        )
    }
}

extension ResultPayload.Alternative {
    static let noTrade = Self(
        name: "no_trade",
        whyNot: "a strategy passes every rule that could be looked at"
    )

    init(_ candidate: Candidate, whyNot: String) {
        self.init(name: candidate.name.rawValue, whyNot: "\(whyNot): \(candidate.chances)")
    }
}

extension LegPayload {
    init(_ leg: Leg, root: String) {
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
    init(_ sums: CallSums) {
        self.init(
            promptTokens: sums.usage?.promptTokens ?? 0,
            cachedTokens: sums.usage?.cachedTokens ?? 0,
            completionTokens: sums.usage?.completionTokens ?? 0,
            cost: sums.cost,
            isEstimated: sums.isEstimated
        )
    }
}
