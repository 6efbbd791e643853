import Corpus
import Options
import TestSupport
import Testing

@Suite struct RuleTests {
    @Test func `the catalogue has sixty rules with ids of their own, each sourced`() {
        let ids = RuleCatalogue.all.map(\.id)
        #expect(ids.count == 60)
        #expect(Set(ids).count == 60)
        for (family, count) in [("S", 20), ("R", 21), ("C", 14), ("O", 5)] {
            let own = ids.filter { $0.hasPrefix(family) }
            let numbered = (1...count).map { "\(family)\($0 < 10 ? "0" : "")\($0)" }
            #expect(own == numbered)
        }
        for rule in RuleCatalogue.all {
            #expect(rule.title.hasSuffix("."))
            #expect(rule.editions.allSatisfy { !$0.source.isEmpty })
            #expect(!rule.operators.isEmpty && !rule.needs.isEmpty)
        }
    }

    @Test func `a pack holds the rules of its day and its operator`() throws {
        let before = try #require(CivilDate("2026-06-03"))
        let after = try #require(CivilDate("2026-06-04"))
        let late = try #require(CivilDate("2027-10-21"))
        func source(_ date: CivilDate) -> String? {
            RulePack(on: date)["C12"]?.edition(on: date)?.source
        }
        #expect(source(before)?.contains("pattern") == true)
        #expect(source(after)?.contains("intraday") == true)
        #expect(source(late)?.contains("intraday") == true)
        #expect(RulePack(on: after, for: .selfDirected)["C03"] == nil)
        #expect(RulePack(on: after, for: .brokerDealer).rules.count == 60)
        #expect(RulePack(on: after).name == "2026-06")
    }

    @Test func `what nobody looked at is not evaluated and leaves the verdict open`() throws {
        let pack = RulePack(on: try #require(CivilDate("2026-11-24")), for: .brokerDealer)
        let none = RuleReport(pack, [])
        #expect(none.verdict == .conditional)
        #expect(none.coverage == "0 of 60 evaluated")
        let passed = pack.rules.map {
            RuleResult($0.id, .pass, severity: $0.severity, evidence: "")
        }
        let all = RuleReport(pack, passed)
        #expect(all.verdict == .pass)
        #expect(all.score == 1)
        #expect(none.adding(passed).verdict == .pass)
        let failed = RuleResult("R01", .fail, severity: .block, evidence: "600 above 500.")
        let blocked = RuleReport(pack, passed + [failed])
        #expect(blocked.verdict == .block)
        #expect(blocked.score == 0)
        #expect(blocked.findings == [failed])
    }

    @Test func `figures in what is found are rounded as people read them`() throws {
        let digits = /\.[0-9]{5,}|e[+-][0-9]/
        var (seen, found) = (0, Set<String>())
        for seed in 0..<60 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let clean = Specimen.clean(&dice)
            let mutants = Defect.allCases.compactMap { $0.inject(into: clean, &dice) }
            for one in [clean] + mutants {
                let spot = try #require(MicroUSD(dollars: one.request.market.spot))
                let check = StructuralCheck(today: one.request.today, spot: spot)
                guard case .sound(let legs) = check.check(one.drafts) else { continue }
                let judge = Judge(RulePack(on: one.request.today, for: .brokerDealer))
                for result in judge.judge(one.subject(legs)).results {
                    seen += 1
                    if !result.evidence.matches(of: digits).isEmpty {
                        found.insert("\(result.rule): \(result.evidence)")
                    }
                    #expect(!result.evidence.contains("{"), "\(result.rule)")
                    #expect(!result.evidence.isEmpty, "\(result.rule)")
                }
            }
        }
        #expect(seen > 10_000)
        #expect(found.isEmpty, "\(found.sorted())")
    }
}
