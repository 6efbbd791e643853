internal import Contract
internal import JSON
internal import Options

/// A strategy as the model proposed it: its form is right, and nothing in it is believed yet.
struct Proposal {
    let decision: Decision
    let name: String
    let outlook: String
    let legs: [DraftLeg]
    let rationale: String
    let risks: [String]
    let claimedMaxProfit: Double?
    let claimedMaxLoss: Double?
    let claimedBreakevens: [Double]

    enum Decision: String, CaseIterable {
        case trade
        case noTrade = "no_trade"
        case refuse
    }

    enum Limits {
        /// Characters of prose that go on into a reply; a model that runs on is cut, not refused.
        static let proseCharactersMax = 1_000
        static let risksMax = 8
        /// More legs than any strategy has, so that the check of their number sees a wrong one.
        static let legsMax = 16
        /// Units of a strategy, and contracts of one leg within it.
        static let quantityMax: Int64 = 1_000_000
    }

    init(_ document: JSONValue) throws(JSONError) {
        let body = try document.object()
        decision = try body.required("decision").oneOf()
        name = Self.identifier(try body.required("strategy_name").string())
        outlook = Self.identifier(try body.required("outlook").string())
        let units = try body.required("quantity").int64(in: 0...Limits.quantityMax)
        let proposed = try body.required("legs").array()
        guard proposed.count <= Limits.legsMax else {
            throw proposed.value.error(.outOfRange, "expected at most \(Limits.legsMax) legs")
        }
        legs = try proposed.map { (leg) throws(JSONError) in try Self.leg(leg.object(), units) }
        rationale = Self.prose(try body.required("rationale").string())
        risks = try body.required("risks").array().prefix(Limits.risksMax)
            .map { (risk) throws(JSONError) in Self.prose(try risk.string()) }
        let claimed = try body.required("claimed").object()
        claimedMaxProfit = try claimed.optional("max_profit_usd")?.double()
        claimedMaxLoss = try claimed.optional("max_loss_usd")?.double()
        claimedBreakevens =
            try claimed.required("breakevens").array().prefix(Limits.legsMax)
            .map { (breakeven) throws(JSONError) in try breakeven.double() }
    }

    private static func leg(_ leg: JSONObject, _ units: Int64) throws(JSONError) -> DraftLeg {
        let side: Action = try leg.required("side").oneOf()
        let kind: DraftLeg.Kind = try leg.required("type").oneOf()
        let ratio = try leg.required("ratio").int64(in: 0...Limits.quantityMax)
        let (quantity, over) = ratio.multipliedReportingOverflow(by: units)
        guard !over, quantity <= Limits.quantityMax else {
            throw try leg.required("ratio").error(.outOfRange, "expected a smaller quantity")
        }
        return DraftLeg(
            action: side,
            kind: kind,
            strike: try leg.optional("strike")?.double(),
            expiry: try leg.optional("expiration")?.string(),
            quantity: Int(quantity),
            price: try leg.optional("limit_premium_per_share")?.double()
        )
    }

    /// A name of ours is lower snake case; what is not is some invention, and called `custom`.
    private static func identifier(_ text: String) -> String {
        let isOurs = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        return isOurs && (1...40).contains(text.utf8.count) ? text : "custom"
    }

    /// Prose without control characters, and no longer than a reply carries.
    static func prose(_ text: String) -> String {
        if text.utf8.count <= Limits.proseCharactersMax, isPlain(text.utf8Span.span) { return text }
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(Limits.proseCharactersMax) {
            kept.append(scalar.isControl ? " " : scalar)
        }
        return String(kept)
    }

    /// Whether all is printable ASCII. Without a way out, so that many bytes are looked at at once.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        var others: UInt8 = 0
        for index in text.indices { others |= text[index] &- 0x20 > 0x5e ? 1 : 0 }
        return others == 0
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
