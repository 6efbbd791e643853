import Options
import Testing

@Suite struct RestrictedListTests {
    @Test func `a list is read as it is written`() throws {
        let text = "# held by the desk\nsymbol gme  # until Friday\n\nstrategy short_strangle\n"
        let list = try RestrictedList(text: text)
        #expect(list.text == "symbol GME\nstrategy short_strangle\n")
        #expect(try RestrictedList(text: list.text) == list)
        #expect(try RestrictedList(text: "") == .empty)
    }

    @Test(arguments: [
        "ticker GME", "symbol", "symbol G ME", "strategy naked_everything", "symbol g$e",
    ])
    func `a line that says nothing is named`(line: String) {
        #expect(throws: RestrictedList.Fault.self) {
            try RestrictedList(text: "symbol GME\n\(line)")
        }
        do throws(RestrictedList.Fault) {
            _ = try RestrictedList(text: "symbol GME\n\(line)")
        } catch {
            #expect(error.line == 2)
        }
    }

    @Test func `what is listed is hit by what it is`() throws {
        var list = RestrictedList(symbols: ["SPX"], strategies: [.shortStrangle])
        #expect(list.hit(ticker: "SPXW") == .symbol("SPX"))
        #expect(list.hit(ticker: "SPY") == nil)
        #expect(list.hit(ticker: "SPY", .shortStrangle) == .strategy(.shortStrangle))
        #expect(list.hit(ticker: "SPY", .ironCondor) == nil)
        #expect(list.admitted([.shortStrangle, .ironCondor]) == [.ironCondor])
        #expect(list.admitted()?.contains(.shortStrangle) == false)
        let entry = try #require(RestrictedList.Entry(kind: "symbol", name: "SPX"))
        list.remove(entry)
        #expect(list.hit(ticker: "SPX") == nil)
        #expect(RestrictedList.empty.admitted() == nil)
    }
}
