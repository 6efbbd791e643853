import Options
import Testing

/// Rules on contracts' names, limits, suitability, expiry and conduct.
@Suite struct SettlementTests {
    private let asOf = UTCInstant("2026-11-24T15:00:00Z") ?? UTCInstant(seconds: 0)
    private let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.012)

    private func outcome(
        _ rule: String,
        ticker: String = "SPY",
        expiry: String = "2027-01-15",
        action: Action = .buy,
        kind: DraftLeg.Kind = .call,
        strike: Double = 460,
        quantity: Int = 1,
        _ change: (inout Case) -> Void = { _ in }
    ) throws -> RuleOutcome? {
        let spot = try #require(MicroUSD(dollars: 450))
        let check = StructuralCheck(today: NewYorkTime.date(at: asOf), spot: spot)
        let draft = DraftLeg(
            action: action,
            kind: kind,
            strike: strike,
            expiry: expiry,
            quantity: quantity,
            price: 9
        )
        guard case .sound(let legs) = check.check([draft]) else { throw CancellationError() }
        var subject = Case(
            ticker: ticker,
            market: market,
            volatility: 0.185,
            asOf: asOf,
            legs: legs
        )
        change(&subject)
        let pack = RulePack(on: NewYorkTime.date(at: asOf), for: .brokerDealer)
        return Judge(pack).judge(subject).results.first { $0.rule == rule }?.outcome
    }

    @Test(arguments: [
        ("SPY   270115C00460000", RuleOutcome.pass, RuleOutcome.pass),
        ("SPY270115C00460000", .pass, .pass), ("SPY1  270115C00460000", .fail, .pass),
        ("XLE   270115C00460000", .fail, .pass), ("SPY   270115P00460000", .pass, .fail),
        ("SPY   270115C00461000", .pass, .fail), ("SPY 27-01-15 C 460", .pass, .repaired),
    ])
    func `a stated symbol is the leg's, on the underlying, unadjusted`(
        text: String,
        own: RuleOutcome,
        same: RuleOutcome
    ) throws {
        #expect(try outcome("S04") { $0.claims = claims(text) } == own)
        #expect(try outcome("S05") { $0.claims = claims(text) } == same)
        #expect(try outcome("S05") == .notApplicable)
    }

    private func claims(_ symbol: String) -> Case.Claims {
        var claims = Case.Claims()
        claims.symbols = [symbol]
        return claims
    }

    @Test func `weekly roots of an index belong to it`() throws {
        #expect(
            try outcome("S04", ticker: "SPX") {
                $0.claims = claims("SPXW  270115C00460000")
            } == .pass
        )
    }

    @Test func `one side of the market stays within the limit, with what is held`() throws {
        func result(_ ticker: String, _ held: Double) throws -> RuleOutcome? {
            try outcome("C02", ticker: ticker) {
                let calls = Position(symbol: "\(ticker)   270115C00470000", quantity: held)
                $0.book = Book(
                    [calls],
                    ticker: ticker,
                    market: market,
                    volatility: 0.185,
                    asOf: asOf
                )
            }
        }
        #expect(try result("XYZ", 24_999) == .pass)
        #expect(try result("XYZ", 25_000) == .fail)
        #expect(try result("XYZ", -25_000) == .pass)
        #expect(try result("SPY", 25_000) == .pass)
        #expect(try outcome("C02") == .notEvaluated)
    }

    @Test func `without a profile there is information, with one there are alternatives`() throws {
        func result(_ tolerance: Tolerance?, _ alternatives: Int?) throws -> RuleOutcome? {
            try outcome("C10") {
                $0.tolerance = tolerance
                $0.alternatives = alternatives
            }
        }
        #expect(try result(.low, nil) == .notEvaluated)
        #expect(try result(.low, 2) == .pass)
        #expect(try result(.low, 1) == .fail)
        #expect(try result(nil, 2) == .fail)
    }

    @Test func `day trades and washed losses are held against the account`() throws {
        func trades(_ count: Int, _ equity: Double, intraday: Bool) throws -> RuleOutcome? {
            try outcome("C12") {
                $0.account.dayTrades = count
                $0.account.equityUSD = equity
                $0.account.dayTradeRegime = intraday ? .intraday : .patternDayTrader
            }
        }
        #expect(try trades(4, 24_000, intraday: false) == .fail)
        #expect(try trades(4, 25_000, intraday: false) == .pass)
        #expect(try trades(3, 100, intraday: false) == .pass)
        #expect(try trades(9, 100, intraday: true) == .pass)
        #expect(try outcome("C12") == .notEvaluated)
        let recent = try #require(CivilDate("2026-10-26"))
        let old = try #require(CivilDate("2026-10-20"))
        #expect(try outcome("C13") { $0.account.losses = [recent] } == .fail)
        #expect(try outcome("C13") { $0.account.losses = [old] } == .pass)
        let put = try outcome("C13", kind: .put) { $0.account.losses = [recent] }
        #expect(put == .pass)
        let deep = try outcome("C13", action: .sell, kind: .put, strike: 500) {
            $0.account.losses = [recent]
        }
        #expect(deep == .fail)
    }

    @Test func `exercise needs cash, and instructions in time`() throws {
        func result(_ power: Double?, _ expiry: String = "2027-01-15") throws -> RuleOutcome? {
            try outcome("R17", expiry: expiry) { $0.account.buyingPowerUSD = power }
        }
        #expect(try result(46_000) == .pass)
        #expect(try result(45_999) == .fail)
        #expect(try result(nil) == .notEvaluated)
        #expect(try result(1e6, "2026-11-27") == .fail)
        #expect(try outcome("R17", ticker: "SPX") == .pass)
    }

    @Test func `the model's end and the record decide their rules`() throws {
        for state in Case.ModelState.allCases {
            let wanted: RuleOutcome =
                state == .answered ? .pass : state == .none ? .notApplicable : .fail
            #expect(try outcome("O04") { $0.model = state } == wanted)
        }
        #expect(try outcome("O04") == .notEvaluated)
        #expect(try outcome("C14") { $0.isRecorded = true } == .pass)
        #expect(try outcome("C14") { $0.isRecorded = false } == .fail)
    }
}
