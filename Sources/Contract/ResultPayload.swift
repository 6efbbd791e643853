/// The payload of a `result`, as far as the service fills it; a block that nobody fills is absent.
package struct ResultPayload: Sendable {
    package let verdict: Verdict
    package let source: Source
    /// Why the answer is not the model's; nil when it is.
    package let degraded: Degradation?
    package let model: ModelProvenance?
    /// How old the model's answer is, where `source` is `cache`.
    package let cacheAgeMs: Int64?
    package let outcome: Outcome
    package let alternatives: [Alternative]
    package let requiresPrincipalReview: Bool
    package let basis: Basis
    package let claimed: Claimed?
    package let portfolioImpact: PortfolioImpact?
    package let validation: ValidationPayload?
    package let usage: Usage?
    /// Filled in when the request is settled.
    package var limits: LimitsPayload?
    package let timing: Timing

    package init(
        verdict: Verdict,
        source: Source,
        degraded: Degradation?,
        model: ModelProvenance?,
        cacheAgeMs: Int64? = nil,
        outcome: Outcome,
        alternatives: [Alternative] = [],
        requiresPrincipalReview: Bool,
        basis: Basis,
        claimed: Claimed?,
        portfolioImpact: PortfolioImpact? = nil,
        validation: ValidationPayload?,
        usage: Usage?,
        limits: LimitsPayload?,
        timing: Timing
    ) {
        self.verdict = verdict
        self.source = source
        self.degraded = degraded
        self.model = model
        self.cacheAgeMs = cacheAgeMs
        self.outcome = outcome
        self.alternatives = alternatives
        self.requiresPrincipalReview = requiresPrincipalReview
        self.basis = basis
        self.claimed = claimed
        self.portfolioImpact = portfolioImpact
        self.validation = validation
        self.usage = usage
        self.limits = limits
        self.timing = timing
    }

    /// What is offered, or why nothing is.
    package enum Outcome: Sendable {
        case trade(StrategyPayload)
        case noTrade(NoTradePayload)
    }

    /// How far the answer can be relied on: nothing that fails a blocking rule is a strategy here.
    package enum Verdict: String, CaseIterable, Sendable {
        case pass
        /// An essential rule could not be looked at, for want of data.
        case conditional
        /// No profile was given, or nothing is offered: it recommends nothing.
        case informationOnly = "information_only"
    }

    package enum Source: String, CaseIterable, Sendable {
        case model
        case cache
        case ruleBased = "rule_based"
    }

    /// Which model answered, and how often one was asked. Where none answered, neither is named.
    package struct ModelProvenance: Sendable {
        package let name: String?
        package let endpoint: String?
        package let attempts: Int

        package init(name: String?, endpoint: String?, attempts: Int) {
            self.name = name
            self.endpoint = endpoint
            self.attempts = attempts
        }
    }

    /// What the model said of its own strategy; beside the computed figures, never instead of them.
    package struct Claimed: Sendable {
        package let maxProfit: Double?
        package let maxLoss: Double?
        package let breakevens: [Double]

        package init(maxProfit: Double?, maxLoss: Double?, breakevens: [Double]) {
            self.maxProfit = maxProfit
            self.maxLoss = maxLoss
            self.breakevens = breakevens
        }
    }

    /// What was also looked at, and why it is not the answer.
    package struct Alternative: Sendable {
        package let name: String
        package let whyNot: String

        package init(name: String, whyNot: String) {
            self.name = name
            self.whyNot = whyNot
        }
    }

    /// What the figures stand on.
    package struct Basis: Sendable {
        /// RFC 3339, UTC.
        package let asOf: String
        /// Annual, as a fraction.
        package let volatility: Double
        /// `given`, or how it was assumed.
        package let volatilitySource: String
        /// Annual and continuous, as fractions.
        package let rate: Double
        package let dividendYield: Double
        package let prices: Prices

        package init(
            asOf: String,
            volatility: Double,
            volatilitySource: String,
            rate: Double,
            dividendYield: Double,
            prices: Prices
        ) {
            self.asOf = asOf
            self.volatility = volatility
            self.volatilitySource = volatilitySource
            self.rate = rate
            self.dividendYield = dividendYield
            self.prices = prices
        }

        /// Where the legs' prices come from.
        package enum Prices: String, CaseIterable, Sendable {
            /// A model's, be it of language or of options.
            case estimate
            /// The middle of the request's own quotes.
            case chain
        }
    }

    package struct Usage: Sendable {
        package let promptTokens: Int
        package let cachedTokens: Int
        package let completionTokens: Int
        package let cost: NanoUSD
        /// The provider did not say; the cost is the most that the call can have cost.
        package let isEstimated: Bool

        package init(
            promptTokens: Int,
            cachedTokens: Int,
            completionTokens: Int,
            cost: NanoUSD,
            isEstimated: Bool
        ) {
            self.promptTokens = promptTokens
            self.cachedTokens = cachedTokens
            self.completionTokens = completionTokens
            self.cost = cost
            self.isEstimated = isEstimated
        }
    }

    /// Milliseconds: in the queue, at the model, and from the entry's ID to judgement.
    package struct Timing: Sendable {
        package let queuedMs: Int64
        package let modelMs: Int64
        package let totalMs: Int64

        package init(queuedMs: Int64, modelMs: Int64, totalMs: Int64) {
            self.queuedMs = queuedMs
            self.modelMs = modelMs
            self.totalMs = totalMs
        }
    }
}

/// What a user has left of his hour; nil stands for no limit.
package struct LimitsPayload: Equatable, Sendable {
    package let tier: String
    package let requestsLeft: Int?
    package let costLeft: NanoUSD?
    /// When the first request leaves the hour, Unix milliseconds; nil while there is none in it.
    package let resetsAtMs: Int64?

    package init(tier: String, requestsLeft: Int?, costLeft: NanoUSD?, resetsAtMs: Int64?) {
        self.tier = tier
        self.requestsLeft = requestsLeft
        self.costLeft = costLeft
        self.resetsAtMs = resetsAtMs
    }

    /// What is left once so much has been spent.
    package func after(_ cost: NanoUSD) -> LimitsPayload {
        LimitsPayload(
            tier: tier,
            requestsLeft: requestsLeft,
            costLeft: costLeft.map { max($0 - cost, .zero) },
            resetsAtMs: resetsAtMs
        )
    }
}
