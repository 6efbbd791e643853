package import JSON
internal import Options

extension GenerateRequest {
    /// Reads a payload that has been parsed.
    ///
    /// - Throws: `invalid_request` with the JSON Pointer of the first field that is wrong.
    package init(_ document: JSONValue) throws(Rejection) {
        do throws(JSONError) {
            let body = try document.object()
            userID = try body.required("user_id").userID()
            intent = try body.required("user_intent").intent()
            market = try MarketContext(body.required("market_context").object())
            portfolio = try Portfolio(body.optional("portfolio_context")?.object())
            preferences = try RiskPreferences(body.optional("risk_preferences")?.object())
            account = try Account(body.optional("account")?.object())
            maxCost = try body.optional("max_cost_usd")?.dollars() ?? Self.maxCostDefault
            detail = try body.optional("detail")?.oneOf() ?? .fast
            mode = try body.optional("mode")?.oneOf() ?? .menu
        } catch {
            throw Rejection(error)
        }
    }

    /// `max_cost_usd` of a request that does not say: half a dollar.
    package static let maxCostDefault = NanoUSD(NanoUSD.perDollar / 2)
}

extension Rejection {
    /// What a reader of JSON found, as the caller reads it. The whole document is the field `payload`.
    package init(_ error: JSONError) {
        self.init(
            error.code == .tooLarge ? .payloadTooLarge : .invalidRequest,
            error.expectation,
            field: error.pointer.isEmpty ? "payload" : error.pointer
        )
    }
}

extension MarketContext {
    fileprivate init(_ body: JSONObject) throws(JSONError) {
        symbol = try body.required("symbol").ticker()
        currentPrice = try body.required("current_price").price()
        vix = try body.optional("vix")?.double(in: 0...1_000)
        trend = try body.optional("trend")?.oneOf()
        asOf = try body.optional("as_of")?.instant()
        impliedVolatility = try body.optional("iv")?.double(in: 0.001...20)
        rate = try body.optional("rate")?.double(in: -1...1)
        dividendYield = try body.optional("dividend_yield")?.double(in: -1...1)
        dividends = try body.list("dividends") { (element) throws(JSONError) in
            let dividend = try element.object()
            return try Dividend(
                exDate: dividend.required("ex_date").date(),
                amount: dividend.required("amount").double(in: 0...1e6)
            )
        }
        events = try body.list("events") { (element) throws(JSONError) in
            let event = try element.object()
            return try MarketEvent(
                kind: event.required("kind").label(),
                date: event.required("date").date()
            )
        }
        chain =
            try body.list("option_chain") { (element) throws(JSONError) in
                try ChainQuote(element.object())
            } ?? []
    }
}

extension ChainQuote {
    fileprivate init(_ body: JSONObject) throws(JSONError) {
        let name = try body.required("symbol")
        guard let symbol = OSISymbol(try name.string()) else {
            throw name.error(.notAllowed, "expected an OSI symbol, as SPY   261218P00430000")
        }
        self.symbol = symbol
        bid = try body.required("bid").double(in: 0...1e7)
        ask = try body.required("ask").double(in: 0...1e7)
        impliedVolatility = try body.optional("iv")?.double(in: 0...20)
        openInterest = try body.optional("open_interest")
            .map { (value) throws(JSONError) in Int(try value.int64(in: 0...1_000_000_000)) }
    }
}

extension Portfolio {
    fileprivate init(_ body: JSONObject?) throws(JSONError) {
        guard let body else {
            (positions, greeks) = (nil, nil)
            return
        }
        positions = try body.list("positions") { (element) throws(JSONError) in
            let position = try element.object()
            return try Position(
                symbol: position.required("symbol").word(),
                quantity: position.required("quantity").double(in: -1e9...1e9),
                averagePrice: position.optional("average_price")?.double(in: 0...1e9),
                greeks: Greeks(position.optional("greeks")?.object())
            )
        }
        greeks = try Greeks(body.optional("portfolio_greeks")?.object())
    }
}

extension Portfolio.Greeks {
    fileprivate init?(_ body: JSONObject?) throws(JSONError) {
        guard let body else { return nil }
        delta = try body.optional("delta")?.double()
        gamma = try body.optional("gamma")?.double()
        theta = try body.optional("theta")?.double()
        vega = try body.optional("vega")?.double()
        rho = try body.optional("rho")?.double()
    }
}

extension RiskPreferences {
    fileprivate init(_ body: JSONObject?) throws(JSONError) {
        tolerance = try body?.optional("risk_tolerance")?.oneOf()
        maxLoss = try body?.optional("max_loss")?.double(in: 0...1e12)
        maxDebit = try body?.optional("max_debit_usd")?.double(in: 0...1e12)
    }
}

