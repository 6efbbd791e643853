import Options
import TestSupport
import Testing

@Suite struct PayoffTests {
    @Test func `a contract bought and sold at one model price leaves the smallest rest`() throws {
        let strike = try #require(Strike(dollars: 100))
        func leg(_ action: Action, _ instrument: Instrument, _ price: Double) throws -> Leg {
            try #require(Leg(action, instrument, quantity: 1, price: .modelled(price)))
        }
        let legs = try [
            leg(.sell, .put(strike), 1e-77), leg(.buy, .call(strike), 12.345_678_9),
            leg(.sell, .call(strike), 12.345_678_9),
        ]
        #expect(Payoff(legs: legs).netPremium.dollars == 1e-75)
        #expect(Payoff(legs: legs.reversed()).netPremium.dollars == 1e-75)
    }

    @Test func `a long call loses its premium and earns without bound`() {
        let payoff = Payoff(legs: leg(.buy, .call, 450, 5.25))
        #expect(payoff.netPremium.dollars == -525)
        #expect(payoff.maxProfit == nil)
        #expect(payoff.maxLoss?.dollars == 525)
        #expect(payoff.breakevens.map(\.dollars) == [455.25])
        #expect(payoff.zeroIntervals.isEmpty)
        #expect(payoff.slopeAtInfinity == 100)
    }

    @Test func `a naked call has no largest loss`() {
        let payoff = Payoff(legs: leg(.sell, .call, 450, 5.25))
        #expect(payoff.maxLoss == nil)
        #expect(payoff.maxProfit?.dollars == 525)
    }

    @Test func `an iron condor has two breakevens`() {
        let payoff = Payoff(
            legs: leg(.buy, .put, 425, 2.1) + leg(.sell, .put, 430, 3.1)
                + leg(.sell, .call, 470, 2.2) + leg(.buy, .call, 475, 1.4)
        )
        #expect(payoff.netPremium.dollars == 180)
        #expect(payoff.maxProfit?.dollars == 180)
        #expect(payoff.maxLoss?.dollars == 320)
        #expect(payoff.breakevens.map(\.dollars) == [428.2, 471.8])
    }

    @Test func `a tenth and two tenths less three tenths is a plateau`() {
        let payoff = Payoff(
            legs: leg(.buy, .call, 100, 0.1) + leg(.buy, .call, 110, 0.2)
                + leg(.sell, .call, 120, 0.3)
        )
        #expect(plateaus(payoff) == [[0, 100]])
        #expect(payoff.breakevens.isEmpty)
        #expect(payoff.maxLoss?.dollars == 0)
    }

    @Test func `what is nothing everywhere is one plateau to infinity`() {
        let payoff = Payoff(legs: leg(.buy, .call, 100, 1) + leg(.sell, .call, 100, 1))
        #expect(plateaus(payoff) == [[0, nil]])
        #expect(payoff.maxProfit == .zero)
        #expect(payoff.maxLoss == .zero)
    }

    @Test func `a touching zero is a breakeven, at nothing too`() {
        // A straddle bought for nothing touches at its strike; free stock touches at 0.
        let straddle = Payoff(legs: leg(.buy, .call, 100, 0) + leg(.buy, .put, 100, 0))
        #expect(straddle.breakevens.map(\.dollars) == [100])
        let stock = Payoff(legs: shares(.buy, 100, at: 0))
        #expect(stock.breakevens.map(\.dollars) == [0])
        #expect(stock.netPremium == .zero)
    }

    @Test func `a covered call counts its shares in the loss but not in the premium`() {
        let payoff = Payoff(
            legs: shares(.buy, 100, at: 450) + leg(.sell, .call, 460, 4)
        )
        #expect(payoff.netPremium.dollars == 400)
        #expect(payoff.maxLoss?.dollars == 44_600)
        #expect(payoff.maxProfit?.dollars == 1_400)
        #expect(payoff.breakevens.map(\.dollars) == [446])
    }

    @Test func `a breakeven between whole units keeps its fraction`() throws {
        let payoff = Payoff(
            legs: leg(.buy, .call, 100, 1, quantity: 3) + leg(.sell, .call, 130, 0.5)
        )
        let zero = try #require(payoff.breakevens.first)
        #expect(zero.exactMicros?.denominator == 3)
        #expect(zero.dollars == 100 + 2.5 / 3)
        #expect(zero.dollars == 302.5 / 3)
    }

    @Test func `model prices enter unrounded and still cancel`() throws {
        let price = 5.123_456_789_012_3
        let strike = try #require(Strike(dollars: 100))
        let bought = try #require(Leg(.buy, .call(strike), price: .modelled(price)))
        let sold = try #require(Leg(.sell, .call(strike), price: .modelled(price)))
        let one = Payoff(legs: [bought])
        #expect(one.netPremium.dollars == -100 * price)
        #expect(one.breakevens.map(\.dollars) == [100 + price])
        #expect(one.breakevens.first?.exactMicros == nil)
        #expect(plateaus(Payoff(legs: [bought, sold])) == [[0, nil]])
    }

