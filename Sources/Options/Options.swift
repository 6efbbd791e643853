// Contracts, calendar, payoff, pricing, classification, rules and candidates: what can be
// computed about a strategy from its legs and the market it is given. No input or output, no
// clock, no `async`, no lock and no chance live here: the same input gives the same bytes.

/// The sizes within which every sum in this target stays exact.
///
/// A leg's worth is strike (≤ 10¹⁵ micro-dollars) × quantity (≤ 10⁹) × multiplier (≤ 10⁶), at
/// most 10³⁰; a million such legs stay below the 1.7 × 10³⁸ that an `Int128` holds.
package enum Limits {
    /// Strikes and spots, in thousandths of a dollar: a thousand million dollars.
    package static let strikeThousandthsMax: Int64 = 1_000_000_000_000
    /// Prices per share, in millionths of a dollar: a thousand million dollars.
    package static let priceMicrosMax: Int64 = 1_000_000_000_000_000
    /// Contracts, or shares, in one leg.
    package static let quantityMax = 1_000_000_000
    /// Shares that one contract delivers.
    package static let multiplierMax = 1_000_000
    /// Option legs that a strategy may have; brokers take no more in one order.
    package static let optionLegsMax = 4
    /// Shares of a standard contract. Anything else is an adjusted one.
    package static let standardMultiplier = 100
}
