internal import JSON
package import Options

/// The file of limits that rules hold figures against: one JSON object, each member named as its
/// threshold is in lower snake case. What it leaves out stays as it is built in.
///
/// ```json
/// {"quantity_max": 50, "credit_share": 0.25, "loss_share_of_equity": [0.01, 0.02, 0.03]}
/// ```
package enum ThresholdsFile {
    /// - Parameter path: `THRESHOLDS_FILE`; at most 1 MiB.
    package static func read(_ path: String) throws(ThresholdsFileError) -> Thresholds {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileText.read(path)
        } catch {
            throw ThresholdsFileError(description: error.description)
        }
        return try thresholds(bytes)
    }

    package static func thresholds(_ bytes: [UInt8]) throws(ThresholdsFileError) -> Thresholds {
        var parser = JSONParser()
        var thresholds = Thresholds()
        do throws(JSONError) {
            let body = try parser.parse(bytes).object()
            for (name, value) in body {
                guard let threshold = threshold(named: name) else {
                    throw value.error(.notAllowed, "expected the name of a threshold")
                }
                try threshold.set(to: value, in: &thresholds)
            }
        } catch {
            throw ThresholdsFileError(description: "the file of thresholds is wrong at \(error)")
        }
        return thresholds
    }

    private static func threshold(named name: String) -> Threshold? {
        switch name {
        case "strike_deviations_warn": .number(\.strikeDeviationsWarn)
        case "strike_deviations_block": .number(\.strikeDeviationsBlock)
        case "strike_distance_block": .number(\.strikeDistanceBlock)
        case "ratio_max": .number(\.ratioMax)
        case "quantity_max": .count(\.quantityMax)
        case "open_interest_share": .number(\.openInterestShare)
        case "implied_volatility_range": .range(\.impliedVolatilityRange)
        case "implied_volatility_distance": .number(\.impliedVolatilityDistance)
        case "claim_dollars": .number(\.claimDollars)
        case "claim_share": .number(\.claimShare)
        case "claim_breakeven": .number(\.claimBreakeven)
        case "claim_probability": .number(\.claimProbability)
        case "expected_value_share": .number(\.expectedValueShare)
        case "credit_share": .number(\.creditShare)
        case "loss_share_of_equity": .byTolerance(\.lossShareOfEquity)
        case "delta_share_of_equity": .byTolerance(\.deltaShareOfEquity)
        case "vega_share_of_equity": .byTolerance(\.vegaShareOfEquity)
        case "neutral_delta_share": .number(\.neutralDeltaShare)
        case "vix_cheap": .number(\.vixCheap)
        case "vix_dear": .number(\.vixDear)
        case "position_limit": .count(\.positionLimit)
        case "alternatives_min": .count(\.alternativesMin)
        case "day_trades_max": .count(\.dayTradesMax)
        case "day_trade_equity": .number(\.dayTradeEquity)
        case "wash_days": .count(\.washDays)
        case "deep_put_share": .number(\.deepPutShare)
        case "american_dollars": .number(\.americanDollars)
        case "american_share": .number(\.americanShare)
        case "spread_dollars": .number(\.spreadDollars)
        case "spread_share": .number(\.spreadShare)
        case "open_interest_min": .count(\.openInterestMin)
        case "volatility_factors": .factors(\.volatilityFactors)
        default: nil
        }
    }
}

package struct ThresholdsFileError: Error, CustomStringConvertible {
    package let description: String
}

/// Where a threshold is kept, and what may stand there.
private enum Threshold {
    case number(WritableKeyPath<Thresholds, Double>)
    case count(WritableKeyPath<Thresholds, Int>)
    /// Two numbers, the lower first.
    case range(WritableKeyPath<Thresholds, ClosedRange<Double>>)
    /// Three numbers: for low, medium and high tolerance.
    case byTolerance(WritableKeyPath<Thresholds, [Double]>)
    case factors(WritableKeyPath<Thresholds, [Double]>)

    func set(to value: JSONValue, in thresholds: inout Thresholds) throws(JSONError) {
        switch self {
        case .number(let path):
            // The one that is negative is a loss against what is risked.
            thresholds[keyPath: path] = try value.double(in: -1e9...1e9)
        case .count(let path):
            thresholds[keyPath: path] = Int(try value.int64(in: 0...1_000_000_000))
        case .range(let path):
            let ends = try Self.numbers(value)
            guard ends.count == 2, ends[0] < ends[1] else {
                throw value.error(.outOfRange, "expected two numbers, the lower first")
            }
            thresholds[keyPath: path] = ends[0]...ends[1]
        case .byTolerance(let path):
            let shares = try Self.numbers(value)
            guard shares.count == 3 else {
                throw value.error(
                    .outOfRange,
                    "expected three numbers, for low, medium and high tolerance"
                )
            }
            thresholds[keyPath: path] = shares
        case .factors(let path): thresholds[keyPath: path] = try Self.numbers(value)
        }
    }

    private static func numbers(_ value: JSONValue) throws(JSONError) -> [Double] {
        try value.array().map { (number) throws(JSONError) in try number.double(in: 0...1e9) }
    }
}
