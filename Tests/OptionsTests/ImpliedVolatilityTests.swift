import Foundation
import Options
import TestSupport
import Testing

@Suite struct ImpliedVolatilityTests {
    @Test func `the volatility behind a European price is found again`() throws {
        var dice = Dice(seed: 3)
        var worst = 0.0
        for _ in 0..<20_000 {
            let market = Conditions(
                spot: 100,
                rate: Double.random(in: 0...0.1, using: &dice),
                dividendYield: Double.random(in: 0...0.05, using: &dice)
            )
            let option = Option(
                Bool.random(using: &dice) ? .call : .put,
                strike: 100 * exp(Double.random(in: -1.5...1.5, using: &dice)),
                years: pow(10, Double.random(in: -3...1, using: &dice))
            )
            let volatility = pow(10, Double.random(in: -2...0.5, using: &dice))
            let (price, greeks) = BlackScholes.value(option, volatility: volatility, in: market)
            // What the price's last digit is worth in volatility: more cannot be asked.
            let grain = price.ulp / (100 * greeks.vegaPerPoint)
            guard grain < 1e-6 else { continue }
            let found = try ImpliedVolatility.european(option, price: price, in: market)
            let error = abs(found - volatility) / (1e-12 * volatility + 100 * grain)
            worst = max(worst, error)
        }
        #expect(worst < 1)
    }

    @Test func `the volatility behind an American price is found again`() throws {
        var dice = Dice(seed: 4)
        for _ in 0..<60 {
            let market = Conditions(
                spot: 100,
                rate: Double.random(in: 0.01...0.1, using: &dice),
                dividendYield: Double.random(in: 0.01...0.05, using: &dice)
            )
            let option = Option(
                Bool.random(using: &dice) ? .call : .put,
                strike: Double.random(in: 90...110, using: &dice),
                years: Double.random(in: 0.1...1, using: &dice)
            )
            let volatility = Double.random(in: 0.15...0.8, using: &dice)
            let price = American.price(option, volatility: volatility, in: market)
            let found = try ImpliedVolatility.american(option, price: price, in: market)
            let again = American.price(option, volatility: found, in: market)
            #expect(abs(again - price) < 1e-8)
            #expect(abs(found - volatility) < 1e-6)
        }
    }
}
