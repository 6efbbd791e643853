internal import Glibc

/// Turns recipes into legs: expiries from the calendar or the chain, strikes from deltas on the
/// grid, prices from the chain or the model.
struct Workshop {
    let request: CandidateRequest
    private let today: CivilDate

    init(_ request: CandidateRequest) {
        self.request = request
        today = request.today
    }

    /// A leg's place: per unit of the strategy, its price not yet known.
    struct Slot {
        let action: Action
        let right: Right
        let strike: Strike
        let expiry: CivilDate
        var count = 1
    }

    /// All variants of a recipe, the widest wings first; empty when nothing fits.
    ///
    /// - Parameter later: Expiries to go beyond the one that the recipe aims at.
    func variants(_ recipe: Recipe, later: Int = 0) -> [[Slot]] {
        guard let front = expiry(near: recipe.days, later: later) else { return [] }
        switch recipe {
        case .creditSpread(let right, let delta): return credits(right, delta, front)
        case .debitSpread(let right): return debits(right, front)
        case .long(let right, let delta):
            return [strike(right, delta, front, .nearest).map { [Slot(.buy, right, $0, front)] }]
                .compactMap(\.self)
        case .ironCondor(let delta): return condors(delta, front)
        case .ironButterfly: return flies(front)
        case .callButterfly: return butterflies(front)
        case .callCalendar, .diagonal, .poorMansCoveredCall: return twoExpiries(recipe, front)
        case .cashSecuredPut(let delta):
            return [strike(.put, delta, front, .away).map { [Slot(.sell, .put, $0, front)] }]
                .compactMap(\.self)
        case .coveredCall(let delta):
            return [strike(.call, delta, front, .away).map { [Slot(.sell, .call, $0, front)] }]
                .compactMap(\.self)
        case .collar, .putSpreadCollar, .protectivePut: return hedges(recipe, front)
        }
    }

    private func credits(_ right: Right, _ delta: Double, _ expiry: CivilDate) -> [[Slot]] {
        guard let short = strike(right, delta, expiry, .away) else { return [] }
        return wings(from: short, right, expiry, within: Self.creditReach).reversed().map { long in
            [Slot(.sell, right, short, expiry), Slot(.buy, right, long, expiry)]
        }
    }

    private func debits(_ right: Right, _ expiry: CivilDate) -> [[Slot]] {
        guard let long = strike(right, 0.5, expiry, .nearest) else { return [] }
        return wings(from: long, right, expiry, within: Self.debitReach).reversed().map { short in
            [Slot(.buy, right, long, expiry), Slot(.sell, right, short, expiry)]
        }
    }

    private func condors(_ delta: Double, _ expiry: CivilDate) -> [[Slot]] {
        guard let put = strike(.put, delta, expiry, .away),
            let call = strike(.call, delta, expiry, .away), put < call
        else { return [] }
        return zip(
            wings(from: put, .put, expiry, within: Self.creditReach),
            wings(from: call, .call, expiry, within: Self.creditReach)
        ).map {
            [
                Slot(.buy, .put, $0, expiry), Slot(.sell, .put, put, expiry),
                Slot(.sell, .call, call, expiry), Slot(.buy, .call, $1, expiry),
            ]
        }.reversed()
    }

    private func flies(_ expiry: CivilDate) -> [[Slot]] {
        guard let body = grid(expiry, .call).nearest(request.market.spot) else { return [] }
        return zip(
            wings(from: body, .put, expiry, within: Self.debitReach),
            wings(from: body, .call, expiry, within: Self.debitReach)
        ).map {
            [
                Slot(.buy, .put, $0, expiry), Slot(.sell, .put, body, expiry),
                Slot(.sell, .call, body, expiry), Slot(.buy, .call, $1, expiry),
            ]
        }.reversed()
    }

    private func butterflies(_ expiry: CivilDate) -> [[Slot]] {
        let grid = grid(expiry, .call)
        guard let body = grid.nearest(request.market.spot) else { return [] }
        return zip(
            wings(from: body, .put, expiry, within: Self.debitReach, on: grid),
            wings(from: body, .call, expiry, within: Self.debitReach)
        ).filter { body.thousandths - $0.thousandths == $1.thousandths - body.thousandths }
            .map {
                [
                    Slot(.buy, .call, $0, expiry),
                    Slot(.sell, .call, body, expiry, count: 2), Slot(.buy, .call, $1, expiry),
                ]
            }.reversed()
    }

    private func twoExpiries(_ recipe: Recipe, _ front: CivilDate) -> [[Slot]] {
        let right: Right = if case .diagonal(let right) = recipe { right } else { .call }
        let distance = recipe == .poorMansCoveredCall ? 300 : today.days(until: front) + 30
        guard let back = expiry(near: distance, later: 0), back > front else { return [] }
        let short: Strike?
        let long: Strike?
        switch recipe {
        case .callCalendar:
            short = grid(front, .call).nearest(request.market.spot)
            long = short.flatMap { grid(back, .call).contains($0) ? $0 : nil }
        case .poorMansCoveredCall:
            short = strike(.call, 0.28, front, .away)
            long = strike(.call, 0.8, back, .nearest)
        default:
            short = strike(right, 0.3, front, .away)
            long = strike(right, 0.55, back, .nearest)
        }
        guard let short, let long else { return [] }
        return [[Slot(.sell, right, short, front), Slot(.buy, right, long, back)]]
    }