extension Account {
    fileprivate init(_ body: JSONObject?) throws(JSONError) {
        equity = try body?.optional("equity_usd")?.double(in: -1e15...1e15)
        buyingPower = try body?.optional("buying_power_usd")?.double(in: -1e15...1e15)
        approvalLevel = try body?.optional("approval_level")
            .map { (value) throws(JSONError) in Int(try value.int64(in: 1...4)) }
        disclosureDelivered = try body?.optional("odd_delivered")?.bool()
    }
}

// MARK: - Kinds of fields

extension JSONObject {
    /// An optional array, each element read by `transform`; nil when it is absent or null.
    fileprivate func list<Value>(
        _ key: StaticString,
        _ transform: (JSONValue) throws(JSONError) -> Value
    ) throws(JSONError) -> [Value]? {
        guard let value = optional(key) else { return nil }
        return try value.array().map(transform)
    }
}

extension JSONValue {
    /// As `choice`, and specialised for this target's types.
    fileprivate func oneOf<Choice: RawRepresentable & CaseIterable>(
        _: Choice.Type = Choice.self
    ) throws(JSONError) -> Choice where Choice.RawValue == String {
        guard let word, let choice = Choice(rawValue: word) else {
            throw notAllowed(Choice.allCases.map(\.rawValue))
        }
        return choice
    }
}

extension JSONValue {
    func userID() throws(JSONError) -> String {
        let text = try string()
        guard (1...ContractLimits.userIDBytesMax).contains(text.utf8.count) else {
            throw error(
                .outOfRange,
                "expected 1 to \(ContractLimits.userIDBytesMax) bytes of UTF-8"
            )
        }
        guard !text.unicodeScalars.contains(where: \.isControl) else {
            throw error(.notAllowed, "expected no control characters")
        }
        return text
    }

    fileprivate func intent() throws(JSONError) -> String {
        let text = try string()
        let isASCII = text.utf8Span.isKnownASCII
        let count = isASCII ? text.utf8.count : text.unicodeScalars.count
        guard (1...ContractLimits.intentCharactersMax).contains(count) else {
            throw error(
                .outOfRange,
                "expected 1 to \(ContractLimits.intentCharactersMax) characters, found \(count)"
            )
        }
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw error(.notAllowed, "expected some words")
        }
        return text
    }

    /// A ticker as exchanges write them: a letter or `^`, then letters, digits and `. - /`.
    fileprivate func ticker() throws(JSONError) -> String {
        let written = try string()
        // ASCII first: upper-casing makes an S of a long s, and so one ticker of another.
        let text = written.utf8.allSatisfy({ $0 < 0x80 }) ? written.uppercased() : ""
        let bytes = text.utf8
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
        let isRest = { (byte: UInt8) in
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "/")
        }
        guard (1...12).contains(bytes.count), let first = bytes.first,
            isLetter(first) || first == UInt8(ascii: "^"), bytes.dropFirst().allSatisfy(isRest)
        else { throw error(.notAllowed, "expected a ticker symbol of at most 12 characters") }
        return text
    }

    /// A share's price, exact to a millionth of a dollar.
    fileprivate func price() throws(JSONError) -> MicroUSD {
        let dollars = try double()
        guard dollars > 0, dollars <= 10_000_000, let price = MicroUSD(dollars: dollars),
            price > .zero
        else { throw error(.outOfRange, "expected a price above 0 and at most 10,000,000") }
        return price
    }

    /// A limit in dollars, taken to the nearest nano-dollar: what was written, and not the double
    /// just below it.
    fileprivate func dollars() throws(JSONError) -> NanoUSD {
        let dollars = try double(in: 0...1_000_000)
        return NanoUSD(Int64((dollars * Double(NanoUSD.perDollar)).rounded()))
    }

    fileprivate func instant() throws(JSONError) -> UTCInstant {
        guard let instant = UTCInstant(try string()) else {
            throw error(.notAllowed, "expected a time, as 2026-11-23T15:00:00Z")
        }
        return instant
    }

    fileprivate func date() throws(JSONError) -> CivilDate {
        guard let date = CivilDate(try string()) else {
            throw error(.notAllowed, "expected a date, as 2026-12-18")
        }
        return date
    }

    /// What an event is called, for a person and for the model: letters, digits and a few marks.
    fileprivate func label() throws(JSONError) -> String {
        let text = try word()
        let marks: Set<Unicode.Scalar> = [" ", "-", "_", ".", "/", "&", "'", "(", ")"]
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || marks.contains($0)
        }
        guard isPlain else {
            throw error(.notAllowed, "expected letters, digits, spaces and - _ . / & ' ( )")
        }
        return text
    }

    /// A short name: 1–64 printable characters.
    fileprivate func word() throws(JSONError) -> String {
        let text = try string()
        guard (1...64).contains(text.utf8.count),
            !text.unicodeScalars.contains(where: \.isControl)
        else { throw error(.notAllowed, "expected 1 to 64 characters, none of control") }
        return text
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1: all of Unicode's general category Cc, and nothing else.
    package var isControl: Bool { value < 0x20 || (0x7f...0x9f).contains(value) }
}
