/// What `analyze` is asked: a market and any number of legs, nothing of which is judged.
package struct AnalysisRequest: Hashable, Sendable {
    package struct Leg: Hashable, Sendable {
        package var action: Action
        package var kind: DraftLeg.Kind
        /// Dollars; ignored for stock.
        package var strike: Double?
        package var expiry: CivilDate?
        /// To expiry; wins over `expiry`.
        package var years: Double?
        /// Contracts, or shares.
        package var quantity: Int
        /// 100 for options and 1 for stock when nil.
        package var multiplier: Int?
        /// Dollars per share; nil is the model's price, for stock the spot.
        package var price: Double?
        /// 0.2 is 20 %; nil is the document's.
        package var volatility: Double?

        package init(
            action: Action,
            kind: DraftLeg.Kind,
            strike: Double? = nil,
            expiry: CivilDate? = nil,
            years: Double? = nil,
            quantity: Int,
            multiplier: Int? = nil,
            price: Double? = nil,
            volatility: Double? = nil
        ) {
            self.action = action
            self.kind = kind
            self.strike = strike
            self.expiry = expiry
            self.years = years
            self.quantity = quantity
            self.multiplier = multiplier
            self.price = price
            self.volatility = volatility
        }
    }

    package var symbol: String?
    /// Dollars per share.
    package var spot: Double
    /// Needed only where a leg has an `expiry` and no `years`.
    package var asOf: UTCInstant?
    /// Continuous, per year.
    package var rate: Double
    package var dividendYield: Double
    package var volatility: Double?
    package var style: ExerciseStyle
    package var legs: [Leg]

    package init(
        symbol: String? = nil,
        spot: Double,
        asOf: UTCInstant? = nil,
        rate: Double = 0,
        dividendYield: Double = 0,
        volatility: Double? = nil,
        style: ExerciseStyle = .european,
        legs: [Leg]
    ) {
        self.symbol = symbol
        self.spot = spot
        self.asOf = asOf
        self.rate = rate
        self.dividendYield = dividendYield
        self.volatility = volatility
        self.style = style
        self.legs = legs
    }
}

/// Why a request cannot be analysed.
package struct AnalysisError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// There is no leg.
        case noLegs = "no_legs"
        /// A figure that is needed is absent.
        case missing
        /// A figure lies outside what can be computed with.
        case outOfRange = "out_of_range"
    }

    package let code: Code
    /// A JSON Pointer into the document: `/legs/0/strike`.
    package let field: String
    package let message: String
}
