/// Which way a leg is entered.
package enum Action: String, Hashable, Sendable, CaseIterable {
    case buy
    case sell

    /// +1 for what is owned afterwards, −1 for what is owed.
    package var sign: Int { self == .buy ? 1 : -1 }
    package var opposite: Action { self == .buy ? .sell : .buy }
}

/// The right that an option gives.
package enum Right: String, Hashable, Sendable, CaseIterable {
    case call
    case put

    /// +1 for a call, −1 for a put: the `w` of the pricing formulas.
    package var sign: Int { self == .call ? 1 : -1 }
    package var opposite: Right { self == .call ? .put : .call }
}

/// What a leg trades: an option of one strike, or the shares themselves.
package enum Instrument: Hashable, Sendable {
    case option(Right, Strike)
    case stock

    package static func call(_ strike: Strike) -> Instrument { .option(.call, strike) }
    package static func put(_ strike: Strike) -> Instrument { .option(.put, strike) }

    package var right: Right? {
        if case .option(let right, _) = self { right } else { nil }
    }
    package var strike: Strike? {
        if case .option(_, let strike) = self { strike } else { nil }
    }
    /// `call`, `put` or `stock`: the word that documents use.
    package var word: String { right?.rawValue ?? "stock" }
}

/// One line of a strategy: so many contracts, or shares, of one instrument at one price.
package struct Leg: Hashable, Sendable {
    package let action: Action
    package let instrument: Instrument
    /// Nil for stock, and for an option whose life is told in years alone.
    package let expiry: CivilDate?
    /// Contracts, or shares of a stock leg: 1 … `Limits.quantityMax`.
    package let quantity: Int
    /// Shares per contract: 1 … `Limits.multiplierMax`; 1 for stock.
    package let multiplier: Int
    /// Per share, whichever way the leg goes: a sold option's price is positive too.
    package let price: EntryPrice

    /// Nil when quantity or multiplier lies outside the limits of exact arithmetic.
    package init?(
        _ action: Action,
        _ instrument: Instrument,
        expiry: CivilDate? = nil,
        quantity: Int = 1,
        multiplier: Int? = nil,
        price: EntryPrice
    ) {
        let multiplier = multiplier ?? (instrument == .stock ? 1 : Limits.standardMultiplier)
        guard (1...Limits.quantityMax).contains(quantity),
            (1...Limits.multiplierMax).contains(multiplier)
        else { return nil }
        self.action = action
        self.instrument = instrument
        self.expiry = expiry
        self.quantity = quantity
        self.multiplier = multiplier
        self.price = price
    }

    /// Shares that the leg moves, negative when sold.
    package var signedShares: Int { action.sign * quantity * multiplier }

    /// The same leg in another size, or nil outside the limits.
    package func resized(to quantity: Int) -> Leg? {
        Leg(
            action,
            instrument,
            expiry: expiry,
            quantity: quantity,
            multiplier: multiplier,
            price: price
        )
    }
}
