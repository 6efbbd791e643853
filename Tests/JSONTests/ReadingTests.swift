import JSON
import Testing

@Suite struct ReadingTests {
    private static let source = """
        {"symbol": "SPY", "quantity": 10, "price": 512.25, "dry_run": false, "note": null,
         "market_context": {"current_price": "high", "a/b": {"c~d": [1, [true, {"": 7}]]}},
         "legs": [{"strike": 500, "side": "buy"}, {"strike": 510.5, "side": "hold"}]}
        """

    private enum Side: String, CaseIterable { case buy, sell }

    @Test func `Each accessor answers its type`() throws {
        let order = try parse(Self.source).object()
        #expect(try order.required("symbol").string() == "SPY")
        #expect(try order.required("quantity").int64() == 10)
        #expect(try order.required("quantity").double() == 10)
        #expect(try order.required("price").double() == 512.25)
        #expect(try order.required("dry_run").bool() == false)
        #expect(try order.required("legs").array().count == 2)
        #expect(order.count == 7)
        let leg = try #require(try order.required("legs").array().first { _ in true }).object()
        #expect(try leg.required("side").choice(Side.self) == .buy)
    }

    @Test func `Null counts as absent for an optional member, and as present otherwise`() throws {
        let order = try parse(Self.source).object()
        #expect(order.optional("note") == nil)
        #expect(order.optional("absent") == nil)
        #expect(try order.optional("symbol")?.string() == "SPY")
        #expect(order["note"]?.isNull == true)
        #expect(order["absent"] == nil)
        let error = error { () throws(JSONError) in try order.required("note").string() }
        #expect(error == JSONError(.wrongType, at: "/note", "expected a string"))
    }

