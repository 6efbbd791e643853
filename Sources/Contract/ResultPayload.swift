/// The payload of a `result`, as far as the service fills it; a block that nobody fills is absent.
package struct ResultPayload: Sendable {
    package let source: Source
    package let model: ModelProvenance?
    /// Nil when nothing that was offered passes.
    package let strategy: StrategyPayload?
    package let claimed: Claimed?
    package let basis: Basis
    package let usage: Usage?
    /// Filled in when the request is settled.
    package var limits: LimitsPayload?
    package let timing: Timing

    package init(
        source: Source,
        model: ModelProvenance?,
        strategy: StrategyPayload?,
        claimed: Claimed?,
        basis: Basis,
        usage: Usage?,
        limits: LimitsPayload?,
        timing: Timing
    ) {
        self.source = source
        self.model = model
        self.strategy = strategy
        self.claimed = claimed
        self.basis = basis
        self.usage = usage
        self.limits = limits
        self.timing = timing
    }

    package enum Source: String, CaseIterable, Sendable {
        case model
        case cache
        case ruleBased = "rule_based"
    }

    /// Which model answered, and how often one was asked.
    package struct ModelProvenance: Sendable {
        package let name: String
        package let endpoint: String
        package let attempts: Int

        package init(name: String, endpoint: String, attempts: Int) {
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

    /// What the figures stand on.
    package struct Basis: Sendable {
        /// RFC 3339, UTC.
        package let asOf: String
        /// Where leg prices come from: `estimate` is the model's own.
        package let prices: String

        package init(asOf: String, prices: String) {
            self.asOf = asOf
            self.prices = prices
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

/// A strategy whose figures this service computed from its legs.
package struct StrategyPayload: Sendable {
    package let name: String
    package let outlook: String
    package let rationale: String
    package let legs: [LegPayload]
    /// Positive is a credit. USD, options only.
    package let netPremium: Double
    /// USD, at least 0; nil is unbounded.
    package let maxProfit: Double?
    package let maxLoss: Double?
    /// Prices of the underlying at which nothing is won or lost, ascending.
    package let breakevens: [Double]
    package let risks: [String]

    package init(
        name: String,
        outlook: String,
        rationale: String,
        legs: [LegPayload],
        netPremium: Double,
        maxProfit: Double?,
        maxLoss: Double?,
        breakevens: [Double],
        risks: [String]
    ) {
        self.name = name
        self.outlook = outlook
        self.rationale = rationale
        self.legs = legs
        self.netPremium = netPremium
        self.maxProfit = maxProfit
        self.maxLoss = maxLoss
        self.breakevens = breakevens
        self.risks = risks
    }
}

package struct LegPayload: Sendable {
    /// `buy` or `sell`.
    package let action: String
    /// `call`, `put` or `stock`.
    package let instrument: String
    package let strike: Double?
    /// `YYYY-MM-DD`.
    package let expiry: String?
    /// Contracts, or shares.
    package let quantity: Int
    package let multiplier: Int
    /// USD a share.
    package let price: Double
    /// OSI, 21 characters; nil for stock.
    package let symbol: String?

    package init(
        action: String,
        instrument: String,
        strike: Double?,
        expiry: String?,
        quantity: Int,
        multiplier: Int,
        price: Double,
        symbol: String?
    ) {
        self.action = action
        self.instrument = instrument
        self.strike = strike
        self.expiry = expiry
        self.quantity = quantity
        self.multiplier = multiplier
        self.price = price
        self.symbol = symbol
    }
}
