import Foundation
import Options
import TestSupport
import Testing

@Suite struct BlackScholesTests {
    @Test func `prices and Greeks agree with fifty digits, tails included`() throws {
        var dice = Dice(seed: 7)
        let cases = (0..<1_200).map { index -> String in
            let extreme = index % 2 == 0
            let spot = extreme ? power(-2, 4, &dice) : Double.random(in: 50...500, using: &dice)
            let distance = extreme ? 1.5 : 0.2
            let exponent = Double.random(in: -distance...distance, using: &dice)
            let strike = spot * power(exponent, exponent, &dice)
            let rate = Double.random(in: extreme ? -0.05...0.5 : 0...0.06, using: &dice)
            let yield = Double.random(in: extreme ? -0.02...0.3 : 0...0.04, using: &dice)
            let years = extreme ? power(-6, 1.3, &dice) : power(-3, 0.3, &dice)
            let volatility = extreme ? power(-2.5, 0.7, &dice) : power(-1.3, 0, &dice)
            let right: Right = Bool.random(using: &dice) ? .call : .put
            let market = Conditions(spot: spot, rate: rate, dividendYield: yield)
            let option = Option(right, strike: strike, years: years)
            let (price, greeks) = BlackScholes.value(option, volatility: volatility, in: market)
            let numbers = [
                spot, strike, rate, yield, years, volatility, price, greeks.delta, greeks.gamma,
                greeks.thetaPerDay, greeks.vegaPerPoint, greeks.rhoPerPoint,
            ]
            return "\(right.rawValue) " + numbers.map { "\($0)" }.joined(separator: " ")
        }
        try Oracle.judge("black_scholes.py", packages: ["mpmath"], lines: cases)
    }

    private func power(_ low: Double, _ high: Double, _ dice: inout Dice) -> Double {
        pow(10, low == high ? low : Double.random(in: low...high, using: &dice))
    }
}
