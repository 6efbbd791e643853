package import Contract

/// What a user has booked: how many requests an hour, and what they may cost.
package enum Tier: String, CaseIterable, Sendable {
    case free
    case basic
    case premium
    case enterprise

    /// Requests in any hour.
    package var requestsPerHour: Int {
        switch self {
        case .free: 10
        case .basic: 50
        case .premium: 200
        case .enterprise: 1_000
        }
    }

    /// What their model calls may cost in any hour.
    package var costPerHour: NanoUSD {
        switch self {
        case .free: NanoUSD(1 * NanoUSD.perDollar)
        case .basic: NanoUSD(10 * NanoUSD.perDollar)
        case .premium: NanoUSD(50 * NanoUSD.perDollar)
        case .enterprise: NanoUSD(200 * NanoUSD.perDollar)
        }
    }
}
