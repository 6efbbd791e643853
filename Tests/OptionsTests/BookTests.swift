import Options
import Testing

@Suite struct BookTests {
    private let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.01)
    private let asOf = UTCInstant("2026-11-24T15:00:00Z") ?? UTCInstant(seconds: 0)

    private func book(_ positions: [Position]) -> Book {
        Book(positions, ticker: "SPY", market: market, volatility: 0.2, asOf: asOf)
    }

    @Test func `shares under short calls are not free`() {
        let book = book([
            Position(symbol: "SPY", quantity: 350),
            Position(symbol: "SPY   261218C00470000", quantity: -2),
            Position(symbol: "SPY261218P00430000", quantity: 1),
        ])
        #expect(book.shares == 350)
        #expect(book.encumberedShares == 200)
        #expect(book.freeShares == 150)
        #expect(book.findings.isEmpty)
        #expect(book.counted == 3)
        let sum = book.exposures.reduce(Greeks.zero) {
            $0 + $1.greeks(in: market, volatility: 0.2, asOf: asOf)
        }
        #expect(book.greeks == sum)
    }

    @Test func `bad positions are reported and the others counted`() {
        let book = book([
            Position(symbol: "spy!", quantity: 1),
            Position(symbol: "SPY", quantity: .nan),
            Position(symbol: "SPY1  261218C00470000", quantity: 1),
            Position(symbol: "SPY   261120C00470000", quantity: 1),
            Position(symbol: "SPY   261218C00470000", quantity: 1.5),
            Position(symbol: "AAPL", quantity: 10),
            Position(symbol: "MSFT", quantity: 10, greeks: Greeks(delta: 10)),
            Position(symbol: "SPY", quantity: 100, greeks: Greeks(delta: 1_000)),
        ])
        let faults = book.findings.map(\.fault)
        #expect(
            faults == [
                .symbol, .quantity, .adjusted, .expired, .quantity, .unpriced, .greeks,
            ]
        )
        #expect(book.findings.map(\.position) == [0, 1, 2, 3, 4, 5, 7])
        #expect(book.greeks == Greeks(delta: 110))
        #expect(book.counted == 2)
    }

    @Test func `the grid has its ninety-nine cells and finds the worst`() throws {
        let strike = try #require(Strike(dollars: 450))
        let straddle = [Right.call, .put].map {
            Exposure(
                instrument: .option($0, strike),
                expiry: CivilDate("2026-12-18"),
                shares: -100
            )
        }
        let grid = Scenarios(
            straddle,
            market: market,
            volatility: 0.2,
            asOf: asOf,
            horizon: 24.25 / 365
        )
        #expect(grid.cells.count == 99)
        let worst = try #require(grid.worst)
        #expect(worst.spot == 0.8 * 450 || worst.spot == 1.2 * 450)
        #expect(worst.changeUSD < -7_000)
        let still = grid.cells.first {
            $0.spot == 450 && $0.volatilityShift == 0 && $0.years == 0
        }
        #expect(abs(try #require(still).changeUSD) < 1e-6)
    }

    @Test func `the book and a trade make one payoff`() throws {
        let book = book([Position(symbol: "SPY", quantity: 100)])
        let strike = try #require(Strike(dollars: 470))
        let price = try #require(MicroUSD(dollars: 4))
        let call = try #require(
            Leg(
                .sell,
                .call(strike),
                expiry: CivilDate("2026-12-18"),
                price: .quoted(price)
            )
        )
        let legs = book.combined(
            with: [call],
            market: market,
            volatility: 0.2,
            asOf: asOf
        )
        #expect(Payoff(legs: legs).maxLoss?.dollars == 44_600)
        #expect(Classifier.classify(legs).name == .coveredCall)
    }
}
