/// A leg as somebody claims it, before anything about it is believed.
package struct DraftLeg: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case call
        case put
        case stock
    }

    package let action: Action
    package let kind: Kind
    /// Dollars; nil for stock.
    package let strike: Double?
    /// `YYYY-MM-DD`; nil for stock.
    package let expiry: String?
    package let quantity: Int
    /// Nil means the usual one: 100 for options, 1 for stock.
    package let multiplier: Int?
    /// Dollars per share, not negative; nil for stock means the spot.
    package let price: Double?

    package init(
        action: Action,
        kind: Kind,
        strike: Double?,
        expiry: String?,
        quantity: Int,
        multiplier: Int? = nil,
        price: Double?
    ) {
        self.action = action
        self.kind = kind
        self.strike = strike
        self.expiry = expiry
        self.quantity = quantity
        self.multiplier = multiplier
        self.price = price
    }
}

/// One thing that is wrong with the form of a strategy.
package struct StructuralFinding: Hashable, Sendable {
    package enum Fault: Hashable, Sendable {
        case optionLegs(count: Int)
        case stockLegs(count: Int)
        case notFinite(field: String)
        case missing(field: String)
        /// A stock leg has neither strike nor expiry.
        case unexpected(field: String)
        case outOfRange(field: String)
        /// Not 100: a contract that a corporate action changed, or a mistake.
        case adjustedMultiplier(Int)
        case malformedExpiry(String)
        case expiryNotAfterToday(CivilDate)
        case expiryNotTradingDay(CivilDate)
        /// The same contract stands in an earlier leg.
        case repeatedContract(firstLeg: Int)
    }

    /// Index into the legs; nil where the strategy as a whole is meant.
    package let leg: Int?
    package let fault: Fault

    /// The id of the rule in the catalogue.
    package var rule: String {
        switch fault {
        case .notFinite, .malformedExpiry: "S01"
        case .optionLegs, .stockLegs: "S02"
        case .missing, .unexpected, .outOfRange, .adjustedMultiplier: "S03"
        case .repeatedContract: "S06"
        case .expiryNotAfterToday: "S08"
        case .expiryNotTradingDay: "S09"
        }
    }

    /// A sentence for people, without the leg's number.
    package var message: String {
        switch fault {
        case .optionLegs(let count):
            "A strategy has 1 to \(Limits.optionLegsMax) option legs, not \(count)."
        case .stockLegs(let count): "A strategy has at most one stock leg, not \(count)."
        case .notFinite(let field): "The \(field) is not a finite number."
        case .missing(let field): "The \(field) is missing."
        case .unexpected(let field): "A stock leg has no \(field)."
        case .outOfRange(let field): "The \(field) is out of range."
        case .adjustedMultiplier(let multiplier): "The multiplier is \(multiplier), not standard."
        case .malformedExpiry: "The expiry is not a date of the form YYYY-MM-DD."
        case .expiryNotAfterToday(let date): "The expiry \(date) is not after today."
        case .expiryNotTradingDay(let date): "The expiry \(date) is no trading day."
        case .repeatedContract(let first): "The contract stands already in leg \(first + 1)."
        }
    }
}
