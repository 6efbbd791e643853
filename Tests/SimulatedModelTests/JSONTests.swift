import SimulatedModel
import Testing

@Suite struct SimulatorJSONTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "[1,-2,3.5]", #"{"a":{"b":[null,false,"x"]},"a2":""}"#,
        #""é漢👍""#, #"{"quote":"\"","back":"\\","line":"\n\r\t","control":"\u0001"}"#,
    ])
    func `compact text comes back as it was`(text: String) throws {
        let value = try JSONParser.parse(text)
        #expect(value.text == text)
        #expect(value.byteCount == text.utf8.count || text.contains("\\"))
    }

    @Test func `escapes and numbers are read as RFC 8259 says`() throws {
        #expect(try JSONParser.parse(#""\u00e9\u6f22\ud83d\udc4d\/""#) == "é漢👍/")
        #expect(try JSONParser.parse(#""\ud83d x""#) == "\u{FFFD} x")
        #expect(try JSONParser.parse("1e3") == 1000.0)
        #expect(try JSONParser.parse("-0.5E-1") == -0.05)
        #expect(try JSONParser.parse("9007199254740993") == 9_007_199_254_740_993)
        #expect(try JSONParser.parse(" [ 1 , 2 ] ") == [1, 2])
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", ".5", "+1", "tru", "nul",
        "'a'",
        "\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 2", "[1", "1e", "1e999", "-",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text) }
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: JSONParser.Failure.self) {
            try JSONParser.parse([0x22, 0xFF, 0x22])
        }
    }

    @Test func `depth is limited`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: JSONParser.Failure.self) {
            try JSONParser.parse(nested(JSONParser.depthMax + 1))
        }
        _ = try JSONParser.parse(nested(JSONParser.depthMax))
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `damaged documents never crash the parser`(seed: UInt64) {
        var dice = Dice(seed: seed)
        var bytes = Array(SimulatorRequests.forcedTool.text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            let place = Int.random(in: bytes.indices, using: &dice)
            switch dice.next() % 3 {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
            case 1: bytes.remove(at: place)
            default: bytes.removeSubrange(place...)
            }
            if bytes.isEmpty { bytes = [0x7B] }
        }
        do {
            let request = try ChatRequest(
                bytes,
                in: ModelCatalog(),
                repeated: RepeatedValues(names: ChatRequest.repeatedMembers)
            )
            #expect(request.promptTokens > 0)
        } catch {
            #expect((400...499).contains(error.status), "replay with seed \(seed)")
        }
    }

    @Test func `a value that was seen before is read as it was the first time`() throws {
        let repeated = RepeatedValues(names: ["tools"])
        let tools = SimulatorRequests.forcedTool["tools"] ?? []
        let texts = [
            #"{"a":1,"tools":\#(tools.text),"b":[2]}"#, #"{"tools": \#(tools.text) }"#,
            #"{"tools":[]}"#, #"{"other":\#(tools.text)}"#,
        ]
        for text in texts + texts {
            let plain = try JSONParser.parse(text)
            let (value, compact) = try JSONParser.parse(Array(text.utf8), repeated: repeated)
            #expect(value == plain)
            #expect(compact["tools"] == plain["tools"].map { Array($0.text.utf8) })
        }
        #expect(throws: JSONParser.Failure.self) {
            try JSONParser.parse(Array(#"{"tools":\#(tools.text)"#.utf8), repeated: repeated)
        }
    }
}
