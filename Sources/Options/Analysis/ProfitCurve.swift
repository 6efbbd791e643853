/// Profit and loss of analysed legs at the front expiry: exact where all options end together, by
/// the model where some live on.
package struct ProfitCurve: Sendable {
    enum Form: Sendable {
        case exact(Payoff)
        case modelled(FrontCurve)
    }

    let form: Form
    /// To the front expiry; of stock alone, to its own end, nil where it has none.
    package let horizonYears: Double?

    init(
        _ legs: [PricedLeg],
        _ payoff: Payoff,
        _ request: AnalysisRequest,
        _ market: Conditions
    ) throws(AnalysisError) {
        let horizon = legs.compactMap(\.optionYears).min() ?? legs.compactMap(\.years).min()
        horizonYears = horizon
        let later = try Self.later(legs, after: horizon)
        guard !later.isEmpty else {
            form = .exact(payoff)
            return
        }
        let front = legs.filter { $0.optionYears == nil || $0.optionYears == horizon }
        form = .modelled(
            FrontCurve(
                front: front.map(\.leg),
                later: later,
                market: market,
                style: request.style
            )
        )
    }

    /// Dollars, at a price of the underlying ≥ 0.
    package func worth(at spot: Double) -> Double {
        switch form {
        case .exact(let payoff): (payoff.worthMicros(at: spot) / 1_000_000).value
        case .modelled(let curve): curve.worth(at: spot)
        }
    }

    /// Where the curve turns a corner: strikes of the options that end at the front expiry.
    package var corners: [Double] {
        switch form {
        case .exact(let payoff): payoff.knots.map(\.priceDollars)
        case .modelled(let curve): curve.front.knots.map(\.priceDollars)
        }
    }

    /// The legs that outlive the horizon, which have a value there only at some volatility.
    private static func later(
        _ legs: [PricedLeg],
        after horizon: Double?
    ) throws(AnalysisError) -> [FrontCurve.Later] {
        var later: [FrontCurve.Later] = []
        for (index, leg) in legs.enumerated() {
            guard let years = leg.optionYears, let horizon, years > horizon else { continue }
            guard let volatility = leg.volatility else {
                throw AnalysisError(
                    code: .missing,
                    field: "/legs/\(index)/volatility",
                    message: "/legs/\(index)/volatility: is required: "
                        + "an option that outlives the first expiry needs one"
                )
            }
            if let one = FrontCurve.Later(leg.leg, years: years - horizon, volatility: volatility) {
                later.append(one)
            }
        }
        return later
    }
}