    @Test func `the largest allowed legs stay exact`() throws {
        let strike = try #require(Strike(thousandths: Limits.strikeThousandthsMax))
        let price = try #require(MicroUSD(micros: Limits.priceMicrosMax))
        let leg = try #require(
            Leg(
                .sell,
                .put(strike),
                quantity: Limits.quantityMax,
                multiplier: Limits.multiplierMax,
                price: .quoted(price)
            )
        )
        let payoff = Payoff(legs: Array(repeating: leg, count: 1_000))
        #expect(payoff.maxLoss == .zero)
        #expect(payoff.maxProfit?.dollars == 1e27)
        #expect(payoff.breakevens.map(\.dollars) == [0])
    }

    @Test func `the profit anywhere is the sum of what the legs pay`() throws {
        for seed in 0..<300 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let legs = randomLegs(&dice)
            let payoff = Payoff(legs: legs)
            for _ in 0..<20 {
                let micros = Int64.random(in: 0...200_000_000, using: &dice)
                let expected = legs.reduce(Int128(0)) { $0 + worth(of: $1, at: micros) }
                let price = try #require(MicroUSD(micros: micros))
                #expect(payoff.worth(at: price).micros == expected, "replay with seed \(seed)")
            }
            for zero in payoff.breakevens {
                let exact = try #require(zero.exactMicros)
                if exact.denominator == 1,
                    let price = MicroUSD(micros: Int64(exact.numerator))
                {
                    #expect(payoff.worth(at: price).sign == 0, "replay with seed \(seed)")
                }
            }
        }
    }

    @Test func `ten thousand payoffs agree with fractions`() throws {
        let lines = (0..<10_000 as Range<UInt64>).map { seed -> String in
            var dice = Dice(seed: 100_000 + seed)
            let legs =
                seed % 3 == 0 ? awkwardLegs(&dice, modelled: seed % 2 == 0) : randomLegs(&dice)
            let payoff = Payoff(legs: legs)
            let zeros = payoff.zeros
            let plateaus = zeros.plateaus.map { "\($0.lowDollars),\(text($0.highDollars))" }
            return [
                legs.map(text).joined(separator: " "), "\(payoff.netPremium.dollars)",
                text(payoff.maxProfit?.dollars), text(payoff.maxLoss?.dollars),
                zeros.breakevens.map { "\($0.dollars)" }.joined(separator: " "),
                plateaus.joined(separator: " "),
            ].joined(separator: " | ")
        }
        try Oracle.judge("payoff.py", packages: [], lines: lines)
    }

    private func text(_ number: Double?) -> String { number.map { "\($0)" } ?? "null" }

    private func text(_ leg: Leg) -> String {
        let strike = leg.instrument.strike.map { "\($0.thousandths)/1000" } ?? "0"
        let price =
            switch leg.price {
            case .quoted(let price): "q\(price.micros)/1000000"
            case .modelled(let price): "m\(price)"
            }
        return [
            leg.action.rawValue, leg.instrument.word, strike, "\(leg.quantity)",
            "\(leg.multiplier)", price,
        ].joined(separator: ",")
    }

    /// Strikes to a thousandth, prices to a millionth or from a model, any multiplier.
    private func awkwardLegs(_ dice: inout Dice, modelled: Bool) -> [Leg] {
        (0..<Int.random(in: 1...12, using: &dice)).compactMap { _ in
            let strike = Strike(thousandths: Int64.random(in: 1...2_000_000, using: &dice))
            let micros = MicroUSD(micros: Int64.random(in: 0...90_000_000, using: &dice))
            guard let strike, let micros else { return nil }
            let price: EntryPrice =
                modelled && Bool.random(using: &dice)
                ? .modelled(Double.random(in: 0...90, using: &dice)) : .quoted(micros)
            let instrument: Instrument = [.call(strike), .put(strike), .stock][
                Int.random(in: 0...2, using: &dice)
            ]
            return Leg(
                Bool.random(using: &dice) ? .buy : .sell,
                instrument,
                quantity: Int.random(in: 1...1_000, using: &dice),
                multiplier: [1, 10, 100, 73].randomElement(using: &dice),
                price: price
            )
        }
    }

    private func plateaus(_ payoff: Payoff) -> [[Double?]] {
        payoff.zeroIntervals.map { [$0.lowDollars, $0.highDollars] }
    }

    private func worth(of leg: Leg, at micros: Int64) -> Int128 {
        guard case .quoted(let price) = leg.price else { return 0 }
        let value: Int64
        switch leg.instrument {
        case .stock: value = micros
        case .option(.call, let strike): value = max(0, micros - strike.thousandths * 1_000)
        case .option(.put, let strike): value = max(0, strike.thousandths * 1_000 - micros)
        }
        return Int128(leg.signedShares) * Int128(value - price.micros)
    }
}

/// Up to six legs around 100, on coarse prices so that zeros and plateaus are common.
func randomLegs(_ dice: inout Dice) -> [Leg] {
    (0..<Int.random(in: 1...6, using: &dice)).flatMap { _ in
        leg(
            Bool.random(using: &dice) ? .buy : .sell,
            DraftLeg.Kind.allCases.randomElement(using: &dice) ?? .call,
            Double(Int.random(in: 16...24, using: &dice)) * 5,
            Double(Int.random(in: 0...12, using: &dice)) / 2,
            quantity: Int.random(in: 1...3, using: &dice)
        )
    }
}
