/// A strategy that may be offered, with everything that is known about it.
///
/// A class: a menu is sorted, kept while a model chooses from it, and read in many places.
package final class Candidate: Sendable {
    package let recipe: Recipe
    package let name: StrategyName
    /// What would be traded, quantities and prices included.
    package let legs: [Leg]
    /// Shares already held that the legs lean on; not traded, at today's price.
    package let held: Leg?
    /// Of `legs` and `held` together.
    package let classification: Classification
    /// Strategy units: the common factor of the quantities.
    package let quantity: Int

    // Dollars, of `legs` and `held` together; nil is unbounded.
    package let netPremiumUSD: Double
    package let maxProfitUSD: Double?
    /// What holding the legs can lose beyond what the shares lose by themselves.
    package let addedMaxLossUSD: Double?
    package let breakevens: [Double]
    package let probabilityOfProfit: Double
    package let expectedValueUSD: Double
    /// Of `legs` alone.
    package let greeks: Greeks
    package let margin: Margin
    /// Prices come from the chain, all of them; else they are the model's estimates.
    package let isQuoted: Bool
    /// The table's own choice for this cell, not a neighbour.
    package let isFirstChoice: Bool

    init(
        recipe: Recipe,
        name: StrategyName,
        legs: [Leg],
        held: Leg?,
        classification: Classification,
        quantity: Int,
        netPremiumUSD: Double,
        maxProfitUSD: Double?,
        addedMaxLossUSD: Double?,
        breakevens: [Double],
        probabilityOfProfit: Double,
        expectedValueUSD: Double,
        greeks: Greeks,
        margin: Margin,
        isQuoted: Bool,
        isFirstChoice: Bool
    ) {
        self.recipe = recipe
        self.name = name
        self.legs = legs
        self.held = held
        self.classification = classification
        self.quantity = quantity
        self.netPremiumUSD = netPremiumUSD
        self.maxProfitUSD = maxProfitUSD
        self.addedMaxLossUSD = addedMaxLossUSD
        self.breakevens = breakevens
        self.probabilityOfProfit = probabilityOfProfit
        self.expectedValueUSD = expectedValueUSD
        self.greeks = greeks
        self.margin = margin
        self.isQuoted = isQuoted
        self.isFirstChoice = isFirstChoice
    }

    package var frontExpiry: CivilDate? { legs.compactMap(\.expiry).min() }

    /// How often it earns and what it may cost, for a list of such: `profit in 61.5 %, …`.
    package var chances: String {
        let loss = addedMaxLossUSD.map { "at most \(Wording.dollars($0)) lost" } ?? "loss unlimited"
        return "profit in \(Wording.percent(probabilityOfProfit)) of outcomes, \(loss)"
    }
}

/// Why nothing is offered.
package struct NoTrade: Hashable, Sendable {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// The table's cell is empty: nothing suits this view in this market.
        case nothingSuits = "nothing_suits"
        /// Every candidate can lose more than the budget.
        case maxLoss = "max_loss"
        case maxDebit = "max_debit"
        case buyingPower = "buying_power"
        /// The account's level, or the list of what may be offered, admits none.
        case notAllowed = "not_allowed"
        /// No expiry or strike fits.
        case noContracts = "no_contracts"
    }

    package let reason: Reason
    /// The rule of the catalogue that bound.
    package let rule: String
    /// The smallest figure that would have let one pass, in dollars or as a level.
    package let needed: Double?
}

extension NoTrade {
    /// For the customer, without the figure that is needed.
    package var sentence: String {
        switch reason {
        case .nothingSuits: "Nothing suits this view and tolerance in this market."
        case .maxLoss: "Everything that suits can lose more than the limit allows."
        case .maxDebit: "Everything that suits costs more than the debit that is allowed."
        case .buyingPower: "Everything that suits needs more buying power than there is."
        case .notAllowed: "The approval level or the tier allows nothing that suits."
        case .noContracts: "No expiry and strike fits what suits."
        }
    }
}
