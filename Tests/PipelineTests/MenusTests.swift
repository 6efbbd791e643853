import Corpus
import Options
import Pipeline
import TestSupport
import Testing

/// Menus that are shared are the ones that would have been drawn up.
struct MenusTests {
    /// A request, and others that differ from it in one thing each.
    private func family(_ dice: inout Dice) -> [CandidateRequest] {
        let first = CandidateRequest.random(&dice)
        let changes: [(inout CandidateRequest) -> Void] = [
            { $0.ticker = $0.ticker == "SPX" ? "SPY" : "SPX" },
            { $0.market.spot *= 1.01 },
            { $0.market.rate += 0.01 },
            { $0.market.dividendYield += 0.01 },
            { $0.volatility *= 1.1 },
            { $0.asOf = UTCInstant(seconds: 1_800_000_000) },
            { $0.trend = $0.trend == .bullish ? .bearish : .bullish },
            { $0.tolerance = $0.tolerance == .high ? .low : .high },
            { $0.regime = $0.regime == .high ? .low : .high },
            { $0.freeShares = $0.freeShares == 0 ? 100 : 0 },
            { $0.maxLossUSD = ($0.maxLossUSD ?? 1_000) * 2 },
            { $0.maxDebitUSD = ($0.maxDebitUSD ?? 100) / 2 },
            { $0.buyingPowerUSD = ($0.buyingPowerUSD ?? 500) * 3 },
            { $0.level = $0.level % 4 + 1 },
            { $0.allowed = [.ironCondor, .longCall] },
            { $0.chain = OptionChain([]) },
        ]
        return [first]
            + changes.map { change in
                var other = first
                change(&other)
                return other
            }
    }

    private func facts(_ menu: Menu) -> [String] {
        menu.candidates.map { candidate in
            "\(candidate.name) \(candidate.legs) \(candidate.quantity) "
                + "\(candidate.probabilityOfProfit) \(candidate.expectedValueUSD) "
                + "\(candidate.greeks) \(candidate.margin) \(candidate.isFirstChoice)"
        } + ["\(menu.noTrade.map { "\($0)" } ?? "")"]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a shared menu is the one that the request would have got alone`(
        seed: UInt64
    ) async throws {
        var dice = Dice(seed: seed)
        let menus = Menus()
        // More than are kept, asked for in any order.
        let requests = (0..<5).flatMap { _ in family(&dice) }
        #expect(requests.count > 2 * Menus.keptMax)
        let alone = requests.map { facts(Menu($0)) }
        for _ in 0..<500 {
            let place = Int.random(in: 0..<requests.count, using: &dice)
            #expect(facts(menus.menu(for: requests[place])) == alone[place])
        }
    }

    @Test func `whoever asks the same gets the same candidates, not equal ones`() async throws {
        var dice = Dice(seed: 4)
        let menus = Menus()
        var request = CandidateRequest.random(&dice)
        while Menu(request).candidates.isEmpty { request = .random(&dice) }
        let first = menus.menu(for: request).candidates
        let second = menus.menu(for: request).candidates
        #expect(zip(first, second).allSatisfy { $0 === $1 })
    }
}
