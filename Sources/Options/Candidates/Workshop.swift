internal import Glibc

/// Turns recipes into legs: expiries from the calendar or the chain, strikes from deltas on the
/// grid, prices from the chain or the model.
///
/// What depends on the day and the market alone is worked out once: most variants of a menu share
/// their expiries, and half of their contracts.
final class Workshop {
    let request: CandidateRequest
    let today: CivilDate
    private let listed: [CivilDate]
    private let standard: StrikeGrid
    private var horizons: [Horizon] = []
    private var prices = PriceBook()

    init(_ request: CandidateRequest) {
        self.request = request
        today = request.today
        listed = request.chain?.expiries ?? []
        standard = .of(request.ticker)
    }

    /// An expiry with all that depends on it alone.
    struct Horizon {
        let expiry: CivilDate
        let years: Double
        /// σ√T.
        let deviation: Double
        /// e^qT.
        let growth: Double
        let forward: Double
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
        let from = today.advanced(by: Self.daysMin)
        let all =
            listed.isEmpty
            ? Expiries.monthlies(after: today, within: days + 31 * (later + 2)) : listed[...]
        guard let first = all.firstIndex(where: { $0 >= from }) else { return nil }
        let target = today.advanced(by: days)
        var best = first
        while best + 1 < all.endIndex,
            abs(all[best + 1].days(until: target)) < abs(all[best].days(until: target))
        {
            best += 1
        }
        return best + later < all.endIndex ? all[best + later] : nil
    }

    func grid(_ expiry: CivilDate, _ right: Right) -> StrikeGrid {
        guard let chain = request.chain, !chain.isEmpty else { return standard }
        return chain.grid(expiry, right)
    }

    func horizon(_ expiry: CivilDate) -> Horizon {
        if let known = horizons.first(where: { $0.expiry == expiry }) { return known }
        let years = NewYorkTime.years(from: request.asOf, to: expiry)
        let market = request.market
        let horizon = Horizon(
            expiry: expiry,
            years: years,
            deviation: request.volatility * years.squareRoot(),
            growth: exp(market.dividendYield * years),
            forward: market.spot * exp((market.rate - market.dividendYield) * years)
        )
        horizons.append(horizon)
        return horizon
    }

    /// The strike at which the option has a delta (absolute), brought to the grid.
    func strike(
        _ right: Right,
        _ delta: Double,
        _ expiry: CivilDate,
        _ rounding: Rounding
    ) -> Strike? {
        let horizon = horizon(expiry)
        let z = Normal.quantile(min(0.99, delta * horizon.growth)) * Double(right.sign)
        let exact =
            horizon.forward * exp(horizon.deviation * (0.5 * horizon.deviation - z))
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
        strikes.reserveCapacity(Self.strikesMax)
        var last = strike
        while strikes.count < Self.strikesMax, let next = grid.next(last, up: right == .call) {
            if !strikes.isEmpty, (next.dollars - strike.dollars).magnitude > reach { break }
            strikes.append(next)
            last = next
        }
        let every = max(1, (strikes.count + Self.wingsMax - 1) / Self.wingsMax)
        // Counted from the far end, which is the one that is tried first.
        guard every > 1 else { return strikes }
        return strikes.indices.filter { (strikes.count - 1 - $0).isMultiple(of: every) }
            .map { strikes[$0] }
    }

    /// Dollars per share in whole cents, and whether the market quoted it; nil when worthless.
    func price(_ slot: Slot) -> (price: MicroUSD, quoted: Bool)? {
        let quote = request.chain?.quote(slot.expiry, slot.right, slot.strike)
        let cents = (100 * (quote?.mid ?? modelPrice(slot))).rounded()
        guard cents >= 1, cents < 1e11, let price = MicroUSD(micros: Int64(cents) * 10_000)
        else { return nil }
        return (price, quote != nil)
    }

    private func modelPrice(_ slot: Slot) -> Double {
        if let known = prices[slot] { return known }
        let option = Option(
            slot.right,
            strike: slot.strike.dollars,
            years: horizon(slot.expiry).years
        )
        let price = BlackScholes.price(
            option,
            volatility: request.volatility,
            in: request.market
        )
        prices[slot] = price
        return price
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

/// Prices that have been computed, by contract.
private struct PriceBook {
    private var entries: [(strike: Strike, expiry: CivilDate, right: Right, price: Double)?] =
        Array(repeating: nil, count: places)

    /// Several times what one menu asks for. Two contracts of one place: the later one stays.
    private static let places = 256

    private func place(_ slot: Workshop.Slot) -> Int {
        let mixed =
            UInt64(bitPattern: slot.strike.thousandths) &* 0x9E37_79B9_7F4A_7C15
            ^ UInt64(truncatingIfNeeded: slot.expiry.dayNumber &* 2 + slot.right.sign)
            &* 0xC2B2_AE3D_27D4_EB4F
        return Int(mixed >> 56)
    }

    subscript(slot: Workshop.Slot) -> Double? {
        get {
            guard let entry = entries[place(slot)], entry.strike == slot.strike,
                entry.expiry == slot.expiry, entry.right == slot.right
            else { return nil }
            return entry.price
        }
        set {
            entries[place(slot)] = newValue.map { (slot.strike, slot.expiry, slot.right, $0) }
        }
    }
}
