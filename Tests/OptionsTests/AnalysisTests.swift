import Options
import TestSupport
import Testing

@Suite struct AnalysisTests {
    typealias Draft = AnalysisRequest.Leg

    private func analysis(_ request: AnalysisRequest) throws -> Analysis {
        try Analyst.analyse(request)
    }

    @Test func `a long call is analysed from front to back`() throws {
        let request = AnalysisRequest(
            symbol: "SPY",
            spot: 450,
            asOf: UTCInstant("2026-11-23T15:00:00Z"),
            rate: 0.04,
            dividendYield: 0.01,
            volatility: 0.2,
            legs: [
                Draft(
                    action: .buy,
                    kind: .call,
                    strike: 450,
                    expiry: CivilDate("2026-12-18"),
                    quantity: 1,
                    price: 5.25,
                    volatility: 0.22
                )
            ]
        )
        let found = try analysis(request)
        #expect(found.name == .longCall)
        #expect(found.level == 2)
        #expect(found.risk == .defined)
        #expect(found.model == "black_scholes")
        #expect(found.netPremiumUSD == -525)
        #expect(found.maxProfitUSD == nil)
        #expect(found.maxLossUSD == 525)
        #expect(found.breakevens == [455.25])
        #expect(found.zeroIntervals.isEmpty)
        #expect(found.margin.usd == 525)
        #expect(found.margin.rule == .fullCost)
        let leg = try #require(found.legs.first)
        #expect(leg.symbol == "SPY   261218C00450000")
        #expect(leg.price == 5.25)
        #expect(leg.intrinsic == 0)
        let implied = try #require(leg.impliedVolatility)
        let years = NewYorkTime.years(
            from: try #require(request.asOf),
            to: try #require(CivilDate("2026-12-18"))
        )
        let option = Option(.call, strike: 450, years: years)
        let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.01)
        #expect(abs(BlackScholes.price(option, volatility: implied, in: market) - 5.25) < 1e-13)
        // The leg's Greeks use its own volatility, the chances the document's.
        let own = BlackScholes.value(option, volatility: 0.22, in: market).greeks
        #expect(leg.greeks == own)
        #expect(found.greeks == own * 100)
        let law = LogNormal(market, volatility: 0.2, years: years)
        #expect(found.probabilityOfProfit == law.probability(from: 455.25, to: .infinity))
    }

    @Test func `prices and strikes count to their last figure`() throws {
        let found = try analysis(
            AnalysisRequest(
                symbol: "SPY",
                spot: 100,
                asOf: UTCInstant("2026-11-23T15:00:00Z"),
                volatility: 0.3,
                legs: [
                    Draft(
                        action: .buy,
                        kind: .call,
                        strike: 100.12345,
                        expiry: CivilDate("2026-12-18"),
                        quantity: 1,
                        price: 5.123456789123
                    )
                ]
            )
        )
        #expect(found.netPremiumUSD == -512.3456789123)
        #expect(found.maxLossUSD == 512.3456789123)
        #expect(found.breakevens == [105.246906789123])
        // No listed contract has such a strike.
        #expect(found.legs.first?.symbol == nil)
        #expect(found.margin.usd == 512.3456789123)
    }

    @Test func `nothing is asked for what costs nothing, and not minus nothing`() throws {
        let free = Draft(action: .buy, kind: .call, strike: 100, years: 0.5, quantity: 1, price: 0)
        let found = try analysis(AnalysisRequest(spot: 100, legs: [free]))
        #expect(found.margin.usd == 0 && found.margin.usd.sign == .plus)
        #expect(found.zeroIntervals.first?.low == 0 && found.zeroIntervals.first?.high == 100)
    }

    @Test func `a fair price has no expected value without a rate`() throws {
        let found = try analysis(
            AnalysisRequest(
                spot: 100,
                volatility: 0.3,
                legs: [
                    Draft(action: .sell, kind: .put, strike: 95, years: 0.5, quantity: 2),
                    Draft(action: .buy, kind: .call, strike: 110, years: 0.5, quantity: 3),
                ]
            )
        )
        #expect(abs(try #require(found.expectedValueUSD)) < 1e-10)
        #expect(found.legs.allSatisfy { $0.symbol == nil && $0.impliedVolatility == nil })
    }

    @Test func `a price at or beyond its bounds implies nothing and says why`() throws {
        func failure(
            _ price: Double,
            years: Double = 0.5,
            style: ExerciseStyle = .european
        ) throws -> ImpliedVolatility.Failure? {
            let request = AnalysisRequest(
                spot: 100,
                rate: 0.05,
                volatility: 0.2,
                style: style,
                legs: [
                    Draft(
                        action: .buy,
                        kind: .put,
                        strike: 110,
                        years: years,
                        quantity: 1,
                        price: price
                    )
                ]
            )
            let leg = try #require(try analysis(request).legs.first)
            #expect((leg.impliedVolatility == nil) == (leg.impliedVolatilityError != nil))
            return leg.impliedVolatilityError
        }
        #expect(try failure(12) == nil)
        #expect(try failure(7) == .belowIntrinsic)
        #expect(try failure(9, style: .european) == nil)
        #expect(try failure(9, style: .american) == .belowIntrinsic)
        #expect(try failure(10, style: .american) == .belowIntrinsic)
        #expect(try failure(10.5, style: .american) == nil)
        #expect(try failure(109) == .aboveBound)
        #expect(try failure(109, style: .american) == nil)
        #expect(try failure(110, style: .american) == .aboveBound)
        #expect(try failure(10, years: 0) == .expired)
    }

    @Test func `at expiry only delta's step is left`() throws {
        func greeks(_ kind: DraftLeg.Kind, strike: Double) throws -> Greeks? {
            try analysis(
                AnalysisRequest(
                    spot: 100,
                    rate: 0.05,
                    legs: [
                        Draft(action: .buy, kind: kind, strike: strike, years: 0, quantity: 1)
                    ]
                )
            ).legs.first?.greeks
        }
        #expect(try greeks(.call, strike: 90) == Greeks(delta: 1))
        #expect(try greeks(.call, strike: 100) == Greeks(delta: 0.5))
        #expect(try greeks(.call, strike: 110) == .zero)
        #expect(try greeks(.put, strike: 110) == Greeks(delta: -1))
        #expect(try greeks(.put, strike: 100) == Greeks(delta: -0.5))
    }

    @Test func `without volatility the forward decides`() throws {
        let option = Option(.call, strike: 100, years: 1)
        let market = Conditions(spot: 100, rate: 0.05, dividendYield: 0.05)
        let (price, greeks) = BlackScholes.value(option, volatility: 0, in: market)
        #expect(price == 0)
        #expect(greeks.gamma == 0 && greeks.vegaPerPoint == 0)
        #expect(abs(greeks.delta - 0.5 * 0.951_229_424_500_714) < 1e-15)
        let inside = BlackScholes.value(
            Option(.put, strike: 110, years: 1),
            volatility: 0,
            in: market
        )
        #expect(abs(inside.price - 10 * 0.951_229_424_500_714) < 1e-13)
        #expect(abs(inside.greeks.delta + 0.951_229_424_500_714) < 1e-15)
    }

    @Test func `stock alone has a horizon only when it names one`() throws {
        func chances(years: Double?) throws -> (Double?, Double?) {
            let found = try analysis(
                AnalysisRequest(
                    spot: 100,
                    rate: 0.05,
                    volatility: 0.2,
                    legs: [Draft(action: .buy, kind: .stock, years: years, quantity: 10)]
                )
            )
            #expect(found.netPremiumUSD == 0)
            #expect(found.breakevens == [100])
            #expect(found.maxLossUSD == 1_000)
            #expect(found.legs.first?.price == 100)
            #expect(found.greeks == Greeks(delta: 10))
            return (found.probabilityOfProfit, found.expectedValueUSD)
        }
        let none = try chances(years: nil)
        #expect(none.0 == nil && none.1 == nil)
        let year = try chances(years: 1)
        #expect(abs(try #require(year.1) - 10 * 100 * 0.051_271_096_376_024) < 1e-9)
        #expect(abs(try #require(year.0) - Normal.cumulative(0.15)) < 1e-15)
    }

    @Test func `a put calendar can lose more than its debit only as a European one`() throws {
        func calendar(_ style: ExerciseStyle) throws -> Analysis {
            try analysis(
                AnalysisRequest(
                    spot: 100,
                    rate: 0.08,
                    volatility: 0.2,
                    style: style,
                    legs: [
                        Draft(action: .sell, kind: .put, strike: 100, years: 0.1, quantity: 1),
                        Draft(action: .buy, kind: .put, strike: 100, years: 0.5, quantity: 1),
                    ]
                )
            )
        }
        let european = try calendar(.european)
        #expect(european.name == .putCalendar)
        #expect(try #require(european.maxLossUSD) > -european.netPremiumUSD + 100)
        #expect(european.breakevens.count == 2)
        let american = try calendar(.american)
        #expect(american.model == "andersen_lake")
        #expect(abs(try #require(american.maxLossUSD) + american.netPremiumUSD) < 1e-6)
        let chance = try #require(american.probabilityOfProfit)
        #expect(chance > 0.2 && chance < 0.8)
    }

    @Test func `later legs that cancel leave the exact zeros of the front`() throws {
        func legs(_ action: Action) -> [Draft] {
            [
                Draft(action: action, kind: .call, strike: 100, years: 0.5, quantity: 1, price: 7),
                Draft(
                    action: action.opposite,
                    kind: .put,
                    strike: 90,
                    years: 0.1,
                    quantity: 1,
                    price: 1
                ),
            ]
        }
        let nothing = try analysis(
            AnalysisRequest(spot: 100, volatility: 0.2, legs: legs(.buy) + legs(.sell))
        )
        #expect(nothing.zeroIntervals.map(\.low) == [0])
        #expect(nothing.zeroIntervals.map(\.high) == [nil])
        #expect(nothing.breakevens.isEmpty)
        #expect(nothing.maxProfitUSD == 0 && nothing.maxLossUSD == 0)
        #expect(nothing.probabilityOfProfit == 0)
        let free = Draft(
            action: .buy,
            kind: .call,
            strike: 110,
            years: 0.1,
            quantity: 1,
            price: 0
        )
        let half = try analysis(
            AnalysisRequest(spot: 100, volatility: 0.2, legs: legs(.buy) + legs(.sell) + [free])
        )
        #expect(half.zeroIntervals.map(\.low) == [0])
        #expect(half.zeroIntervals.map(\.high) == [110])
        #expect(half.breakevens.isEmpty)
        #expect(half.maxProfitUSD == nil)
    }

    @Test func `what cannot be analysed names the field`() throws {
        func field(_ change: (inout AnalysisRequest) -> Void) -> String? {
            var request = AnalysisRequest(
                spot: 100,
                volatility: 0.2,
                legs: [Draft(action: .buy, kind: .call, strike: 100, years: 1, quantity: 1)]
            )
            change(&request)
            do throws(AnalysisError) {
                _ = try Analyst.analyse(request)
                return nil
            } catch {
                return error.field
            }
        }
        #expect(field { _ in } == nil)
        #expect(field { $0.legs = [] } == "/legs")
        #expect(field { $0.spot = 0 } == "/spot")
        #expect(field { $0.spot = .nan } == "/spot")
        #expect(field { $0.rate = .infinity } == "/rate")
        #expect(field { $0.volatility = -0.1 } == "/volatility")
        #expect(field { $0.volatility = nil } == "/legs/0/volatility")
        #expect(field { $0.legs[0].strike = nil } == "/legs/0/strike")
        #expect(field { $0.legs[0].quantity = 0 } == "/legs/0/quantity")
        #expect(field { $0.legs[0].multiplier = 0 } == "/legs/0/multiplier")
        #expect(field { $0.legs[0].price = .nan } == "/legs/0/price")
        #expect(field { $0.legs[0].years = nil } == "/legs/0/expiry")
        let dated = field {
            $0.legs[0].years = nil
            $0.legs[0].expiry = CivilDate("2026-12-18")
        }
        #expect(dated == "/as_of")
    }

    @Test func `any number of legs is analysed, repeated and mispriced ones too`() throws {
        let leg = Draft(action: .sell, kind: .call, strike: 50, years: 1, quantity: 1, price: 500)
        let found = try analysis(
            AnalysisRequest(
                spot: 100,
                volatility: 0.2,
                legs: Array(repeating: leg, count: 1_000)
            )
        )
        #expect(found.name == .custom)
        #expect(found.risk == .undefined)
        #expect(found.level == 4)
        #expect(found.maxLossUSD == nil)
        #expect(found.netPremiumUSD == 50_000_000)
        #expect(found.breakevens == [550])
    }

    @Test func `extreme documents give figures or a reason, never an overflow`() {
        var refused = 0
        for seed in 0..<3_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            do throws(AnalysisError) {
                let found = try Analyst.analyse(extremeRequest(&dice))
                let figures = [found.maxProfitUSD, found.maxLossUSD, found.expectedValueUSD]
                #expect(
                    figures.allSatisfy { $0?.isFinite ?? true },
                    "replay with seed \(seed)"
                )
                #expect(
                    (found.probabilityOfProfit ?? 0) >= 0 && (found.probabilityOfProfit ?? 1) <= 1,
                    "replay with seed \(seed)"
                )
            } catch {
                refused += 1
            }
        }
        #expect(refused > 100 && refused < 2_000)
    }

    private func extremeRequest(_ dice: inout Dice) -> AnalysisRequest {
        func pick(_ values: [Double]) -> Double {
            values[Int.random(in: 0..<values.count, using: &dice)]
        }
        let spot = pick([0.001, 1, 100, 450.123_456_7, 1e9, 1e-300])
        let years = [pick([0, 1e-9, 0.1, 1, 30]), pick([0, 0.1, 2, 1_000])]
        let legs = (0..<Int.random(in: 1...4, using: &dice)).map { _ in
            Draft(
                action: Bool.random(using: &dice) ? .buy : .sell,
                kind: DraftLeg.Kind.allCases.randomElement(using: &dice) ?? .call,
                strike: pick([spot, 0.001, 100, 1e9]),
                years: years.randomElement(using: &dice),
                quantity: Int(pick([1, 3, 1e9])),
                multiplier: Int(pick([1, 100, 1e6])),
                price: Bool.random(using: &dice) ? nil : pick([0, 5.25, 1e9, -1, 1e-7]),
                volatility: Bool.random(using: &dice) ? nil : pick([0, 0.2, 100])
            )
        }
        return AnalysisRequest(
            spot: spot,
            rate: pick([0, 0.05, -0.05, 100]),
            dividendYield: pick([0, 0.05, -100]),
            volatility: Bool.random(using: &dice) ? nil : pick([0, 1e-12, 0.2, 100]),
            legs: legs
        )
    }
}