    @Test func `Kinds are told without reading`() throws {
        let kinds = try parse("[{},[],\"\",1,1.5,18446744073709551615,true,false,null]")
            .array().map { $0.kind }
        #expect(
            kinds == [.object, .array, .string, .number, .number, .number, .bool, .bool, .null]
        )
    }

    @Test func `The wrong type is named by its pointer and what was expected`() throws {
        let order = try parse(Self.source).object()
        let context = try order.required("market_context").object()
        let price = try context.required("current_price")
        #expect(
            error { () throws(JSONError) in try price.double() }?.description
                == "/market_context/current_price: expected a number"
        )
        let expectations: [(JSONError?, String)] = [
            (error { () throws(JSONError) in try price.int64() }, "expected an integer"),
            (error { () throws(JSONError) in try price.bool() }, "expected true or false"),
            (error { () throws(JSONError) in try price.object() }, "expected an object"),
            (error { () throws(JSONError) in try price.array() }, "expected an array"),
            (
                error { () throws(JSONError) in
                    try order.required("price").choice(Side.self)
                }, "expected one of buy, sell"
            ),
            (
                error { () throws(JSONError) in
                    try order.required("price").withUTF8 { $0.count }
                }, "expected a string"
            ),
        ]
        for (error, expectation) in expectations {
            #expect(error?.code == .wrongType)
            #expect(error?.expectation == expectation)
        }
    }

    @Test func `A missing member is named by the pointer it would have`() throws {
        let order = try parse(Self.source).object()
        let context = try order.required("market_context").object()
        #expect(
            error { () throws(JSONError) in try context.required("v/i~x") }
                == JSONError(.missing, at: "/market_context/v~1i~0x", "is required")
        )
        #expect(
            error { () throws(JSONError) in try order.required("user_id") }?.description
                == "/user_id: is required"
        )
    }

    @Test func `Pointers pass through arrays and escape slash and tilde`() throws {
        let order = try parse(Self.source).object()
        let inner = try order.required("market_context").object()
            .required("a/b").object().required("c~d").array()
        var pointers: [String] = []
        for element in inner { pointers.append(element.pointer) }
        #expect(pointers == ["/market_context/a~1b/c~0d/0", "/market_context/a~1b/c~0d/1"])
        let nested = try inner.map { $0 }[1].array().map { $0 }[1].object()
        #expect(try nested.required("").pointer == "/market_context/a~1b/c~0d/1/1/")
        let leg = try order.required("legs").array().map { $0 }[1].object()
        #expect(
            error { () throws(JSONError) in try leg.required("strike").int64() }?.description
                == "/legs/1/strike: expected an integer"
        )
        #expect(
            error { () throws(JSONError) in try leg.required("side").choice(Side.self) }
                == JSONError(.notAllowed, at: "/legs/1/side", "expected one of buy, sell")
        )
        #expect(leg.value.pointer == "/legs/1")
        #expect(inner.value.pointer == "/market_context/a~1b/c~0d")
    }

    @Test func `The document itself has the empty pointer`() throws {
        let value = try parse("[1]")
        #expect(value.pointer == "")
        let error = error { () throws(JSONError) in try value.object() }
        #expect(error?.description == "document: expected an object")
    }

    @Test func `A pointer too long to log stops at an ancestor`() throws {
        let key = String(repeating: "k", count: JSONError.pointerBytesMax)
        let inner = try parse("{\"a\":{\"\(key)\":1}}").object().required("a").object()
        #expect(inner[named: key]?.pointer == "/a")
    }

    @Test func `Integers are exact, and their range is an error of its own`() throws {
        #expect(try parse("9223372036854775807").int64() == .max)
        #expect(try parse("-9223372036854775808").int64() == .min)
        #expect(try parse("1.0").int64() == 1)
        #expect(try parse("-2.5e1").int64() == -25)
        #expect(try parse("9007199254740993").int64() == 9_007_199_254_740_993)
        for source in ["9223372036854775808", "18446744073709551615", "1e19", "-1e300"] {
            #expect(
                error { () throws(JSONError) in try parse(source).int64() }?.code == .outOfRange
            )
        }
        #expect(error { () throws(JSONError) in try parse("1.5").int64() }?.code == .wrongType)
        #expect(try parse("18446744073709551615").double() == 0x1p64)
    }

    @Test func `A range includes its ends and refuses what is beyond`() throws {
        let value = try parse("{\"n\":[1,100,101,0]}").object().required("n").array().map { $0 }
        #expect(try value[0].int64(in: 1...100) == 1)
        #expect(try value[1].int64(in: 1...100) == 100)
        #expect(
            error { () throws(JSONError) in try value[2].int64(in: 1...100) }
                == JSONError(.outOfRange, at: "/n/2", "expected an integer from 1 to 100")
        )
        #expect(
            error { () throws(JSONError) in try value[3].double(in: 0.5...1) }
                == JSONError(.outOfRange, at: "/n/3", "expected a number from 0.5 to 1.0")
        )
        #expect(try value[0].double(in: 0.5...1) == 1)
    }

    @Test func `Members and elements come in the document's order`() throws {
        let object = try parse("{\"b\":1,\"a\":{\"x\":[1,2]},\"c\":2.5,\"\":[]}").object()
        #expect(object.map { $0.key } == ["b", "a", "c", ""])
        #expect(object.map { text($0.value.bytes()) } == ["1", "{\"x\":[1,2]}", "2.5", "[]"])
        let doubled = try parse("[1,2,3]").array().map { try $0.int64() * 2 }
        #expect(doubled == [2, 4, 6])
        #expect(
            error { () throws(JSONError) in
                try parse("[1,\"2\"]").array().map { (n) throws(JSONError) in try n.int64() }
            }
                == JSONError(.wrongType, at: "/1", "expected an integer")
        )
        #expect(try parse("[]").array().isEmpty)
    }

    @Test func `Keys are compared after unescaping, byte by byte`() throws {
        // U+00E9, and e with a combining accent: equal to Swift's String, different keys in JSON.
        let object = try parse("{\"\\u0061\":1,\"\\u00e9\":2,\"e\\u0301\":3}").object()
        #expect(try object.required("a").int64() == 1)
        #expect(try object.required("\u{E9}").int64() == 2)
        #expect(try object.required("e\u{301}").int64() == 3)
        #expect(object["A"] == nil)
    }

    @Test func `A value outlives its parser, and the parser's next document`() throws {
        var parser = JSONParser()
        let first = try parser.parse(Array("{\"a\":\"first\"}".utf8))
        let second = try parser.parse(Array("{\"a\":\"second one\"}".utf8))
        #expect(error { () throws(JSONError) in try parser.parse(Array("{".utf8)) } != nil)
        #expect(try first.object().required("a").string() == "first")
        #expect(try second.object().required("a").string() == "second one")
        #expect(try parser.parse(Array("7".utf8)).int64() == 7)
    }
}
