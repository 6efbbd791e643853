/// One request's model in one market. What an American contract is worth is found once, however
/// many legs trade it; a European one costs less than looking it up.
struct PricingMemo {
    let style: ExerciseStyle
    let market: Conditions
    private var values: [Contract: (price: Double, greeks: Greeks)] = [:]
    private var volatilities:
        [Contract: (volatility: Double?, failure: ImpliedVolatility.Failure?)] =
            [:]

    /// An option, and the volatility or the price that it is looked at with.
    private struct Contract: Hashable {
        let option: Option
        let given: Double
    }

    init(_ style: ExerciseStyle, _ market: Conditions) {
        self.style = style
        self.market = market
    }

    mutating func value(
        _ option: Option,
        volatility: Double
    ) -> (price: Double, greeks: Greeks) {
        guard style == .american else {
            return BlackScholes.value(option, volatility: volatility, in: market)
        }
        let contract = Contract(option: option, given: volatility)
        if let known = values[contract] { return known }
        let value = American.value(option, volatility: volatility, in: market)
        values[contract] = value
        return value
    }

    /// What a price implies, or why it implies nothing.
    mutating func implied(
        _ option: Option,
        price: Double
    ) -> (volatility: Double?, failure: ImpliedVolatility.Failure?) {
        let contract = Contract(option: option, given: price)
        if let known = volatilities[contract] { return known }
        let found: (volatility: Double?, failure: ImpliedVolatility.Failure?)
        do throws(ImpliedVolatility.Failure) {
            switch style {
            case .european:
                found = (try ImpliedVolatility.european(option, price: price, in: market), nil)
            case .american:
                found = (try ImpliedVolatility.american(option, price: price, in: market), nil)
            }
        } catch {
            found = (nil, error)
        }
        if style == .american { volatilities[contract] = found }
        return found
    }
}
