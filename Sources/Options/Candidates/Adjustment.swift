/// What may be changed about a candidate, in whole steps of what is listed. Whoever asks for it
/// draws nothing up: the engine moves the legs, prices them, and they are judged like any others.
package struct Adjustment: Hashable, Sendable {
    /// Listed strikes by which all strikes move, up or, below zero, down.
    package var strikeSteps = 0
    /// Listed expiries by which all expiries move, later or sooner.
    package var expirySteps = 0
    /// Listed strikes by which the outer strikes move away from the others, or towards them.
    package var widthSteps = 0
    /// Units; nil leaves as many as the limits allow.
    package var quantity: Int?

    package init() {}

    package var isNone: Bool { self == Adjustment() }

    package enum Limits {
        /// Beyond so many strikes it is another candidate.
        package static let steps = -5...5
        /// The next or the previous one.
        package static let expirySteps = -1...1
        package static let quantity = 1...100
    }
}

extension Candidate {
    /// The legs after an adjustment, priced anew; nil where a strike or an expiry is not listed, or
    /// an option is worth nothing.
    package func legs(
        adjustedBy adjustment: Adjustment,
        for request: CandidateRequest
    ) -> [Leg]? {
        let workshop = Workshop(request)
        let outer = outerLegs
        let units = adjustment.quantity ?? quantity
        var moved: [Leg] = []
        for (index, leg) in legs.enumerated() {
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry,
                let later = workshop.expiry(from: expiry, by: adjustment.expirySteps)
            else { return nil }
            let outward = outer[index] * adjustment.widthSteps
            guard
                let target = workshop.strike(
                    from: strike,
                    by: adjustment.strikeSteps + outward,
                    right,
                    later
                ),
                let price = workshop.price(
                    Workshop.Slot(leg.action, right, target, later, count: leg.quantity)
                ),
                let new = Leg(
                    leg.action,
                    .option(right, target),
                    expiry: later,
                    quantity: leg.quantity / max(quantity, 1) * units,
                    multiplier: leg.multiplier,
                    price: .quoted(price.price)
                )
            else { return nil }
            moved.append(new)
        }
        return moved
    }

    /// Of each leg +1 where widening moves its strike up, −1 down, 0 where it stays: of two options
    /// of one right the outer one moves, of three both ends.
    private var outerLegs: [Int] {
        legs.map { leg in
            guard case .option(let right, let strike) = leg.instrument else { return 0 }
            let alike = legs.filter { $0.instrument.right == right && $0.expiry == leg.expiry }
                .compactMap(\.instrument.strike)
            guard alike.count > 1, let low = alike.min(), let high = alike.max(), low < high else {
                return 0
            }
            if strike == high, right == .call || alike.count > 2 { return 1 }
            if strike == low, right == .put || alike.count > 2 { return -1 }
            return 0
        }
    }
}

extension Workshop {
    /// The expiry so many listed ones later; nil where there is none that may be used.
    func expiry(from expiry: CivilDate, by steps: Int) -> CivilDate? {
        guard steps != 0 else { return expiry }
        let days = request.today.days(until: expiry)
        return self.expiry(near: days, later: steps)
    }

    /// The strike so many listed ones up or down; nil beyond the last, and where the new expiry does
    /// not list it.
    func strike(from strike: Strike, by steps: Int, _ right: Right, _ expiry: CivilDate) -> Strike?
    {
        let grid = grid(expiry, right)
        guard grid.contains(strike) else { return nil }
        var strike = strike
        for _ in 0..<abs(steps) {
            guard let next = grid.next(strike, up: steps > 0) else { return nil }
            strike = next
        }
        return strike
    }
}
