import Options
import Testing

@Suite struct StructuralCheckTests {
    private func findings(_ drafts: [DraftLeg]) throws -> [StructuralFinding] {
        let check = StructuralCheck(
            today: try #require(CivilDate("2026-11-24")),
            spot: try #require(MicroUSD(dollars: 450))
        )
        switch check.check(drafts) {
        case .sound(let sound):
            #expect(sound.legs.count == drafts.count)
            return []
        case .unsound(let findings): return findings
        }
    }

    private func draft(
        _ action: Action = .buy,
        _ kind: DraftLeg.Kind = .call,
        strike: Double? = 450,
        expiry: String? = "2026-12-18",
        quantity: Int = 1,
        multiplier: Int? = 100,
        price: Double? = 5
    ) -> DraftLeg {
        DraftLeg(
            action: action,
            kind: kind,
            strike: strike,
            expiry: expiry,
            quantity: quantity,
            multiplier: multiplier,
            price: price
        )
    }

    private var shares: DraftLeg {
        draft(.buy, .stock, strike: nil, expiry: nil, quantity: 100, multiplier: 1, price: nil)
    }

    @Test func `a covered call is sound and its shares enter at the spot`() throws {
        let check = StructuralCheck(
            today: try #require(CivilDate("2026-11-24")),
            spot: try #require(MicroUSD(dollars: 450))
        )
        guard case .sound(let sound) = check.check([shares, draft(.sell)]) else {
            Issue.record("a sound strategy was refused")
            return
        }
        #expect(sound.legs.map(\.price.dollars) == [450, 5])
        #expect(sound.legs.map(\.signedShares) == [100, -100])
    }

    @Test func `each fault is found at its leg and under its rule`() throws {
        let cases: [(DraftLeg, String, StructuralFinding.Fault)] = [
            (draft(strike: .nan), "S01", .notFinite(field: "strike")),
            (draft(price: .infinity), "S01", .notFinite(field: "price")),
            (draft(expiry: "18.12.2026"), "S01", .malformedExpiry("18.12.2026")),
            (draft(strike: nil), "S03", .missing(field: "strike")),
            (draft(strike: 0), "S03", .outOfRange(field: "strike")),
            (draft(expiry: nil), "S03", .missing(field: "expiry")),
            (draft(price: nil), "S03", .missing(field: "price")),
            (draft(price: -0.01), "S03", .outOfRange(field: "price")),
            (draft(quantity: 0), "S03", .outOfRange(field: "quantity")),
            (draft(multiplier: 10), "S03", .adjustedMultiplier(10)),
        ]
        for (bad, rule, fault) in cases {
            let found = try findings([draft(strike: 440), bad])
            #expect(found.map(\.leg) == [1])
            #expect(found.map(\.fault) == [fault])
            #expect(found.first?.rule == rule)
            #expect(found.first?.message.hasSuffix(".") == true)
        }
    }

    @Test func `dates must be trading days after today`() throws {
        #expect(try findings([draft(expiry: "2026-11-24")]).map(\.rule) == ["S08"])
        #expect(try findings([draft(expiry: "2026-11-26")]).map(\.rule) == ["S09"])
        #expect(try findings([draft(expiry: "2026-11-28")]).map(\.rule) == ["S09"])
        #expect(try findings([draft(expiry: "2026-11-27")]).isEmpty)
    }

    @Test func `legs are counted`() throws {
        #expect(try findings([]).map(\.rule) == ["S02"])
        #expect(try findings([shares]).map(\.rule) == ["S02"])
        #expect(try findings([shares, shares, draft()]).map(\.rule) == ["S02", "S06"])
        let five = (0..<5).map { draft(strike: 400 + Double($0)) }
        #expect(try findings(five).map(\.fault) == [.optionLegs(count: 5)])
    }

    @Test func `no contract stands twice, whichever way it is traded`() throws {
        let found = try findings([draft(), draft(.buy, .put), draft(.sell)])
        #expect(found.map(\.leg) == [2])
        #expect(found.map(\.fault) == [.repeatedContract(firstLeg: 0)])
        #expect(try findings([draft(), draft(expiry: "2027-01-15")]).isEmpty)
    }

    @Test func `a stock leg has neither strike nor expiry`() throws {
        let stock = draft(.buy, .stock, multiplier: nil)
        #expect(
            try findings([stock, draft(.sell)]).map(\.fault)
                == [.unexpected(field: "strike"), .unexpected(field: "expiry")]
        )
    }
}
