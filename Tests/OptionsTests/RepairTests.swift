import Corpus
import Options
import TestSupport
import Testing

@Suite struct RepairTests {
    private let asOf = UTCInstant("2026-11-24T15:00:00Z") ?? UTCInstant(seconds: 0)
    private let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.012)
    private var judge: Judge { Judge(RulePack(on: NewYorkTime.date(at: asOf))) }

    /// `+P425=2.10x3`: side, right, strike, price, quantity; to 2027-01-15.
    private func subject(_ text: String) throws -> Case {
        let drafts = text.split(separator: " ").map { word in
            let parts = word.dropFirst(2).split { "=x".contains($0) }
            return DraftLeg(
                action: word.hasPrefix("+") ? .buy : .sell,
                kind: word.dropFirst().hasPrefix("C") ? .call : .put,
                strike: Double(parts[0]),
                expiry: "2027-01-15",
                quantity: parts.count > 2 ? Int(parts[2]) ?? 1 : 1,
                price: Double(parts[1])
            )
        }
        let spot = try #require(MicroUSD(dollars: 450))
        let check = StructuralCheck(today: NewYorkTime.date(at: asOf), spot: spot)
        guard case .sound(let legs) = check.check(drafts) else { throw CancellationError() }
        return Case(ticker: "SPY", market: market, volatility: 0.185, asOf: asOf, legs: legs)
    }

    private let spread = "-P424=3.02x5 +P419=2.17x5"

    @Test func `a trade that is too large is made smaller, and no smaller than it must`() throws {
        var subject = try subject(spread)
        subject.maxLossUSD = 1_300
        let outcome = Mender(judge).mend(subject)
        #expect(outcome.report.verdict != .block)
        #expect(outcome.subject.legs.map(\.quantity) == [3, 3])
        #expect(outcome.steps.map(\.change) == ["quantity 5 is now 3"])
    }

    @Test func `where one is too many the wing comes nearer`() throws {
        var subject = try subject(spread)
        subject.maxLossUSD = 300
        let outcome = Mender(judge).mend(subject)
        #expect(outcome.report.verdict != .block, "\(outcome.report.findings)")
        let strikes = outcome.subject.legs.compactMap(\.instrument.strike?.dollars)
        #expect(strikes[0] == 424 && strikes[1] > 419)
        #expect(outcome.steps.contains { $0.change.hasPrefix("width 5 is now") })
    }

    @Test func `a strike off the grid goes away from the money when it is sold`() throws {
        let outcome = Mender(judge).mend(try subject("-P424.3=3.02 +P419=2.17"))
        #expect(outcome.subject.legs[0].instrument.strike?.dollars == 424)
        #expect(outcome.steps.map(\.rule) == ["S11"])
        #expect(outcome.report.verdict != .block)
    }

    @Test func `claims become what was computed`() throws {
        var subject = try subject(spread)
        subject.claims = Case.Claims(
            name: "iron_condor",
            netPremiumUSD: 4.25,
            maxLossUSD: 2_000,
            breakevens: [420]
        )
        let outcome = Mender(judge).mend(subject)
        #expect(outcome.subject.claims?.name == "bull_put_spread")
        #expect(outcome.subject.claims?.netPremiumUSD == 425)
        #expect(outcome.subject.claims?.maxLossUSD == 2_075)
        #expect(Set(outcome.steps.map(\.rule)) == ["S13", "R04", "R05"])
        let open = Set(outcome.report.findings.map(\.rule))
        #expect(open.isDisjoint(with: ["S13", "S14", "R04", "R05"]))
    }

    @Test func `what cannot be mended names the one figure that would help`() throws {
        var subject = try subject("-P424=3.02 +P423=2.83")
        subject.maxLossUSD = 50
        let outcome = Mender(judge).mend(subject)
        #expect(outcome.report.verdict == .block)
        let change = try #require(outcome.change)
        #expect(change.field == .maxLoss)
        #expect(change.sentence == "max_loss $50.00: at least $81.00 would be needed (R01).")
        subject.maxLossUSD = 81
        #expect(judge.judge(subject).verdict != .block)
        subject.maxLossUSD = 80.99
        #expect(judge.judge(subject).verdict == .block)
    }

    @Test func `undefined risk is never helped along`() throws {
        var subject = try subject("-C470=5.73")
        subject.maxLossUSD = 500
        subject.tolerance = .low
        let outcome = Mender(judge).mend(subject)
        #expect(outcome.report.verdict == .block)
        #expect(outcome.change == nil)
    }

    @Test func `no repair makes a strategy worse, and each is proved`() throws {
        for seed in 0..<300 as Range<UInt64> {
            var dice = Dice(seed: 90_000 + seed)
            let clean = Specimen.clean(&dice)
            let defect = Defect.allCases.randomElement(using: &dice) ?? .oversized
            guard let mutant = defect.inject(into: clean, &dice) else { continue }
            let spot = try #require(MicroUSD(dollars: mutant.request.market.spot))
            let check = StructuralCheck(today: mutant.request.today, spot: spot)
            guard case .sound(let legs) = check.check(mutant.drafts) else { continue }
            let judge = Judge(RulePack(on: mutant.request.today, for: .brokerDealer))
            let before = judge.judge(mutant.subject(legs))
            let outcome = Mender(judge).mend(mutant.subject(legs))
            let again = judge.judge(outcome.subject)
            #expect(again.results == outcome.report.results, "\(defect), seed \(seed)")
            #expect(
                before.verdict == .block || outcome.report.verdict != .block,
                "\(defect): \(outcome.steps), seed \(seed)"
            )
        }
    }
}
