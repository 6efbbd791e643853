import Options
import TestSupport
import Testing

@Suite struct JudgeTests {
    private let asOf = UTCInstant("2026-11-24T15:00:00Z") ?? UTCInstant(seconds: 0)
    private let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.012)

    /// `+P425=2.10`: side, right, strike, price; one contract to 2027-01-15.
    private func subject(_ text: String, expiry: String = "2027-01-15") throws -> Case {
        let drafts = text.split(separator: " ").map { word in
            let parts = word.dropFirst(2).split(separator: "=")
            return DraftLeg(
                action: word.hasPrefix("+") ? .buy : .sell,
                kind: word.dropFirst().hasPrefix("C") ? .call : .put,
                strike: Double(parts[0]),
                expiry: expiry,
                quantity: 1,
                price: Double(parts[1])
            )
        }
        let spot = try #require(MicroUSD(dollars: 450))
        let check = StructuralCheck(today: NewYorkTime.date(at: asOf), spot: spot)
        guard case .sound(let legs) = check.check(drafts) else {
            Issue.record("\(text) is not sound")
            throw CancellationError()
        }
        return Case(
            ticker: "SPY",
            market: market,
            volatility: 0.185,
            asOf: asOf,
            legs: legs
        )
    }

    private func report(
        _ text: String,
        expiry: String = "2027-01-15",
        _ change: (inout Case) -> Void = { _ in }
    ) throws -> RuleReport {
        var subject = try subject(text, expiry: expiry)
        change(&subject)
        return Judge(RulePack(on: NewYorkTime.date(at: asOf))).judge(subject)
    }

    private func failed(_ report: RuleReport) -> [String] {
        report.results.filter { $0.outcome == .fail && $0.severity == .block }.map(\.rule)
    }

    private let condor = "+P419=2.17 -P424=3.02 -C483=2.95 +C488=2.24"

    @Test func `a clean condor passes, as far as the data go`() throws {
        let report = try report(condor) {
            $0.maxLossUSD = 500
            $0.tolerance = .medium
            $0.vix = 18.5
            $0.outlook = .neutral
        }
        #expect(failed(report).isEmpty, "\(report.findings)")
        #expect(report.verdict == .conditional)
        #expect(report.results.first { $0.rule == "R01" }?.outcome == .pass)
        #expect(report.results.first { $0.rule == "R18" }?.outcome == .notEvaluated)
        #expect(report.coverage.hasSuffix(" of 60 evaluated; not in force: C03"))
    }

    @Test func `each defect is found by its rule`() throws {
        // The wings swapped with the body, a wing lost, a price a hundred times too high, a
        // strike off the grid and one that no chain could have, a price that cannot be.
        let cases: [(String, String)] = [
            ("-P419=2.17 +P424=3.02 +C483=2.95 -C488=2.24", "S14"),
            ("+P419=2.17 -P424=3.02 -C483=2.95", "R02"),
            ("+P419=217 -P424=3.02 -C483=2.95 +C488=2.24", "S17"),
            ("+P419.3=2.17 -P424=3.02 -C483=2.95 +C488=2.24", "S11"),
            ("+C100=5", "S17"),
            ("+C2000=0.01", "S12"),
        ]
        for (text, rule) in cases {
            let report = try report(text) {
                $0.maxLossUSD = 1_000_000
                $0.claims = Case.Claims(netPremiumUSD: 156)
            }
            #expect(failed(report).contains(rule), "\(text): \(failed(report))")
        }
    }

    @Test func `limits, levels and accounts block by their rules`() throws {
        func failed(_ change: (inout Case) -> Void) throws -> [String] {
            self.failed(try report(condor, change))
        }
        #expect(try failed { $0.maxLossUSD = 300 } == ["R01", "R14"])
        #expect(try failed { $0.account.approvalLevel = 2 } == ["C01"])
        #expect(try failed { $0.account.buyingPowerUSD = 300 } == ["R09"])
        #expect(try failed { $0.account.disclosureDelivered = false } == ["C04"])
        #expect(try failed { $0.outlook = .bullish } == [])
        let bear = try report("-C470=5.73 +C475=4.49") { $0.outlook = .bullish }
        #expect(self.failed(bear) == ["R12"])
    }

    @Test func `a call on held shares is covered, on encumbered ones naked`() throws {
        func failed(_ positions: [Position]) throws -> [String] {
            let report = try report("-C470=5.73") {
                $0.maxLossUSD = 500
                $0.book = Book(
                    positions,
                    ticker: "SPY",
                    market: market,
                    volatility: 0.185,
                    asOf: asOf
                )
            }
            return self.failed(report)
        }
        let shares = Position(symbol: "SPY", quantity: 100)
        let call = Position(symbol: "SPY   270115C00480000", quantity: -1)
        #expect(try failed([shares]) == [])
        #expect(try failed([]).contains("R02"))
        #expect(try failed([shares, call]).contains("S20"))
        #expect(try failed([shares, call]).contains("R21"))
    }

    @Test func `claims are compared and corrected, never used`() throws {
        func outcome(_ rule: String, _ claims: Case.Claims) throws -> RuleOutcome? {
            try report(condor) { $0.claims = claims }.results.first { $0.rule == rule }?.outcome
        }
        let exact = Case.Claims(
            name: "iron_condor",
            netPremiumUSD: 156,
            maxProfitUSD: 156,
            maxLossUSD: 344,
            lossIsBounded: true,
            breakevens: [422.44, 484.56]
        )
        for rule in ["S13", "S14", "R04", "R05"] {
            #expect(try outcome(rule, exact) == .pass)
        }
        #expect(try outcome("S13", Case.Claims(name: "iron_butterfly")) == .repaired)
        #expect(try outcome("S14", Case.Claims(netPremiumUSD: -156)) == .fail)
        #expect(try outcome("R04", Case.Claims(maxLossUSD: 400)) == .repaired)
        #expect(try outcome("R04", Case.Claims(breakevens: [422.44])) == .repaired)
        #expect(try outcome("R05", Case.Claims(maxLossUSD: 3.44)) == .repaired)
        #expect(try outcome("R06", Case.Claims(probabilityOfProfit: 0.99)) == .repaired)
        let naked = try report("-C470=5.73") { $0.claims = Case.Claims(lossIsBounded: true) }
        #expect(failed(naked).contains("R04"))
    }

    @Test func `events, dividends and chains are looked at where they are given`() throws {
        let event = try #require(CivilDate("2026-12-10"))
        let hit = try report(condor) { $0.events = [event] }
        #expect(hit.findings.contains { $0.rule == "R18" })
        let none = try report(condor) { $0.events = [] }
        #expect(none.results.first { $0.rule == "R18" }?.outcome == .pass)
        let weekly = try report(condor, expiry: "2027-01-08")
        #expect(weekly.results.first { $0.rule == "S10" }?.outcome == .notEvaluated)
        let paid = try report("-C420=33.2 +C430=25.5") {
            $0.dividends = [Case.Dividend(exDate: event, amount: 5)]
        }
        #expect(paid.findings.contains { $0.rule == "R15" })
    }

    @Test func `no candidate of a menu is blocked`() throws {
        for seed in 0..<400 as Range<UInt64> {
            var dice = Dice(seed: 7_000 + seed)
            let vix = Double.random(in: 10...45, using: &dice)
            let shares = [0, 100, 300].randomElement(using: &dice) ?? 0
            let limit = Double.random(in: 300...5_000, using: &dice)
            let request = CandidateRequest(
                ticker: "SPY",
                market: market,
                volatility: AssumedVolatility.of("SPY", vix: vix),
                asOf: asOf,
                trend: Trend.allCases.randomElement(using: &dice) ?? .neutral,
                tolerance: Tolerance.allCases.randomElement(using: &dice) ?? .low,
                regime: VolatilityRegime(vix: vix),
                freeShares: shares,
                maxLossUSD: limit
            )
            let held = shares > 0 ? [Position(symbol: "SPY", quantity: Double(shares))] : []
            for candidate in Menu(request).candidates {
                let report = try judged(candidate, request, held)
                #expect(
                    failed(report).isEmpty,
                    "\(candidate.name): \(report.findings), replay with seed \(seed)"
                )
            }
        }
    }

    private func judged(
        _ candidate: Candidate,
        _ request: CandidateRequest,
        _ held: [Position]
    ) throws -> RuleReport {
        let drafts = candidate.legs.map { leg in
            DraftLeg(
                action: leg.action,
                kind: leg.instrument.right == .call ? .call : .put,
                strike: leg.instrument.strike?.dollars,
                expiry: leg.expiry?.description,
                quantity: leg.quantity,
                price: leg.price.dollars
            )
        }
        let spot = try #require(MicroUSD(dollars: request.market.spot))
        let check = StructuralCheck(today: request.today, spot: spot)
        guard case .sound(let legs) = check.check(drafts) else { throw CancellationError() }
        var subject = Case(
            ticker: request.ticker,
            market: request.market,
            volatility: request.volatility,
            asOf: request.asOf,
            legs: legs
        )
        subject.maxLossUSD = request.maxLossUSD
        subject.tolerance = request.tolerance
        subject.account.approvalLevel = request.level
        subject.book = Book(
            held,
            ticker: request.ticker,
            market: request.market,
            volatility: request.volatility,
            asOf: request.asOf
        )
        return Judge(RulePack(on: request.today)).judge(subject)
    }
}
