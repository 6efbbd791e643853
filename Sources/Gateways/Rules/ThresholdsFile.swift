package import JSON
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
        let thresholds: Thresholds
        do throws(JSONError) {
            thresholds = try self.thresholds(parser.parse(bytes).object())
        } catch {
            throw ThresholdsFileError(description: "the file of thresholds is wrong at \(error)")
        }
        return thresholds
    }

    static func thresholds(_ body: JSONObject) throws(JSONError) -> Thresholds {
        var thresholds = Thresholds()
        for (name, value) in body {
            guard let threshold = threshold(named: name) else {
                throw value.error(.notAllowed, "expected the name of a threshold")
            }
            try threshold.set(to: value, in: &thresholds)
        }
        return thresholds
    }

    private static func threshold(named name: String) -> Threshold? {
        all.first { $0.name.description == name }?.threshold
    }

    /// What is not as it is built in, as a file would say it.
    package static func write(_ thresholds: Thresholds, to writer: inout JSONWriter) {
        let builtIn = Thresholds()
        writer.beginObject()
        for (name, threshold) in all where threshold.differs(thresholds, builtIn) {
            writer.key(name)
            threshold.write(thresholds, to: &writer)
        }
        writer.endObject()
    }

    private static var all: [(name: StaticString, threshold: Threshold)] {
        [
            ("strike_deviations_warn", .number(\.strikeDeviationsWarn)),
            ("strike_deviations_block", .number(\.strikeDeviationsBlock)),
            ("strike_distance_block", .number(\.strikeDistanceBlock)),
            ("ratio_max", .number(\.ratioMax)),
            ("quantity_max", .count(\.quantityMax)),
            ("open_interest_share", .number(\.openInterestShare)),
            ("implied_volatility_range", .range(\.impliedVolatilityRange)),
            ("implied_volatility_distance", .number(\.impliedVolatilityDistance)),
            ("claim_dollars", .number(\.claimDollars)),
            ("claim_share", .number(\.claimShare)),
            ("claim_breakeven", .number(\.claimBreakeven)),
            ("claim_probability", .number(\.claimProbability)),
            ("expected_value_share", .number(\.expectedValueShare)),
            ("credit_share", .number(\.creditShare)),
            ("loss_share_of_equity", .byTolerance(\.lossShareOfEquity)),
            ("delta_share_of_equity", .byTolerance(\.deltaShareOfEquity)),
            ("vega_share_of_equity", .byTolerance(\.vegaShareOfEquity)),
            ("neutral_delta_share", .number(\.neutralDeltaShare)),
            ("vix_cheap", .number(\.vixCheap)),
            ("vix_dear", .number(\.vixDear)),
            ("position_limit", .count(\.positionLimit)),
            ("alternatives_min", .count(\.alternativesMin)),
            ("day_trades_max", .count(\.dayTradesMax)),
            ("day_trade_equity", .number(\.dayTradeEquity)),
            ("wash_days", .count(\.washDays)),
            ("deep_put_share", .number(\.deepPutShare)),
            ("american_dollars", .number(\.americanDollars)),
            ("american_share", .number(\.americanShare)),
            ("spread_dollars", .number(\.spreadDollars)),
            ("spread_share", .number(\.spreadShare)),
            ("open_interest_min", .count(\.openInterestMin)),
            ("volatility_factors", .factors(\.volatilityFactors)),
        ]
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

    func differs(_ a: Thresholds, _ b: Thresholds) -> Bool {
        switch self {
        case .number(let path): a[keyPath: path] != b[keyPath: path]
        case .count(let path): a[keyPath: path] != b[keyPath: path]
        case .range(let path): a[keyPath: path] != b[keyPath: path]
        case .byTolerance(let path), .factors(let path): a[keyPath: path] != b[keyPath: path]
        }
    }

    func write(_ thresholds: Thresholds, to writer: inout JSONWriter) {
        switch self {
        case .number(let path): writer.value(thresholds[keyPath: path])
        case .count(let path): writer.value(thresholds[keyPath: path])
        case .range(let path):
            let range = thresholds[keyPath: path]
            Self.write([range.lowerBound, range.upperBound], to: &writer)
        case .byTolerance(let path), .factors(let path):
            Self.write(thresholds[keyPath: path], to: &writer)
        }
    }

    private static func write(_ numbers: [Double], to writer: inout JSONWriter) {
        writer.beginArray()
        for number in numbers { writer.value(number) }
        writer.endArray()
    }

    private static func numbers(_ value: JSONValue) throws(JSONError) -> [Double] {
        try value.array().map { (number) throws(JSONError) in try number.double(in: 0...1e9) }
    }
}
