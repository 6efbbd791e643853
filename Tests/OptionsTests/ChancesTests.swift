import Options
import TestSupport
import Testing

@Suite struct ChancesTests {
    @Test func `chances agree with high precision, several expiries with a fine grid`() throws {
        var dice = Dice(seed: 21)
        var lines: [String] = []
        while lines.count < 300 {
            let request = randomRequest(&dice, expiries: lines.count % 6 == 0 ? 2 : 1)
            guard request.legs.contains(where: { $0.kind != .stock }) else { continue }
            lines.append(text(request, try Analyst.analyse(request)))
        }
        try Oracle.judge(
            "chances.py",
            packages: ["mpmath", "numpy", "scipy"],
            lines: lines
        )
    }

    private func randomRequest(_ dice: inout Dice, expiries: Int) -> AnalysisRequest {
        let front = Double.random(in: 0.02...1, using: &dice)
        let volatility = Double.random(in: 0.05...0.8, using: &dice)
        let legs = (0..<Int.random(in: 1...5, using: &dice)).map { index in
            let later = expiries == 2 && (index == 1 || Bool.random(using: &dice))
            let own = Double.random(in: 0.1...0.8, using: &dice)
            let price = Double(Int.random(in: 0...2_000, using: &dice)) / 100
            return AnalysisRequest.Leg(
                action: Bool.random(using: &dice) ? .buy : .sell,
                kind: DraftLeg.Kind.allCases.randomElement(using: &dice) ?? .call,
                strike: Double(Int.random(in: 140...260, using: &dice)) / 2,
                years: later ? 2 * front : front,
                quantity: Int.random(in: 1...3, using: &dice),
                price: price,
                volatility: own
            )
        }
        return AnalysisRequest(
            spot: Double.random(in: 80...120, using: &dice),
            rate: Double.random(in: 0...0.08, using: &dice),
            dividendYield: Bool.random(using: &dice)
                ? 0 : Double.random(in: 0...0.05, using: &dice),
            volatility: volatility,
            legs: legs
        )
    }

    private func text(_ request: AnalysisRequest, _ found: Analysis) -> String {
        let legs = request.legs.map { leg in
            let usual = leg.kind == .stock ? 1 : 100
            return [
                leg.action.rawValue, leg.kind.rawValue, "\(leg.strike ?? 0)", "\(leg.quantity)",
                "\(usual)", "\(leg.price ?? 0)", "\(leg.years ?? 0)", "\(leg.volatility ?? 0)",
            ].joined(separator: ",")
        }
        func word(_ number: Double?) -> String { number.map { "\($0)" } ?? "null" }
        return [
            "\(request.spot) \(request.rate) \(request.dividendYield) \(word(request.volatility))",
            legs.joined(separator: " "),
            [
                found.maxProfitUSD, found.maxLossUSD, found.probabilityOfProfit,
                found.expectedValueUSD,
            ].map(word).joined(separator: " "),
            found.breakevens.map { "\($0)" }.joined(separator: " "),
        ].joined(separator: " | ")
    }
}
