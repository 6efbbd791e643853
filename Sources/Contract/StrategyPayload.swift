package import Options

/// A strategy whose figures this service computed from its legs.
package struct StrategyPayload: Sendable {
    package let outlook: String
    /// One sentence: what is traded.
    package let summary: String
    package let rationale: String
    package let legs: [LegPayload]
    package let figures: StrategyFigures
    package let risks: [String]
    package let disclosures: [String]

    package init(
        outlook: String,
        summary: String,
        rationale: String,
        legs: [LegPayload],
        figures: StrategyFigures,
        risks: [String],
        disclosures: [String]
    ) {
        self.outlook = outlook
        self.summary = summary
        self.rationale = rationale
        self.legs = legs
        self.figures = figures
        self.risks = risks
        self.disclosures = disclosures
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

/// Why nothing is offered, and what would change it.
package struct NoTradePayload: Sendable {
    /// The rule that bound; nil where the model found nothing that suits.
    package let rule: String?
    package let message: String
    package let smallestChange: SmallestChange?

    package init(rule: String?, message: String, smallestChange: SmallestChange?) {
        self.rule = rule
        self.message = message
        self.smallestChange = smallestChange
    }
}

/// What the trade does to the whole portfolio.
package struct PortfolioImpact: Sendable {
    package let before: Greeks
    package let after: Greeks
    /// Positions whose Greeks are in `before`; nil where the caller stated the sums.
    package let counted: Int?
    /// Shares of the underlying, and how many of them short calls may call away.
    package let shares: Int
    package let encumberedShares: Int
    /// USD of absolute value that the holdings on the underlying are worth today.
    package let underlyingValueUSD: Double
    /// The same against the account's equity.
    package let underlyingShareOfEquity: Double?
    package let scenarios: [Scenario]

    /// What becomes of the holdings on the underlying, without the trade and with it.
    package struct Scenario: Sendable {
        package let spot: Double
        /// 0.1 is ten points.
        package let volatilityShift: Double
        package let days: Double
        /// USD against today.
        package let beforeUSD: Double
        package let afterUSD: Double

        package init(
            spot: Double,
            volatilityShift: Double,
            days: Double,
            beforeUSD: Double,
            afterUSD: Double
        ) {
            self.spot = spot
            self.volatilityShift = volatilityShift
            self.days = days
            self.beforeUSD = beforeUSD
            self.afterUSD = afterUSD
        }
    }

    package init(
        before: Greeks,
        after: Greeks,
        counted: Int?,
        shares: Int,
        encumberedShares: Int,
        underlyingValueUSD: Double,
        underlyingShareOfEquity: Double?,
        scenarios: [Scenario]
    ) {
        self.before = before
        self.after = after
        self.counted = counted
        self.shares = shares
        self.encumberedShares = encumberedShares
        self.underlyingValueUSD = underlyingValueUSD
        self.underlyingShareOfEquity = underlyingShareOfEquity
        self.scenarios = scenarios
    }
}

/// How the strategy stood before the rules.
package struct ValidationPayload: Sendable {
    package let rulePack: String
    /// 0–1.
    package let score: Double
    /// `46 of 60 evaluated`.
    package let coverage: String
    package let findings: [Finding]
    /// Positions of the request that could not be counted, or not wholly.
    package let positions: [PositionFinding]

    /// What was put right, or is worth knowing.
    package struct Finding: Sendable {
        package let rule: String
        package let severity: String
        package let message: String

        package init(rule: String, severity: String, message: String) {
            self.rule = rule
            self.severity = severity
            self.message = message
        }
    }

    package init(
        rulePack: String,
        score: Double,
        coverage: String,
        findings: [Finding],
        positions: [PositionFinding]
    ) {
        self.rulePack = rulePack
        self.score = score
        self.coverage = coverage
        self.findings = findings
        self.positions = positions
    }
}
