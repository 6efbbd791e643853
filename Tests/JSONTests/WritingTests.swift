import JSON
import TestSupport
import Testing

@Suite struct WritingTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return text(writer.finish())
    }

    @Test func `Separators are put where they belong`() {
        let document = written { writer in
            writer.beginObject()
            writer.field("symbol", "SPY")
            writer.key("legs")
            writer.beginArray()
            writer.beginObject()
            writer.endObject()
            writer.beginArray()
            writer.endArray()
            writer.value(1)
            writer.null()
            writer.endArray()
            writer.key("raw")
            writer.raw(Array("{\"x\":[1]}".utf8))
            writer.field("quantity", Int64.min)
            writer.field("price", 0.5)
            writer.field("live", true)
            writer.field("count", 3)
            writer.endObject()
        }
        #expect(
            document == #"{"symbol":"SPY","legs":[{},[],1,null],"raw":{"x":[1]},"#
                + #""quantity":-9223372036854775808,"price":0.5,"live":true,"count":3}"#
        )
    }

    @Test func `Strings are escaped as RFC 8259 asks, and no further`() {
        #expect(
            written { $0.value("\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}é\u{2028}😹") }
                == #""\"\\/\b\f\n\r\t\u0000\u001f"# + "\u{7F}é\u{2028}😹\""
        )
        #expect(written { $0.value("") } == "\"\"")
        #expect(
            written {
                $0.beginObject()
                $0.key(escaping: "a\"b\n")
                $0.value(false)
                $0.endObject()
            } == #"{"a\"b\n":false}"#
        )
    }

    @Test func `A byte to be escaped is found wherever it is among others`() throws {
        let fillers: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F]
        for escaped in [0x00, 0x1F, 0x22, 0x5C] as [UInt8] {
            for (length, position) in (1...20).flatMap({ n in (0..<n).map { (n, $0) } }) {
                for filler in fillers {
                    var bytes = [UInt8](repeating: filler, count: length)
                    bytes[position] = escaped
                    let string = text(bytes)
                    let back = try parse(written { $0.value(string) }).string()
                    #expect(back == string)
                }
            }
        }
    }

    @Test func `Every scalar comes back as it was`() throws {
        for value in (0 as UInt32)...0x10FFFF {
            guard value < 0x3000 || value % 97 == 0, let scalar = UnicodeScalar(value) else {
                continue
            }
            let string = "a\(Character(scalar))b"
            let back = try parse(Array(written { $0.value(string) }.utf8)).string()
            #expect(Array(back.utf8) == Array(string.utf8))
        }
    }

    @Test(
        arguments: [
            (0, "0"), (7, "7"), (-1, "-1"), (10, "10"),
            (9_223_372_036_854_775_807, "9223372036854775807"),
            (-9_223_372_036_854_775_808, "-9223372036854775808"), (1_000_000, "1000000"),
        ] as [(Int64, String)]
    )
    func `Integers are written in full`(_ pair: (number: Int64, text: String)) {
        #expect(written { $0.value(pair.number) } == pair.text)
    }

    @Test func `Unsigned integers reach their end`() {
        #expect(written { $0.value(UInt64.max) } == "18446744073709551615")
    }

    @Test(arguments: [
        (1.0, "1.0"), (0.1, "0.1"), (-0.0, "-0.0"), (512.25, "512.25"), (1e22, "1e+22"),
        (.leastNonzeroMagnitude, "5e-324"), (.infinity, "null"), (-.infinity, "null"),
        (.nan, "null"),
    ])
    func `Doubles are written in their shortest form, and as null when not finite`(
        _ pair: (number: Double, text: String)
    ) {
        #expect(written { $0.value(pair.number) } == pair.text)
    }

    @Test func `Prices are written as other doubles are`() {
        var dice = Dice(seed: 7)
        let edges = [0.01, 0.009, 0.015, 0.29, 4.35, 1e13, 1e13 - 0.01, 9_999_999_999_999.99, 1e15]
        let prices = (0..<20_000).map { index in
            let size = UInt64(1) << UInt64(index % 56)
            return Double(UInt64.random(in: 0...size, using: &dice)) / 100
        }
        for price in edges + prices {
            for number in [price, -price, price.nextUp, price.nextDown] {
                #expect(written { $0.value(number) } == number.description)
            }
        }
    }

    @Test(arguments: [0, 1, 9, 10, 11, 100])
    func `What is written in place is the same, whether or not the room was enough`(_ room: Int) {
        let bytes = JSONWriter.bytes(reserving: room) { writer in
            writer.beginArray()
            writer.value("abc")
            writer.value(1_000)
            writer.endArray()
        }
        #expect(text(bytes) == #"["abc",1000]"#)
    }

    @Test func `A writer grows past what was expected`() {
        var writer = JSONWriter(reservingCapacity: 0)
        writer.beginArray()
        for _ in 0..<1_000 { writer.value("\u{1}") }
        writer.endArray()
        let expected = "[" + [String](repeating: #""\u0001""#, count: 1_000).joined(separator: ",")
        #expect(text(writer.finish()) == expected + "]")
    }

    @Test(
        arguments: [
            (18_350_000, 9, "0.01835"), (0, 9, "0"), (1, 9, "0.000000001"), (1_000_000_000, 9, "1"),
            (1_500_000_000, 9, "1.5"), (-1_500_000_000, 9, "-1.5"), (-5, 1, "-0.5"), (10, 0, "10"),
            (100, 2, "1"), (1_234, 2, "12.34"), (1_200, 2, "12"), (10, 2, "0.1"),
            (7, 25, "0.0000000000000000000000007"),
            (.max, 9, "9223372036.854775807"), (.min, 9, "-9223372036.854775808"),
            (.min, 0, "-9223372036854775808"),
            (.min, 19, "-0.9223372036854775808"),
        ] as [(Int64, Int, String)]
    )
    func `Decimals are exact, without trailing zeros`(
        _ triple: (units: Int64, scale: Int, text: String)
    ) {
        #expect(written { $0.decimal(triple.units, scale: triple.scale) } == triple.text)
    }

    @Test func `A decimal is one value among others`() {
        let document = written {
            $0.beginArray()
            $0.decimal(5, scale: 1)
            $0.decimal(25, scale: 2)
            $0.endArray()
        }
        #expect(document == "[0.5,0.25]")
    }

    @Test func `A writer that is reset starts anew`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.value(1)
        writer.reset()
        writer.value(2)
        #expect(text(writer.finish()) == "2")
    }

    @Test func `A part of a document is written again as it was, in its order`() throws {
        let source =
            #"{"b":[1,-0.0,1.5e300,18446744073709551615,"é\n\"",null],"a":{"z":{},"y":[]}}"#
        let object = try parse(source).object()
        #expect(text(object.value.bytes()) == source.replacing("1.5e300", with: "1.5e+300"))
        #expect(text(try object.required("a").bytes()) == #"{"z":{},"y":[]}"#)
        let enclosing = written { writer in
            writer.beginObject()
            writer.key("member")
            writer.value(object.value)
            writer.field("after", 1)
            writer.endObject()
        }
        #expect(try parse(enclosing).object().required("member").bytes() == object.value.bytes())
    }

    @Test func `Documents that mean the same have one canonical form`() throws {
        let spellings = [
            #"{"b":1,"a":[1.0,{"y":0,"x":-0.0}],"\u00e9":"\u0041\/","ab":1e2}"#,
            #" { "é" : "A/", "ab":100, "b" : 1e0, "a":[ 1, {"x":0,"y":0.0} ] } "#,
        ]
        for spelling in spellings {
            #expect(
                text(try parse(spelling).canonicalBytes())
                    == #"{"a":[1,{"x":0,"y":0}],"ab":100,"b":1,"é":"A/"}"#
            )
        }
    }

    @Test func `The canonical form keeps apart what differs`() throws {
        let sources = [
            "1", "1.5", "\"1\"", "[1]", "[]", "{}", "null", "false", "9007199254740993",
            "9007199254740992", "18446744073709551615", "1e19", "1e300", "0.1",
            "0.10000000000000002",
        ]
        let forms = try sources.map { text(try parse($0).canonicalBytes()) }
        #expect(Set(forms).count == sources.count)
    }
}