    private func hedges(_ recipe: Recipe, _ expiry: CivilDate) -> [[Slot]] {
        let delta = if case .protectivePut(let delta) = recipe { delta } else { 0.25 }
        guard let put = strike(.put, delta, expiry, .nearest) else { return [] }
        var slots = [Slot(.buy, .put, put, expiry)]
        if case .protectivePut = recipe { return [slots] }
        guard let call = strike(.call, 0.25, expiry, .away), put < call else { return [] }
        slots.append(Slot(.sell, .call, call, expiry))
        if recipe == .putSpreadCollar {
            guard let lower = strike(.put, 0.1, expiry, .away), lower < put else { return [] }
            slots.append(Slot(.sell, .put, lower, expiry))
        }
        return [slots]
    }
}

// MARK: - Expiries, strikes, prices

extension Workshop {
    enum Rounding {
        case nearest
        /// Away from the money, as a seller would.
        case away
    }

    /// The expiry nearest to so many days, or the one after it; at least a week away.
    func expiry(near days: Int, later: Int) -> CivilDate? {
        let listed = request.chain.map(\.expiries) ?? []
        let from = today.advanced(by: Self.daysMin)
        let all =
            listed.isEmpty
            ? Expiries.monthlies(after: today, within: days + 31 * (later + 2)) : listed
        let open = all.filter { $0 >= from }
        let target = today.advanced(by: days)
        let best = open.indices.min {
            (abs(open[$0].days(until: target)), $0) < (abs(open[$1].days(until: target)), $1)
        }
        guard let best, open.indices.contains(best + later) else { return nil }
        return open[best + later]
    }

    func grid(_ expiry: CivilDate, _ right: Right) -> StrikeGrid {
        guard let chain = request.chain, !chain.isEmpty else { return .of(request.ticker) }
        return chain.grid(expiry, right)
    }

    /// The strike at which the option has a delta (absolute), brought to the grid.
    func strike(
        _ right: Right,
        _ delta: Double,
        _ expiry: CivilDate,
        _ rounding: Rounding
    ) -> Strike? {
        let years = NewYorkTime.years(from: request.asOf, to: expiry)
        let deviation = request.volatility * years.squareRoot()
        let growth = exp(request.market.dividendYield * years)
        let z = Normal.quantile(min(0.99, delta * growth)) * Double(right.sign)
        let forward =
            request.market.spot * exp((request.market.rate - request.market.dividendYield) * years)
        let exact = forward * exp(deviation * (0.5 * deviation - z))
        let grid = grid(expiry, right)
        switch rounding {
        case .nearest: return grid.nearest(exact)
        case .away: return right == .call ? grid.atOrAbove(exact) : grid.atOrBelow(exact)
        }
    }

    /// Strikes further out, up for calls and down for puts, nearest first: as far as a share of
    /// the spot, the nearest one in any case, at most eight of them.
    func wings(
        from strike: Strike,
        _ right: Right,
        _ expiry: CivilDate,
        within share: Double,
        on other: StrikeGrid? = nil
    ) -> [Strike] {
        let grid = other ?? grid(expiry, right)
        let reach = share * request.market.spot
        var strikes: [Strike] = []
        var last = strike
        while strikes.count < Self.strikesMax, let next = grid.next(last, up: right == .call) {
            if !strikes.isEmpty, (next.dollars - strike.dollars).magnitude > reach { break }
            strikes.append(next)
            last = next
        }
        let every = (strikes.count + Self.wingsMax - 1) / Self.wingsMax
        // Counted from the far end, which is the one that is tried first.
        return strikes.enumerated()
            .filter { (strikes.count - 1 - $0.offset).isMultiple(of: max(1, every)) }
            .map(\.element)
    }

    /// Dollars per share in whole cents, and whether the market quoted it; nil when worthless.
    func price(_ slot: Slot) -> (price: MicroUSD, quoted: Bool)? {
        let quote = request.chain?.quote(slot.expiry, slot.right, slot.strike)
        let years = NewYorkTime.years(from: request.asOf, to: slot.expiry)
        let option = Option(slot.right, strike: slot.strike.dollars, years: years)
        let dollars =
            quote?.mid
            ?? BlackScholes.price(option, volatility: request.volatility, in: request.market)
        let cents = (dollars * 100).rounded()
        guard cents >= 1, cents < 1e11, let price = MicroUSD(micros: Int64(cents) * 10_000)
        else { return nil }
        return (price, quote != nil)
    }

    /// Widths tried for one short strike.
    private static let wingsMax = 8
    /// Strikes walked over for them: 64 of a dollar each are 3 % of any share below 2,000.
    private static let strikesMax = 64
    /// How far the wings of a credit spread reach, as a share of the spot.
    static let creditReach = 0.012
    /// The same for forms that need room to earn.
    static let debitReach = 0.03
    /// Nothing that expires within a week is offered.
    private static let daysMin = 7
}

extension Workshop.Slot {
    init(_ action: Action, _ right: Right, _ strike: Strike, _ expiry: CivilDate, count: Int = 1) {
        self.init(action: action, right: right, strike: strike, expiry: expiry, count: count)
    }
}
