/// A holding as the customer's book states it; nothing of it is believed yet.
package struct Position: Hashable, Sendable {
    /// A ticker, or an option's OSI symbol.
    package let symbol: String
    /// Shares or contracts, negative when short.
    package let quantity: Double
    /// Dollars per share.
    package let averagePrice: Double?
    /// The whole position's, as the customer's system gives them: delta in shares.
    package let greeks: Greeks?

    package init(
        symbol: String,
        quantity: Double,
        averagePrice: Double? = nil,
        greeks: Greeks? = nil
    ) {
        self.symbol = symbol
        self.quantity = quantity
        self.averagePrice = averagePrice
        self.greeks = greeks
    }
}

/// What is odd about a position. It is reported, and the position counted as far as it can be.
package struct PositionFinding: Hashable, Sendable {
    package enum Fault: String, Hashable, Sendable, CaseIterable {
        /// Neither a ticker nor an OSI symbol.
        case symbol = "unreadable_symbol"
        /// Not a whole number of contracts, zero or not finite.
        case quantity = "bad_quantity"
        /// A contract that a corporate action changed: not 100 shares.
        case adjusted = "adjusted_contract"
        case expired
        /// Greeks that are not finite, or a delta that no such position can have.
        case greeks = "impossible_greeks"
        /// Another underlying, and no Greeks given: nothing can be computed.
        case unpriced
    }

    /// Index into the positions.
    package let position: Int
    package let fault: Fault
}

/// One line of a book that can be priced: so many shares of an instrument.
package struct Exposure: Hashable, Sendable {
    package let instrument: Instrument
    package let expiry: CivilDate?
    /// Negative when short.
    package let shares: Double

    package init(instrument: Instrument, expiry: CivilDate?, shares: Double) {
        self.instrument = instrument
        self.expiry = expiry
        self.shares = shares
    }

    package init(_ leg: Leg) {
        self.init(
            instrument: leg.instrument,
            expiry: leg.expiry,
            shares: Double(leg.signedShares)
        )
    }
}
