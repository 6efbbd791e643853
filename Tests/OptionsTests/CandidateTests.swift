import Corpus
import Options
import TestSupport
import Testing

@Suite struct CandidateTests {
    private let now = UTCInstant("2026-11-24T15:00:00Z") ?? UTCInstant(seconds: 0)

    private func request(_ dice: inout Dice) -> CandidateRequest {
        let spots: [Double] = [3.2, 12, 48.5, 101.7, 187.3, 450, 1_250, 5_900]
        let budgets: [Double] = [50, 500, 1_000, 10_000, 100_000]
        let spot = spots[Int.random(in: 0..<spots.count, using: &dice)]
        let vix = Double.random(in: 10...60, using: &dice)
        let ticker = ["SPY", "AAPL", "XYZ", "TSLA", "SPX"].randomElement(using: &dice) ?? "SPY"
        return CandidateRequest(
            ticker: ticker,
            market: Conditions(
                spot: spot,
                rate: Double.random(in: 0...0.06, using: &dice),
                dividendYield: Double.random(in: 0...0.03, using: &dice)
            ),
            volatility: AssumedVolatility.of(ticker, vix: vix),
            asOf: UTCInstant(
                seconds: now.seconds + Int.random(in: 0...(4 * 365 * 86_400), using: &dice)
            ),
            trend: Trend.allCases.randomElement(using: &dice) ?? .neutral,
            tolerance: Tolerance.allCases.randomElement(using: &dice) ?? .low,
            regime: VolatilityRegime(vix: vix),
            freeShares: [0, 50, 100, 700].randomElement(using: &dice) ?? 0,
            maxLossUSD: Bool.random(using: &dice) ? budgets.randomElement(using: &dice) : nil,
            maxDebitUSD: Int.random(in: 0...2, using: &dice) == 0 ? 300 : nil,
            buyingPowerUSD: Int.random(in: 0...2, using: &dice) == 0 ? 2_000 : nil,
            level: Int.random(in: 1...4, using: &dice)
        )
    }

