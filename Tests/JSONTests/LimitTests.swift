import JSON
import TestSupport
import Testing

@Suite struct LimitTests {
    @Test func `A document as long as the limit is read, and one byte more is refused`() throws {
        let limits = JSONLimits(bytesMax: 10)
        #expect(try parse("\"12345678\"", limits: limits).string() == "12345678")
        #expect(
            error { () throws(JSONError) in try parse("\"123456789\"", limits: limits) }
                == JSONError(.tooLarge, "expected at most 10 bytes")
        )
    }

    @Test(arguments: [0, 1, 2, 64, 1024])
    func `A document as deep as the limit is read, and one level more is refused`(depth: Int) throws
    {
        let limits = JSONLimits(bytesMax: 1 << 20, depthMax: depth)
        func nest(_ open: String, _ close: String, _ depth: Int) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[0,", ",0]")] {
            let deepest = nest(open, close, depth)
            #expect(text(try parse(deepest, limits: limits).bytes()) == deepest)
            #expect(text(try parse(deepest, limits: limits).canonicalBytes()) == deepest)
            #expect(
                error { () throws(JSONError) in
                    try parse(nest(open, close, depth + 1), limits: limits)
                } == JSONError(.tooDeep, "expected at most \(depth) levels of nesting")
            )
        }
    }

    @Test func `An empty array counts as a level`() {
        let limits = JSONLimits(bytesMax: 100, depthMax: 2)
        #expect(error { () throws(JSONError) in try parse("[[]]", limits: limits) } == nil)
        for source in ["[[[]]]", "{\"a\":[{}]}", "[0,[1,[]]]", "[[],[[]]]"] {
            let error = error { () throws(JSONError) in try parse(source, limits: limits) }
            #expect(error?.code == .tooDeep)
        }
        #expect(
            error { () throws(JSONError) in try parse("[[],{},[1],{\"a\":1}]", limits: limits) }
                == nil
        )
    }

    @Test func `A hundred thousand brackets are refused, not recursed into`() {
        let open = String(repeating: "[", count: 100_000)
        let close = String(repeating: "]", count: 100_000)
        #expect(error { () throws(JSONError) in try parse(open + close) }?.code == .tooDeep)
        #expect(error { () throws(JSONError) in try parse(open) } != nil)
    }

    @Test func `Limits beyond what can be read are brought within it`() {
        let limits = JSONLimits(bytesMax: .max, depthMax: .max)
        #expect(limits.bytesMax == JSONLimits.documentBytesMax)
        #expect(limits.depthMax == JSONLimits.documentDepthMax)
        #expect(JSONLimits(bytesMax: -1, depthMax: -1) == JSONLimits(bytesMax: 0, depthMax: 0))
    }

    @Test func `A duplicate key is refused with its pointer`() {
        let cases = [
            ("{\"a\":1,\"a\":1}", "/a"),
            ("{\"a\":1,\"b\":2,\"\\u0061\":3}", "/a"),
            ("[0,{\"x\":{\"k/~\":1,\"z\":[],\"k/~\":2}}]", "/1/x/k~1~0"),
            ("{\"\":1,\"\":2}", "/"),
            ("{\"a\":{\"b\":1},\"c\":{\"b\":1,\"d\":{},\"b\":{}}}", "/c/b"),
        ]
        for (source, pointer) in cases {
            #expect(
                error { () throws(JSONError) in try parse(source) }
                    == JSONError(.duplicateKey, at: pointer, "expected a key only once")
            )
        }
    }

    @Test func `The same key in different objects is no duplicate`() throws {
        #expect(try parse("{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]},\"A\":1}").object().count == 2)
    }

    @Test(arguments: [2, 23, 24, 25, 26, 500])
    func `A duplicate is found wherever it is, in small and great objects`(count: Int) throws {
        var dice = Dice(seed: UInt64(count))
        let keys = (0..<count).map { "\"key\($0)\":\($0)" }
        #expect(try parse("{\(keys.joined(separator: ","))}").object().count == count)
        for _ in 0..<20 {
            let repeated = Int.random(in: 0..<count, using: &dice)
            var members = keys
            members.insert("\"key\(repeated)\":0", at: Int.random(in: 0...count, using: &dice))
            let source = "{\(members.joined(separator: ","))}"
            #expect(
                error { () throws(JSONError) in try parse(source) }
                    == JSONError(
                        .duplicateKey,
                        at: "/key\(repeated)",
                        "expected a key only once"
                    )
            )
        }
    }

    @Test func `Keys alike in length and ends are told apart, and equal ones found`() throws {
        let members = (10..<34).map { "\"a\($0)bcde\":0" }
        #expect(try parse("{\(members.joined(separator: ","))}").object().count == 24)
        for (first, second) in [(10, 20), (12, 13), (0, 23)] {
            var changed = members
            changed[second] = members[first]
            let error = error { () throws(JSONError) in
                try parse("{\(changed.joined(separator: ","))}")
            }
            #expect(error?.pointer == "/a\(first + 10)bcde")
        }
    }

    @Test func `Of several duplicates in a great object the first is named`() {
        var members = (0..<100).map { "\"\($0)\":0" }
        members.insert("\"70\":0", at: 80)
        members.append("\"3\":0")
        let error = error { () throws(JSONError) in
            try parse("{\(members.joined(separator: ","))}")
        }
        #expect(error?.pointer == "/70")
    }

    @Test(.timeLimit(.minutes(1)))
    func `Keys chosen to be alike cost no square of their number`() throws {
        // 100,000 keys of one length with a long common beginning: pairs would be 5·10⁹ compares.
        let limits = JSONLimits(bytesMax: JSONLimits.documentBytesMax)
        let stem = String(repeating: "k", count: 60)
        let members = (100_000..<200_000).map { "\"\(stem)\($0)\":0" }
        let object = try parse("{\(members.joined(separator: ","))}", limits: limits).object()
        #expect(object.count == 100_000)
    }

    @Test func `A parser grows for a long document and goes on with short ones`() throws {
        var parser = JSONParser(limits: JSONLimits(bytesMax: 4 * 1024 * 1024))
        let long = "[\"" + String(repeating: "x", count: 3 * 1024 * 1024) + "\"]"
        for _ in 0..<3 {
            #expect(try parser.parse(Array(long.utf8)).array().count == 1)
            #expect(try parser.parse(Array("[1,2]".utf8)).array().count == 2)
        }
    }

    @Test func `Documents of every length up to a few vectors are read alike`() throws {
        // simdjson reads 64 bytes at once; what lies beyond the end must not matter.
        var parser = JSONParser()
        for length in 0..<300 {
            let string =
                String(repeating: "é", count: length / 2)
                + String(repeating: "a", count: length % 2)
            #expect(try parser.parse(Array("\"\(string)\"".utf8)).string() == string)
            let array = "[" + String(repeating: " ", count: length) + "7]"
            #expect(text(try parser.parse(Array(array.utf8)).bytes()) == "[7]")
            let open = "[" + String(repeating: "1,", count: length)
            #expect(error { () throws(JSONError) in try parser.parse(Array(open.utf8)) } != nil)
        }
    }
}
