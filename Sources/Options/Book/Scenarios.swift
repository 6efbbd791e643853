internal import Glibc

/// What becomes of a set of exposures when spot, volatility and time move: the stress grid of
/// rule R14.
///
/// Spot by 0, ±1, ±2, ±3 deviations of the horizon, ±15 % and ±20 %; volatility by −10, 0 and
/// +10 points; now, half way to the front expiry, and at it. European values throughout.
package struct Scenarios: Sendable {
    package struct Cell: Hashable, Sendable {
        package let spot: Double
        /// 0.1 is ten points.
        package let volatilityShift: Double
        /// From now.
        package let years: Double
        /// Dollars, against the value today.
        package let changeUSD: Double
    }

    /// By time, then volatility, then spot, each ascending.
    package let cells: [Cell]

    package static let volatilityShifts = [-0.1, 0, 0.1]

    /// - Parameter horizon: Years to the front expiry; it scales the deviations too.
    package init(
        _ exposures: [Exposure],
        market: Conditions,
        volatility: Double,
        asOf: UTCInstant,
        horizon: Double
    ) {
        let lines = exposures.map { Line($0, asOf: asOf) }
        var now = [0.0]
        let today = [(spot: market.spot, log: log(market.spot))]
        for line in lines { line.add(to: &now, at: today, volatility, 0, market) }
        let spots = Self.spots(market.spot, volatility * horizon.squareRoot())
            .map { (spot: $0, log: log($0)) }
        var cells: [Cell] = []
        cells.reserveCapacity(spots.count * 9)
        for years in [0, 0.5 * horizon, horizon] {
            for shift in Self.volatilityShifts {
                var worths = [Double](repeating: 0, count: spots.count)
                for line in lines {
                    line.add(to: &worths, at: spots, max(0.01, volatility + shift), years, market)
                }
                for (place, worth) in zip(spots, worths) {
                    cells.append(
                        Cell(
                            spot: place.spot,
                            volatilityShift: shift,
                            years: years,
                            changeUSD: worth - now[0]
                        )
                    )
                }
            }
        }
        self.cells = cells
    }

    /// The cell that costs most.
    package var worst: Cell? { cells.min { $0.changeUSD < $1.changeUSD } }

    /// Ascending, without repetition.
    static func spots(_ spot: Double, _ deviation: Double) -> [Double] {
        let steps = [-3.0, -2, -1, 0, 1, 2, 3].map { spot * exp($0 * deviation) }
        return Set(steps + [0.8, 0.85, 1.15, 1.2].map { $0 * spot }).sorted()
    }

    /// An exposure with its time counted once.
    private struct Line {
        let option: Option?
        let logStrike: Double
        let shares: Double

        init(_ exposure: Exposure, asOf: UTCInstant) {
            option = exposure.option(asOf: asOf)
            logStrike = option.map { log($0.strike) } ?? 0
            shares = exposure.shares
        }

        /// Adds what the line is worth at each of some prices. The textbook formula: a grid needs
        /// no more digits than it gives.
        func add(
            to worths: inout [Double],
            at spots: [(spot: Double, log: Double)],
            _ volatility: Double,
            _ elapsed: Double,
            _ market: Conditions
        ) {
            let years = (option?.years ?? 0) - elapsed
            guard let option, years > 0 else {
                for (index, place) in spots.enumerated() {
                    worths[index] += shares * (option?.intrinsic(at: place.spot) ?? place.spot)
                }
                return
            }
            let deviation = volatility * years.squareRoot()
            let drift = (market.rate - market.dividendYield) * years - logStrike
            let w = Double(option.right.sign)
            let stock = shares * w * exp(-market.dividendYield * years)
            let strike = shares * w * option.strike * exp(-market.rate * years)
            for (index, place) in spots.enumerated() {
                let d1 = (place.log + drift) / deviation + 0.5 * deviation
                worths[index] +=
                    place.spot * stock * Normal.cumulative(w * d1)
                    - strike * Normal.cumulative(w * (d1 - deviation))
            }
        }
    }
}