    @Test func `every candidate keeps every limit`() throws {
        var offered = 0
        for seed in 0..<3_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let request = request(&dice)
            let menu = Menu(request)
            #expect(menu.candidates.count <= Menu.candidatesMax)
            #expect(!menu.candidates.isEmpty || menu.noTrade != nil, "replay with seed \(seed)")
            for candidate in menu.candidates {
                offered += 1
                let fits = isWithinLimits(candidate, request)
                #expect(fits, "\(candidate.name) breaks a limit, replay with seed \(seed)")
                let sound = try isSound(candidate, request)
                #expect(sound, "\(candidate.name) is malformed, replay with seed \(seed)")
            }
        }
        #expect(offered > 6_000)
    }

    private func isWithinLimits(_ candidate: Candidate, _ request: CandidateRequest) -> Bool {
        guard let loss = candidate.addedMaxLossUSD else { return false }
        let debit = -candidate.netPremiumUSD
        let shorts = candidate.legs.reduce(0) { total, leg in
            leg.instrument.right == .call && leg.action == .sell ? total - leg.signedShares : total
        }
        return loss <= request.budgetUSD + 1e-9
            && candidate.classification.risk == .defined
            && candidate.classification.level <= request.level
            && debit <= (request.maxDebitUSD ?? .infinity) + 1e-9
            && candidate.margin.usd <= (request.buyingPowerUSD ?? .infinity) + 1e-9
            && (candidate.held == nil || shorts <= request.freeShares)
            && (0...1).contains(candidate.probabilityOfProfit)
            && candidate.expectedValueUSD.isFinite
    }

    private func isSound(_ candidate: Candidate, _ request: CandidateRequest) throws -> Bool {
        let check = StructuralCheck(
            today: request.today,
            spot: try #require(MicroUSD(dollars: request.market.spot))
        )
        let drafts = candidate.legs.map { leg in
            DraftLeg(
                action: leg.action,
                kind: leg.instrument.right == .call ? .call : .put,
                strike: leg.instrument.strike?.dollars,
                expiry: leg.expiry?.description,
                quantity: leg.quantity,
                multiplier: leg.multiplier,
                price: leg.price.dollars
            )
        }
        let grid = StrikeGrid.of(request.ticker)
        let listed = candidate.legs.allSatisfy { leg in
            guard let strike = leg.instrument.strike, let expiry = leg.expiry else { return false }
            return grid.contains(strike) && Expiries.isMonthly(expiry)
                && request.today.days(until: expiry) >= 7
        }
        guard case .sound(let sound) = check.check(drafts) else { return false }
        return listed && sound.legs == candidate.legs
    }

    @Test func `the same request gives the same menu`() {
        for seed in 0..<200 as Range<UInt64> {
            var (one, two) = (Dice(seed: seed), Dice(seed: seed))
            let (first, second) = (Menu(request(&one)), Menu(request(&two)))
            #expect("\(first)" == "\(second)", "replay with seed \(seed)")
        }
    }

    @Test func `the seed's own request gets a covered or a vertical with its figures`() throws {
        let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.012)
        var request = CandidateRequest(
            ticker: "SPY",
            market: market,
            volatility: 0.185,
            asOf: now,
            trend: .bullish,
            tolerance: .medium,
            regime: VolatilityRegime(vix: 18.5),
            maxLossUSD: 1_000
        )
        let first = try #require(Menu(request).candidates.first)
        #expect(first.name == .bullCallSpread)
        #expect(first.isFirstChoice)
        #expect(!first.isQuoted)
        #expect(first.addedMaxLossUSD == -first.netPremiumUSD)
        request.freeShares = 200
        let covered = try #require(Menu(request).candidates.first)
        #expect(covered.name == .coveredCall)
        #expect(covered.quantity == 2)
        #expect(covered.addedMaxLossUSD == 0)
        #expect(covered.held?.quantity == 200)
    }

    @Test func `nothing is offered where nothing suits or nothing may be`() {
        let market = Conditions(spot: 450, rate: 0.04)
        var request = CandidateRequest(
            ticker: "SPY",
            market: market,
            volatility: 0.13,
            asOf: now,
            trend: .neutral,
            tolerance: .low,
            regime: .low
        )
        #expect(Menu(request).candidates.isEmpty)
        #expect(Menu(request).noTrade?.reason == .nothingSuits)
        request.trend = .bullish
        request.level = 1
        #expect(Menu(request).noTrade?.reason == .notAllowed)
        #expect(Menu(request).noTrade?.needed == 3)
        request.level = 3
        request.maxLossUSD = 5
        let poor = Menu(request)
        #expect(poor.candidates.isEmpty)
        #expect(poor.noTrade?.rule == "R01")
        #expect((poor.noTrade?.needed ?? 0) > 5)
        request.maxLossUSD = poor.noTrade?.needed
        #expect(!Menu(request).candidates.isEmpty)
        request.allowed = [.coveredCall]
        #expect(Menu(request).candidates.isEmpty)
    }

    @Test func `with a chain only what it quotes is offered, at its prices`() throws {
        let market = Conditions(spot: 450, rate: 0.04)
        let expiry = try #require(CivilDate("2027-01-08"))
        var quotes: [OptionChain.Quote] = []
        for strike in stride(from: 400.0, through: 500, by: 2.5) {
            for right in Right.allCases {
                let price = BlackScholes.price(
                    Option(right, strike: strike, years: 45.0 / 365),
                    volatility: 0.25,
                    in: market
                )
                let exact = try #require(Strike(dollars: strike))
                let symbol = OSISymbol(root: "SPY", expiry: expiry, right: right, strike: exact)
                let known = try #require(symbol)
                quotes.append(
                    OptionChain.Quote(symbol: known, bid: price - 0.05, ask: price + 0.05)
                )
            }
        }
        let chain = OptionChain(quotes.filter(\.isSound))
        let menu = Menu(
            CandidateRequest(
                ticker: "SPY",
                market: market,
                volatility: 0.2,
                asOf: now,
                trend: .neutral,
                tolerance: .medium,
                regime: .high,
                maxLossUSD: 2_000,
                chain: chain
            )
        )
        let first = try #require(menu.candidates.first)
        #expect(first.name == .ironCondor)
        for candidate in menu.candidates {
            #expect(candidate.isQuoted)
            for leg in candidate.legs {
                let right = try #require(leg.instrument.right)
                let strike = try #require(leg.instrument.strike)
                let quote = try #require(chain.quote(expiry, right, strike))
                #expect(abs(leg.price.dollars - quote.mid) <= 0.005 + 1e-9)
                #expect(leg.expiry == expiry)
            }
        }
    }

    @Test func `strikes stand on the grid on both sides of its changes of step`() throws {
        func neighbours(_ dollars: Double) throws -> [Double?] {
            let strike = try #require(Strike(dollars: dollars))
            let grid = StrikeGrid.standard
            return [grid.next(strike, up: false)?.dollars, grid.next(strike, up: true)?.dollars]
        }
        #expect(try neighbours(25) == [22.5, 30])
        #expect(try neighbours(200) == [195, 210])
        #expect(try neighbours(2.5) == [nil, 5])
        #expect(StrikeGrid.standard.atOrBelow(24.99)?.dollars == 22.5)
        #expect(StrikeGrid.standard.atOrAbove(24.99)?.dollars == 25)
        #expect(StrikeGrid.standard.nearest(203)?.dollars == 200)
        #expect(StrikeGrid.dollar.nearest(450.5)?.dollars == 450)
    }

    @Test func `what else there is shows other forms before more of one`() throws {
        var mixed = 0
        for seed in 0..<300 as Range<UInt64> {
            var dice = Dice(seed: 5_000 + seed)
            let menu = Menu(.random(&dice))
            guard let first = menu.candidates.first else { continue }
            let others = menu.others(3, than: first.name) { $0.legs != first.legs }
            let forms = Set(menu.candidates.dropFirst().map(\.name)).subtracting([first.name])
            let shown = Set(others.map(\.name)).subtracting([first.name])
            #expect(others.count == min(3, menu.candidates.count - 1), "seed \(seed)")
            #expect(shown.count == min(3, forms.count), "seed \(seed)")
            mixed += shown.count > 1 ? 1 : 0
        }
        #expect(mixed > 20)
    }
}
