import Options
import TestSupport
import Testing

@Suite struct ClassificationTests {
    /// `+2C100 -P90@1 +S`: signed count, right and strike, rank of the expiry after `@`; S is a
    /// hundred shares. Options cost 2 dollars, shares 100.
    private func legs(_ text: String) throws -> [RankedLeg] {
        try text.split(separator: " ").map { word in
            var rest = word
            let action: Action = rest.removeFirst() == "+" ? .buy : .sell
            let count = Int(rest.prefix { $0.isNumber }) ?? 1
            rest = rest.drop { $0.isNumber }
            let kind = rest.removeFirst()
            if kind == "S" {
                let stock = shares(action, 100 * count, at: 100)
                return RankedLeg(try #require(stock.first), expiry: 0)
            }
            let parts = rest.split(separator: "@")
            let strike = try #require(Double(parts[0]))
            let option = leg(action, kind == "C" ? .call : .put, strike, 2, quantity: count)
            let expiry = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            return RankedLeg(try #require(option.first), expiry: expiry)
        }
    }

    @Test(arguments: [
        ("+C100", "long_call", 2), ("+P100", "long_put", 2), ("+S -C105", "covered_call", 1),
        ("-P95", "cash_secured_put", 1), ("+S +P95", "protective_put", 1),
        ("+S +P95 -C105", "collar", 1), ("-S -P95", "covered_put", 4),
        ("-S +C105", "protective_call", 2), ("+C100 -C105", "bull_call_spread", 3),
        ("+P100 -P95", "bear_put_spread", 3), ("-P100 +P95", "bull_put_spread", 3),
        ("-C100 +C105", "bear_call_spread", 3), ("+C100 +P100", "long_straddle", 2),
        ("-C100 -P100", "short_straddle", 4), ("+P95 +C105", "long_strangle", 2),
        ("-P95 -C105", "short_strangle", 4), ("+P90 -P95 -C105 +C110", "iron_condor", 3),
        ("-C105 +C110 -P95 +P90", "iron_condor", 3),
        ("+P95 -P100 -C100 +C105", "iron_butterfly", 3),
        ("-P90 +P95 +C105 -C110", "reverse_iron_condor", 3),
        ("-P95 +P100 +C100 -C105", "reverse_iron_butterfly", 3),
        ("+C95 -2C100 +C105", "long_call_butterfly", 3),
        ("+P95 -2P100 +P105", "long_put_butterfly", 3),
        ("+C95 -2C100 +C110", "broken_wing_butterfly", 3),
        ("+C90 -C95 -C100 +C105", "call_condor", 3), ("+P90 -P95 -P100 +P105", "put_condor", 3),
        ("-C100 +C100@1", "call_calendar", 3), ("-P100 +P100@1", "put_calendar", 3),
        ("-C105 +C100@1", "diagonal", 3), ("-P95 +P100@1", "diagonal", 3),
        ("-C105 +C80@1", "poor_mans_covered_call", 3),
        ("-P95 +P95@1 -C105 +C105@1", "double_calendar", 3),
        ("-P95 +P90@1 -C105 +C110@1", "double_diagonal", 3),
        ("+C100 -2C105", "ratio_spread_1x2", 4),
        ("+P100 -2P95", "ratio_spread_1x2", 4), ("-C100 +2C105", "back_spread", 3),
        ("-P100 +2P95", "back_spread", 3), ("-P95 -C105 +C110", "jade_lizard", 4),
        ("-P95 +C105", "risk_reversal", 4), ("-P100 +C100", "synthetic_long", 4),
        ("+P100 -C100", "synthetic_short", 4), ("+C95 -C105 +P105 -P95", "box", 3),
        ("+S +P100 -C100", "conversion", 3), ("-S -P100 +C100", "reversal", 3),
        ("+S +C100 -2C105", "stock_repair", 3), ("+S -P95 -C105", "covered_strangle", 1),
        ("-P90 +C100 -C105", "seagull", 4), ("+C100 -C105 -C110", "ladder", 4),
        ("+P90 +P95 -P100", "ladder", 3),
        ("+2C100 -2C105", "bull_call_spread", 3), ("+2S -2C105", "covered_call", 1),
        ("+C100 +C100 -C105 -C105", "bull_call_spread", 3),
        // Not in the catalogue.
        ("-C100", "custom", 4), ("+S", "custom", 1), ("-S", "custom", 4),
        ("+S -2C105", "custom", 4), ("-C95 +2C100 -C105", "custom", 3),
        ("+C100 -C100@1", "custom", 4), ("+C100 -C100", "custom", 3),
    ])
    func `legs have one name and one level`(text: String, name: String, level: Int) throws {
        let found = Classifier.classify(try legs(text), spot: 100)
        #expect(found.name.rawValue == name)
        #expect(found.level == level)
    }

    @Test func `every name of the catalogue but the wheel can be found`() {
        let rows = Set(StrategyName.allCases.compactMap(\.row))
        #expect(rows == Set(1...37))
    }

    @Test(arguments: [
        ("+C100", "defined"), ("-C100", "undefined"), ("-P100", "defined"),
        ("-S +C105", "defined"), ("-S", "undefined"), ("+S -C100", "defined"),
        ("+S -2C100", "undefined"), ("+C100 -2C105", "undefined"), ("-P95 -C105", "undefined"),
        ("-C100 +C100@1", "defined"),
        // Once the long call is gone nothing covers the short one.
        ("+C100 -C100@1", "undefined"), ("+S +C100 -C100@1", "defined"),
    ])
    func `risk is undefined where a loss can grow without end`(text: String, risk: String) throws {
        #expect(Classifier.classify(try legs(text), spot: 100).risk.rawValue == risk)
    }

    @Test(arguments: [
        ("+C100", 200.0, "full_cost"), ("+C100 +P95", 400, "full_cost"),
        // All options here cost 2, so spreads have neither credit nor debit.
        ("-P100 +P95", 500, "spread_largest_loss"), ("-P100", 9_800, "cash_secured"),
        ("+S -C105", 5_000, "stock_initial"), ("+S +P95", 5_200, "stock_initial"),
        ("-C100", 2_200, "naked"), ("-C115", 1_200, "naked"), ("-P95 -C105", 1_900, "greater_side"),
        ("+P90 -P95 -C105 +C110", 500, "spread_largest_loss"),
        ("+P90 -P95 -C105 +C115", 1_500, "two_spreads"), ("-C105 +C100@1", 0, "strike_gap"),
        ("-C100 +C105@1", 500, "strike_gap"), ("-S -P105", 5_500, "short_stock"),
        ("+S +P100 -C100", 1_000, "conversion"),
    ])
    func `margin follows its rule`(text: String, usd: Double, rule: String) throws {
        let legs = try legs(text)
        let found = MarginEstimate(spot: 100).margin(
            for: legs,
            as: Classifier.classify(legs, spot: 100),
            maxLoss: Payoff(legs: legs.map(\.leg)).maxLoss?.dollars
        )
        #expect(abs(found.usd - usd) < 1e-9)
        #expect(found.rule.rawValue == rule)
    }

    @Test func `the order of the legs changes nothing`() throws {
        var dice = Dice(seed: 5)
        for text in ["+P90 -P95 -C105 +C110", "-P95 +P90@1 -C105 +C110@1", "+S +P95 -C105"] {
            let legs = try legs(text)
            let first = Classifier.classify(legs, spot: 100)
            for _ in 0..<20 {
                #expect(Classifier.classify(legs.shuffled(using: &dice), spot: 100) == first)
            }
        }
    }
}
