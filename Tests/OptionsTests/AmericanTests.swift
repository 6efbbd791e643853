import Foundation
import Options
import TestSupport
import Testing

@Suite struct AmericanTests {
    @Test func `American values agree with the high-precision engine`() throws {
        var dice = Dice(seed: 11)
        let cases = (0..<500).map { _ -> String in
            let spot = Double.random(in: 20...500, using: &dice)
            let strike = spot * exp(Double.random(in: -0.7...0.7, using: &dice))
            let rate = Double.random(in: 0.001...0.15, using: &dice)
            let yield = Double.random(in: 0...0.12, using: &dice)
            let years = Double(Int.random(in: 2...1_500, using: &dice)) / 365
            let volatility = Double.random(in: 0.04...1.5, using: &dice)
            let right: Right = Bool.random(using: &dice) ? .call : .put
            let market = Conditions(spot: spot, rate: rate, dividendYield: yield)
            let option = Option(right, strike: strike, years: years)
            let (price, greeks) = American.value(option, volatility: volatility, in: market)
            let numbers = [
                spot, strike, rate, yield, years, volatility, price, greeks.delta, greeks.gamma,
                greeks.thetaPerDay, greeks.vegaPerPoint, greeks.rhoPerPoint,
            ]
            return "\(right.rawValue) " + numbers.map { "\($0)" }.joined(separator: " ")
        }
        try Oracle.judge("american.py", packages: ["QuantLib", "numpy"], lines: cases)
    }
}
