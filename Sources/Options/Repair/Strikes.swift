/// Strikes that nobody lists, brought to ones that somebody does: away from the money for what is
/// sold, to the nearest for what is bought.
enum StrikeSnap {
    static func apply(to subject: inout Case) -> [RepairStep] {
        var steps: [RepairStep] = []
        var legs = subject.legs
        for index in legs.indices {
            let leg = legs[index]
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { continue }
            let grid = Repricing.grid(subject, expiry, right)
            guard !grid.contains(strike) else { continue }
            let snapped =
                leg.action == .buy
                ? grid.nearest(strike.dollars)
                : right == .call
                    ? grid.atOrAbove(strike.dollars) : grid.atOrBelow(strike.dollars)
            guard let snapped, let moved = Repricing.leg(leg, at: snapped, in: subject)
            else { return [] }
            legs[index] = moved
            steps.append(
                RepairStep(
                    "S11",
                    "\(right.rawValue) \(Wording.plain(strike.dollars, decimals: 3)) is now "
                        + Wording.plain(snapped.dollars, decimals: 3)
                )
            )
        }
        // Two legs on one strike would be no strategy any more.
        let contracts = Set(legs.map { "\($0.instrument) \($0.expiry?.dayNumber ?? 0)" })
        guard contracts.count == legs.count else { return [] }
        subject.legs = legs
        return steps
    }
}

/// The wings of a strategy moved towards its body.
struct WingMove {
    private let subject: Case

    init(_ subject: Case) { self.subject = subject }

    /// Every long option that is furthest from the short ones of its kind, one strike nearer; nil
    /// when none can move.
    func nearer() -> [Leg]? {
        var legs = subject.legs
        var moved = false
        for index in legs.indices where legs[index].action == .buy {
            let leg = legs[index]
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { continue }
            let shorts = legs.filter {
                $0.action == .sell && $0.instrument.right == right && $0.expiry == expiry
            }
            .compactMap(\.instrument.strike)
            let nearest = shorts.min {
                ($0.dollars - strike.dollars).magnitude < ($1.dollars - strike.dollars).magnitude
            }
            guard let nearest, nearest != strike else { continue }
            let grid = Repricing.grid(subject, expiry, right)
            guard let next = grid.next(strike, up: nearest > strike), next != nearest,
                (next < nearest) == (strike < nearest),
                let repriced = Repricing.leg(leg, at: next, in: subject)
            else { continue }
            legs[index] = repriced
            moved = true
        }
        return moved ? legs : nil
    }
}

/// What a leg costs at another strike.
private enum Repricing {
    static func grid(_ subject: Case, _ expiry: CivilDate, _ right: Right) -> StrikeGrid {
        guard let chain = subject.chain, !chain.isEmpty else { return .of(subject.ticker) }
        return chain.grid(expiry, right)
    }

    /// At the chain's middle, else at the model's price, in whole cents.
    static func leg(_ leg: Leg, at strike: Strike, in subject: Case) -> Leg? {
        guard let right = leg.instrument.right, let expiry = leg.expiry else { return nil }
        let option = Option(
            right,
            strike: strike.dollars,
            years: NewYorkTime.years(from: subject.asOf, to: expiry)
        )
        let dollars =
            subject.chain?.quote(expiry, right, strike)?.mid
            ?? BlackScholes.price(option, volatility: subject.volatility, in: subject.market)
        guard let price = MicroUSD(dollars: max(0.01, (dollars * 100).rounded() / 100))
        else { return nil }
        return Leg(
            leg.action,
            .option(right, strike),
            expiry: expiry,
            quantity: leg.quantity,
            multiplier: leg.multiplier,
            price: .quoted(price)
        )
    }
}
