/// The legs of a strategy with everything taken off that its name does not depend on: the same
/// contracts added up, quantities divided by their common factor, strikes and expiries as ranks.
struct Shape: Sendable {
    struct Contract: Hashable, Sendable {
        let right: Right
        let strike: Strike
        /// 0 for the first expiry, 1 for the second where there are two; else only different.
        fileprivate(set) var expiry: Int
        /// Contracts after division, negative when sold.
        fileprivate(set) var units: Int

        fileprivate var order: (Int64, Int, Int) { (strike.micros, right.sign, expiry) }
    }

    /// In the order of strike, put before call, and expiry.
    let options: [Contract]
    /// Hundreds of shares, in the same units; nil when the shares make no whole units or the
    /// contracts differ in size.
    let stock: Int?
    /// Different ones; 3 stands for more than two.
    let expiries: Int

    init(_ legs: [RankedLeg]) {
        var shares = 0
        var nets: [Contract] = []
        nets.reserveCapacity(legs.count)
        var multiplier: Int?
        var uniform = true
        for ranked in legs {
            guard case .option(let right, let strike) = ranked.leg.instrument else {
                shares += ranked.leg.signedShares
                continue
            }
            uniform = uniform && (multiplier ?? ranked.leg.multiplier) == ranked.leg.multiplier
            multiplier = ranked.leg.multiplier
            let units = ranked.leg.action.sign * ranked.leg.quantity
            let same = nets.firstIndex {
                $0.right == right && $0.strike == strike && $0.expiry == ranked.expiry
            }
            if let same {
                nets[same].units += units
            } else {
                nets.append(
                    Contract(right: right, strike: strike, expiry: ranked.expiry, units: units)
                )
            }
        }
        nets.removeAll { $0.units == 0 }
        let size = multiplier ?? Limits.standardMultiplier
        let whole = uniform && shares.isMultiple(of: size)
        var divisor = whole ? abs(shares / size) : 0
        var (first, last) = (Int.max, Int.min)
        for net in nets {
            divisor = Self.gcd(divisor, abs(net.units))
            first = min(first, net.expiry)
            last = max(last, net.expiry)
        }
        let factor = max(1, divisor)
        var between = false
        for place in nets.indices {
            between = between || nets[place].expiry != first && nets[place].expiry != last
            nets[place].units /= factor
        }
        if !between {
            for place in nets.indices { nets[place].expiry = nets[place].expiry == first ? 0 : 1 }
        }
        Self.sort(&nets)
        options = nets
        stock = whole ? shares / size / factor : nil
        expiries = nets.isEmpty ? 0 : between ? 3 : first == last ? 1 : 2
    }

    /// In place: few contracts are sorted faster so than in any general way.
    private static func sort(_ nets: inout [Contract]) {
        guard nets.count <= 8 else { return nets.sort { $0.order < $1.order } }
        for end in nets.indices.dropFirst() {
            var place = end
            while place > 0, nets[place].order < nets[place - 1].order {
                nets.swapAt(place, place - 1)
                place -= 1
            }
        }
    }

    /// The form as the catalogue knows it, in a number; nil for what has no such form.
    var form: Form? {
        guard let stock, expiries <= 2, options.count <= Form.optionsMax else { return nil }
        var form = Form()
        guard form.append(stock: stock) else { return nil }
        var rank = 0
        var last: Strike?
        for option in options {
            if option.strike != last { rank += 1 }
            last = option.strike
            let expiry = expiries == 2 ? option.expiry + 1 : 0
            guard form.append(option.units, option.right, rank: rank, expiry: expiry) else {
                return nil
            }
        }
        return form
    }

    private static func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }
}

/// A leg and how its expiry ranks among all of them: 0 for the first.
package struct RankedLeg: Hashable, Sendable {
    package let leg: Leg
    package let expiry: Int

    package init(_ leg: Leg, expiry: Int) {
        self.leg = leg
        self.expiry = expiry
    }

    /// Ranks legs by their dates; those without one, stock first of all, rank with the earliest.
    package static func rank(_ legs: [Leg]) -> [RankedLeg] {
        guard Leg.haveSeveralExpiries(legs) else {
            return legs.map { RankedLeg($0, expiry: 0) }
        }
        let dates = Set(legs.compactMap(\.expiry)).sorted()
        return legs.map { leg in
            RankedLeg(leg, expiry: leg.expiry.flatMap { dates.firstIndex(of: $0) } ?? 0)
        }
    }
}

extension Leg {
    /// Whether not all of them end on one day; those without an expiry do not count.
    static func haveSeveralExpiries(_ legs: [Leg]) -> Bool {
        var first: CivilDate?
        for leg in legs {
            guard let expiry = leg.expiry else { continue }
            if let first, first != expiry { return true }
            first = expiry
        }
        return false
    }

    static func firstExpiry(_ legs: [Leg]) -> CivilDate? {
        var first: CivilDate?
        for leg in legs {
            guard let expiry = leg.expiry else { continue }
            first = min(first ?? expiry, expiry)
        }
        return first
    }
}
