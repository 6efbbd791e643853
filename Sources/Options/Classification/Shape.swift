/// The legs of a strategy with everything taken off that its name does not depend on: the same
/// contracts added up, quantities divided by their common factor, strikes and expiries as ranks.
struct Shape: Sendable {
    struct Contract: Hashable, Sendable {
        let right: Right
        let strike: Strike
        /// 0 for the first expiry, 1 for the second, ….
        let expiry: Int
        /// Contracts after division, negative when sold.
        var units: Int
    }

    /// In the order of strike, put before call, and expiry.
    let options: [Contract]
    /// Hundreds of shares, in the same units; nil when the shares make no whole units or the
    /// contracts differ in size.
    let stock: Int?
    let expiries: Int

    init(_ legs: [RankedLeg]) {
        var shares = 0
        var nets: [Contract] = []
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
        let ranks = Set(nets.map(\.expiry)).sorted()
        let size = multiplier ?? Limits.standardMultiplier
        let whole = uniform && shares.isMultiple(of: size)
        var divisor = whole ? abs(shares / size) : 0
        for net in nets { divisor = Self.gcd(divisor, abs(net.units)) }
        let factor = max(1, divisor)
        options = nets.map { net in
            Contract(
                right: net.right,
                strike: net.strike,
                expiry: ranks.firstIndex(of: net.expiry) ?? 0,
                units: net.units / factor
            )
        }.sorted {
            ($0.strike.thousandths, $0.right.sign, $0.expiry)
                < ($1.strike.thousandths, $1.right.sign, $1.expiry)
        }
        stock = whole ? shares / size / factor : nil
        expiries = ranks.count
    }

    /// The form as the catalogue writes it: `+S -C1`, `+P1 -P2 -C3 +C4`, `-Ca1 +Cb1`. Figures are
    /// ranks of strikes, letters ranks of expiries where there are several, a number before the
    /// letter how many. Nil for what has no such form.
    var form: String? {
        guard let stock, expiries <= 2 else { return nil }
        var text = stock == 0 ? "" : Self.count(stock) + "S"
        var rank = 0
        var last: Strike?
        for option in options {
            if option.strike != last { rank += 1 }
            last = option.strike
            if !text.isEmpty { text += " " }
            text += Self.count(option.units) + (option.right == .call ? "C" : "P")
            if expiries == 2 { text += option.expiry == 0 ? "a" : "b" }
            text += String(rank)
        }
        return text
    }

    private static func count(_ units: Int) -> String {
        (units > 0 ? "+" : "-") + (abs(units) == 1 ? "" : String(abs(units)))
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
        let dates = Set(legs.compactMap(\.expiry)).sorted()
        return legs.map { leg in
            RankedLeg(leg, expiry: leg.expiry.flatMap { dates.firstIndex(of: $0) } ?? 0)
        }
    }
}
