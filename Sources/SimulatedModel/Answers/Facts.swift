/// What the caller's prompt says of the market: the JSON block of facts in a message.
///
/// Read leniently: a member that is absent or odd is as if the caller had said nothing of it.
package struct Facts: Sendable {
    package enum Trend: Sendable { case up, flat, down }
    package enum Tolerance: Sendable { case low, medium, high }

    package let symbol: String
    /// USD per share; nil when the block has only candidates.
    package let spot: Double?
    package let asOf: CivilDay?
    /// Allowed expiries, soonest first.
    package let expiries: [CivilDay]
    package let strikeStep: Double
    package let trend: Trend
    package let tolerance: Tolerance
    package let maxLossUSD: Double?
    /// Yearly, as a fraction.
    package let volatility: Double
    /// The menu, when the caller offers one: `{"id":…}` and whatever it says of each.
    package let candidates: [JSONValue]
    /// What the caller's user typed, where that stands beside the block; lower case.
    package let wish: String
    package let userText: String

    /// The facts of the last message that has any.
    package static func find(in messages: [ChatRequest.Message]) -> Facts? {
        for message in messages.reversed() where message.role != "assistant" {
            if let facts = find(in: message.text) { return facts }
        }
        return nil
    }

    /// A prompt may hold braces that are not JSON; after so many, we stop looking.
    private static let attemptsMax = 64

    private static func find(in text: String) -> Facts? {
        let bytes = Array(text.utf8)
        var offset = 0
        for _ in 0..<attemptsMax {
            guard let brace = bytes[offset...].firstIndex(of: UInt8(ascii: "{")) else { return nil }
            var parser = JSONParser(bytes, from: brace)
            guard let value = try? parser.next() else {
                offset = brace + 1
                continue
            }
            if let block = block(in: value, depth: 0) {
                return Facts(block, wish: value["user_text"]?.string ?? "")
            }
            offset = parser.offset
        }
        return nil
    }

    private static func block(in value: JSONValue, depth: Int) -> JSONValue? {
        guard depth < 4, let members = value.members else { return nil }
        let hasPrice = (value["spot"] ?? value["current_price"])?.amount != nil
        if hasPrice, value["symbol"]?.string != nil { return value }
        if value["candidates"]?.array?.isEmpty == false { return value }
        for member in members {
            if let found = block(in: member.value, depth: depth + 1) { return found }
        }
        return nil
    }

    private init(_ block: JSONValue, wish: String) {
        self.wish = wish.lowercased()
        userText = wish
        symbol = block["symbol"]?.string ?? "the underlying"
        spot = (block["spot"] ?? block["current_price"])?.amount.flatMap { $0 > 0 ? $0 : nil }
        asOf = (block["as_of"] ?? block["date"])?.string.flatMap(CivilDay.init)
        let dates = (block["expiries"] ?? block["expirations"])?.array ?? []
        expiries = dates.compactMap { item in
            (item.string ?? (item["date"] ?? item["expiration"])?.string).flatMap(CivilDay.init)
        }.sorted()
        let step = block["strike_step"]?.amount ?? 0
        strikeStep = step > 0 ? step : Self.usualStep(spot: spot ?? 100)
        trend = Self.trend(block["trend"]?.string ?? "")
        tolerance = Self.tolerance(block["risk_tolerance"]?.string ?? "")
        maxLossUSD = (block["max_loss_usd"] ?? block["max_loss"])?.amount
        let implied = (block["implied_volatility"] ?? block["volatility"])?.amount
        let given = implied ?? block["vix"]?.amount.map { $0 / 100 } ?? 0.2
        volatility = min(max(given > 3 ? given / 100 : given, 0.05), 3)
        candidates = block["candidates"]?.array ?? []
    }

    private static func usualStep(spot: Double) -> Double {
        switch spot {
        case ..<25: 0.5
        case ..<100: 1
        case ..<250: 2.5
        default: 5
        }
    }

    private static func trend(_ word: String) -> Trend {
        let word = word.lowercased()
        if word.contains("bull") || word.contains("up") { return .up }
        if word.contains("bear") || word.contains("down") { return .down }
        return .flat
    }

    private static func tolerance(_ word: String) -> Tolerance {
        switch word.lowercased() {
        case "low", "conservative": .low
        case "high", "aggressive": .high
        default: .medium
        }
    }
}

extension JSONValue {
    /// A number, or a string that is one: exact decimals often travel as text.
    var amount: Double? {
        let amount = number ?? string.flatMap { Double($0) }
        return amount.flatMap { $0.isFinite ? $0 : nil }
    }
}
