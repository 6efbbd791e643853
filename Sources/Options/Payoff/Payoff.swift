/// Profit and loss at expiry of all legs together, as a function of the underlying's price S.
///
///     worth(S) = Σ ±shares · max(S − K, 0) + Σ ±shares · max(K − S, 0) + Σ ±shares · S − cost
///
/// On S ≥ 0 this is a chain of straight lines with its corners at the strikes, whose slopes are
/// whole shares: everything below is integer arithmetic in millionths of a dollar. All legs are
/// taken at their intrinsic value, whatever their expiries.
package struct Payoff: Sendable {
    /// A corner: a price of the underlying and the profit or loss there.
    package struct Knot: Hashable, Sendable {
        /// Millionths of a dollar per share.
        package let price: Int64
        package let worth: Amount
        /// Shares: what the profit gains per dollar from here to the next corner.
        package let slope: Int128

        package var priceDollars: Double { Double(price) / 1_000_000 }
    }

    /// Corners in ascending order; the first is S = 0, the last one's slope goes to infinity.
    package let knots: [Knot]
    /// Option premium received less premium paid: positive for a credit. Stock is not in it.
    package let netPremium: Amount

    package init(legs: [Leg]) {
        var atZero: Int128 = 0
        var slope: Int128 = 0
        var turns: [(price: Int64, slope: Int128)] = []
        turns.reserveCapacity(legs.count)
        var premium = Premium()
        var stock = Premium()
        for leg in legs {
            let shares = Int128(leg.signedShares)
            switch leg.instrument {
            case .stock:
                slope += shares
                stock.add(leg.price, shares: -shares)
            case .option(let right, let strike):
                let price = strike.micros
                turns.append((price, shares))
                premium.add(leg.price, shares: -shares)
                if right == .put {
                    atZero += shares * Int128(price)
                    slope -= shares
                }
            }
        }
        netPremium = premium.amount
        let entry = premium.amount + stock.amount
        knots = Self.corners(
            from: Amount(micros: entry.micros + atZero, modelled: entry.modelled),
            slope: slope,
            turns: turns
        )
    }

    private static func corners(
        from start: Amount,
        slope: Int128,
        turns: [(price: Int64, slope: Int128)]
    ) -> [Knot] {
        var turns = turns
        sort(&turns)
        var knots: [Knot] = []
        knots.reserveCapacity(turns.count + 1)
        var (price, worth, slope) = (Int64(0), start, slope)
        for turn in turns {
            if turn.price > price {
                knots.append(Knot(price: price, worth: worth, slope: slope))
                worth = worth + Amount(micros: slope * Int128(turn.price - price))
                price = turn.price
            }
            slope += turn.slope
        }
        knots.append(Knot(price: price, worth: worth, slope: slope))
        return knots
    }

    /// In place: a handful is sorted faster so than in any general way.
    private static func sort(_ turns: inout [(price: Int64, slope: Int128)]) {
        guard turns.count <= 8 else { return turns.sort { $0.price < $1.price } }
        for end in turns.indices.dropFirst() {
            var place = end
            while place > 0, turns[place].price < turns[place - 1].price {
                turns.swapAt(place, place - 1)
                place -= 1
            }
        }
    }

    /// Shares gained per dollar as S grows without end. Below 0 the loss is unbounded.
    package var slopeAtInfinity: Int128 { knots.last?.slope ?? 0 }
    /// Shares gained per dollar between S = 0 and the first strike.
    package var slopeAtZero: Int128 { knots.first?.slope ?? 0 }

    /// The most that can be earned, 0 when no price earns anything, nil when unbounded.
    package var maxProfit: Amount? {
        slopeAtInfinity > 0 ? nil : knots.reduce(.zero) { max($0, $1.worth) }
    }

    /// The most that can be lost, as a positive amount, 0 when no price loses anything, nil
    /// when unbounded.
    package var maxLoss: Amount? {
        slopeAtInfinity < 0 ? nil : knots.reduce(.zero) { max($0, -$1.worth) }
    }

    /// Profit or loss at a price of the underlying ≥ 0.
    package func worth(at price: MicroUSD) -> Amount {
        let price = max(0, price.micros)
        let knot = knots.last { $0.price <= price } ?? knots[0]
        return knot.worth + Amount(micros: knot.slope * Int128(price - knot.price))
    }
}

/// Shares × price, quoted and modelled apart.
private struct Premium {
    private var quoted: Int128 = 0
    /// Shares at each price: one contract bought and sold leaves nothing, however small the rest.
    private var modelled: [Double: Int128] = [:]

    mutating func add(_ price: EntryPrice, shares: Int128) {
        switch price {
        case .quoted(let price): quoted += shares * Int128(price.micros)
        case .modelled(let price):
            modelled[price, default: 0] += shares
        }
    }

    /// Summed to 106 bits, the least first, so that equal legs give equal bits in any order.
    var amount: Amount {
        guard !modelled.isEmpty else { return Amount(micros: quoted) }
        let terms = modelled.filter { $0.value != 0 }
            .sorted { ($0.key.magnitude, $0.key) < ($1.key.magnitude, $1.key) }
        let sum = terms.reduce(TwoDouble.zero) { sum, term in
            sum + TwoDouble(term.key) * 1_000_000 * Double(nearest: term.value)
        }
        return Amount(micros: quoted, modelled: sum)
    }
}
