import JSON
import Testing

/// The categories of the public JSON test vectors: what must be accepted, what must be refused, and
/// what RFC 8259 leaves to us.
@Suite struct GrammarTests {
    @Test(arguments: [
        ("[]", "[]"), ("{}", "{}"), (" [ ] ", "[]"), ("[[]   ]", "[[]]"), ("[\"\"]", "[\"\"]"),
        ("[null, 1, \"1\", {}]", "[null,1,\"1\",{}]"), ("[1\n]", "[1]"), (" [1]", "[1]"),
        ("[2] ", "[2]"), ("\t\r\n [true]\t\r\n ", "[true]"), ("null", "null"), ("true", "true"),
        ("false", "false"), ("\"lonely\"", "\"lonely\""), ("42", "42"), ("-0.1", "-0.1"),
        ("{\"a\":[]}", "{\"a\":[]}"), ("{\"\":0}", "{\"\":0}"),
        ("{\"a\":1,\"b\":{\"c\":[{}]}}", "{\"a\":1,\"b\":{\"c\":[{}]}}"),
        ("[1,null,null,null,2]", "[1,null,null,null,2]"),
        ("{\"title\":\"\\u041f\"}", "{\"title\":\"П\"}"),
    ])
    func `Well-formed structure is accepted and written back minified`(
        _ pair: (source: String, minified: String)
    ) throws {
        #expect(text(try parse(pair.source).bytes()) == pair.minified)
    }

    @Test(arguments: [
        "", " ", "\n\t", "[", "]", "{", "}", "[]]", "{}}", "[}", "{]", "[1,]", "[,1]", "[1,,2]",
        "[,]", "[1 2]", "[\"a\" \"b\"]", "[1:2]", "[:]", "{,}", "{\"a\"}", "{\"a\":}", "{:1}",
        "{\"a\":1,}", "{\"a\":1,,\"b\":2}", "{\"a\" 1}", "{\"a\"::1}", "{a:1}", "{'a':1}", "{1:1}",
        "{null:1}", "{\"a\":1 \"b\":2}", "{\"a\":\"b\"}#", "{\"a\":\"b\"}/**/", "[1]x", "1 2",
        "[1]//", "tru", "True", "nul", "nulll", "[nul]", "[fals]", "truefalse", "*", "<null>",
        "[\u{C}]", "[1\u{B}]", "\u{2060}[]", "[\u{A0}1]", "abc", "\\", "[\"a\",\n4\n,1,",
        "{\"a\":[}",
        "[{\"a\":]}", "{\"a\":1", "[1", "[[[", "\"", "\u{0}", "[1]\u{0}", "[\u{0}]",
    ])
    func `Malformed structure is refused as syntax`(_ source: String) {
        #expect(error { () throws(JSONError) in try parse(source) }?.code == .syntax)
    }

    @Test(arguments: [
        ("0", 0.0), ("-0", 0.0), ("-0.0", -0.0), ("1", 1), ("-1", -1), ("0e1", 0), ("0e+1", 0),
        ("1E22", 1e22), ("1e-2", 0.01), ("1E+2", 100), ("123.456e78", 123.456e78),
        ("-123123123.5", -123_123_123.5), ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", .leastNonzeroMagnitude), ("2.2250738585072014e-308", 2.2250738585072014e-308),
        ("123e-10000000", 0), ("0.4e-00669999999999999999999999999999999999999", 0),
        ("-0.000000000000000000000000000000000000000000000000000000000000000000001", -1e-69),
        ("9007199254740993", 9_007_199_254_740_992),
        ("100000000000000000000.0", 1e20), ("0.1", 0.1), ("3.141592653589793238462643", Double.pi),
    ])
    func `Numbers are read to the nearest double`(_ pair: (source: String, number: Double)) throws {
        #expect(try parse(pair.source).double().bitPattern == pair.number.bitPattern)
    }

