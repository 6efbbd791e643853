import Options
import TestSupport
import Testing

@Suite struct ContractsTests {
    @Test func `a symbol is written in 21 characters and read back the same`() throws {
        let expiry = try #require(CivilDate("2026-12-18"))
        let strike = try #require(Strike(dollars: 430))
        let symbol = try #require(
            OSISymbol(root: "SPY", expiry: expiry, right: .put, strike: strike)
        )
        #expect(symbol.description == "SPY   261218P00430000")
        #expect(symbol.compact == "SPY261218P00430000")
        #expect(OSISymbol(symbol.description) == symbol)
        #expect(OSISymbol(symbol.compact) == symbol)
        #expect(OSISymbol("AAPL  260918C00260000")?.strike.dollars == 260)
    }

    @Test(arguments: [
        "", "SPY   261218X00430000", "SPY   261318P00430000",
        "SPY   261218P0043000A", " SPY  261218P00430000", "spy   261218P00430000",
        "SPY   261218P00000000", "S PY  261218P00430000", "3PY   261218P00430000",
        "SPY   260230P00430000", "261218P00430000", "SPY  261218P00430000",
    ])
    func `what is no symbol is not read`(text: String) {
        #expect(OSISymbol(text) == nil)
    }

    @Test func `every random symbol survives the round trip`() throws {
        var dice = Dice(seed: 1)
        for _ in 0..<2_000 {
            let root = String(
                "ABCXYZ1".shuffled(using: &dice).prefix(Int.random(in: 1...6, using: &dice))
            )
            let date = CivilDate(dayNumber: Int.random(in: 19_700...24_000, using: &dice))
            let strike = try #require(
                Strike(thousandths: Int64.random(in: 1...99_999_999, using: &dice))
            )
            let right: Right = Bool.random(using: &dice) ? .call : .put
            let symbol = OSISymbol(root: root, expiry: date, right: right, strike: strike)
            guard root.first != "1" else {
                #expect(symbol == nil)
                continue
            }
            let text = try #require(symbol).description
            #expect(text.utf8.count == 21)
            #expect(OSISymbol(text) == symbol)
        }
    }

    @Test func `an adjusted root ends in a digit`() {
        #expect(OSISymbol("XYZ1  261218C00010000")?.isAdjusted == true)
        #expect(OSISymbol("XYZ   261218C00010000")?.isAdjusted == false)
        // Without its blanks an adjusted root looks like a year too long; one feed sent this.
        #expect(OSISymbol("XOM2241220P00100000")?.isAdjusted == true)
        #expect(OSISymbol.root(forTicker: "BRK.B") == "BRKB")
    }

    @Test(arguments: [0.0, -1, .nan, .infinity, 0.0004, 1e13])
    func `a strike that cannot be exact is none`(dollars: Double) {
        #expect(Strike(dollars: dollars) == nil)
    }
}