    @Test(arguments: [
        "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e1", "1e", "1e+", "1E-", "0x10",
        "1_000",
        "--1", "++1", "1+2", "1e1e1", "1.2.3", "2.e+3", "0.3e", "1ea", "NaN", "-NaN", "Infinity",
        "-Infinity", "inf", "nan", "1a", "-foo", "0e", "0E+", "1 000", "\u{FF11}", "- 1", "1.2a-3",
    ])
    func `Numbers not as JSON writes them are refused as syntax`(_ source: String) {
        for source in [source, "[\(source)]", "{\"a\":\(source)}", "[1,\(source),2]"] {
            #expect(
                error { () throws(JSONError) in try parse(source) }?.code == .syntax,
                "\(source)"
            )
        }
    }

    @Test(arguments: [
        "1e400", "-1e400", "1e309", "123123e100000", "0.4e00669999999999999999999999",
        "18446744073709551616", "-9223372036854775809", "100000000000000000000",
        "-237462374673276894279832749832423479823246327846",
    ])
    func `Numbers of no 64-bit type are refused as out of range`(_ source: String) {
        for source in [source, "[\(source)]", "{\"-1\":\"01\",\"a\":\(source)}"] {
            #expect(
                error { () throws(JSONError) in try parse(source) }?.code == .outOfRange,
                "\(source)"
            )
        }
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0000""#, "\u{0}"),
        (#""\u0061\u30af\u30EA""#, "aクリ"), (#""\uD801\udc37""#, "\u{10437}"),
        (#""\ud83d\ude39\ud83d\udc8d""#, "😹💍"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"),
        (#""\uFFFF""#, "\u{FFFF}"), (#""\u2028\u2029""#, "\u{2028}\u{2029}"),
        (#""\\u0000""#, "\\u0000"), (#""\\n""#, "\\n"), ("\"\u{7F}\"", "\u{7F}"), (#""/""#, "/"),
        ("\"\u{2028}\u{2029}\"", "\u{2028}\u{2029}"), (#""a/*b*/c/*d//e""#, "a/*b*/c/*d//e"),
        (#""\u0022""#, "\""), (#""\u005C""#, "\\"), (#""new\u00A0line""#, "new\u{A0}line"),
        ("\"\u{10FFFF}\"", "\u{10FFFF}"), ("\"€𝄞\"", "€𝄞"), (#""""#, ""),
    ])
    func `Strings are unescaped`(_ pair: (source: String, string: String)) throws {
        let string = try parse(pair.source).string()
        #expect(Array(string.utf8) == Array(pair.string.utf8))
    }

    @Test(arguments: [
        #"""#, #"["a]"#, #""\""#, #""\x00""#, #""\a""#, #""\u""#, #""\u00A""#, #""\u00G0""#,
        #""\U0041""#,
        #""\'""#, "\"\\\u{0}\"", "\"\n\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", #"["\"#, #"["\u"#,
        #"'single'"#, #""\🌀""#, #""\ ""#, #"{"\x":1}"#, "{\"a\nb\":1}", #""\uD834\x""#, "\"a\"b\"",
    ])
    func `Strings not as JSON writes them are refused`(_ source: String) {
        let code = error { () throws(JSONError) in try parse(source) }?.code
        #expect(code == .syntax || (source.contains("D834") && code == .utf8), "\(source)")
    }

    @Test(arguments: [
        #"\uD800"#, #"\uDFAA"#, #"\uD800\n"#, #"\uD800\uD800\n"#, #"\uDd1e\uD834"#, #"\uD800abc"#,
        #"\uDBFF\u0041"#, #"\uD83D\\uDE39"#,
    ])
    func `Half a surrogate pair is refused, in values and in keys`(_ escapes: String) {
        for source in ["\"\(escapes)\"", "[\"\\u0041\(escapes)\"]", "{\"\(escapes)\":1}"] {
            #expect(error { () throws(JSONError) in try parse(source) }?.code == .utf8, "\(source)")
        }
    }

    @Test(
        arguments: [
            [0xFF], [0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF],
            [0xF0, 0x80, 0x80, 0xAF],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xFC, 0x83, 0xBF, 0xBF, 0xBF, 0xBF], [0xE2, 0x82], [0xC3], [0xF0, 0x9D, 0x84], [0xE9],
        ] as [[UInt8]]
    )
    func `Bytes that are not UTF-8 are refused, in strings, keys and around`(_ bytes: [UInt8]) {
        let sources: [[UInt8]] = [
            Array("[\"".utf8) + bytes + Array("\"]".utf8),
            Array("{\"".utf8) + bytes + Array("\":1}".utf8),
            Array("[\"".utf8) + Array(repeating: 0x61, count: 100) + bytes + Array("\"]".utf8),
            Array("[1]".utf8) + bytes,
        ]
        for source in sources {
            let code = error { () throws(JSONError) in try parse(source) }?.code
            // Outside strings the structure is wrong as well, and may be what is found first.
            #expect(code == .utf8 || (source == sources[3] && code == .syntax), "\(source)")
        }
    }

    @Test func `A byte order mark is refused, of UTF-8 and of UTF-16`() {
        let sources: [[UInt8]] = [
            [0xEF, 0xBB, 0xBF] + Array("{}".utf8), [0xEF, 0xBB, 0xBF],
            [0xFF, 0xFE, 0x5B, 0x00, 0x5D, 0x00], [0xFE, 0xFF, 0x00, 0x5B, 0x00, 0x5D],
        ]
        #expect(error { () throws(JSONError) in try parse(sources[0]) }?.code == .syntax)
        for source in sources {
            #expect(error { () throws(JSONError) in try parse(source) } != nil)
        }
    }

    @Test func `An error says nothing of the document's text`() {
        for source in ["{\"secret\":tru}", "[\"secret]", "[1,\"secret\",01]", "secret"] {
            let error = error { () throws(JSONError) in try parse(source) }
            #expect(error?.description.contains("secret") == false)
        }
    }
}
