internal import Contract
internal import JSON
internal import Options

/// A choice from the menu as the model wrote it: its form is right, and nothing in it is believed yet.
struct MenuAnswer {
    /// A place on the menu, counted from 1; 0 is none.
    let choice: Int
    /// The next best, in order, as far as they are on the menu.
    let ranking: [Int]
    let reasons: [Reason]
    let adjustment: Adjustment
    let rationale: String
    let risks: [String]
    let whyNot: [Int: String]

    /// What decided, by code.
    enum Reason: String, CaseIterable {
        case fitsView = "fits_view"
        case fitsRisk = "fits_risk"
        case limitedLoss = "limited_loss"
        case highProbability = "high_probability"
        case goodPayoff = "good_payoff"
        case timeDecay = "time_decay"
        case cheapVolatility = "cheap_volatility"
        case dearVolatility = "dear_volatility"
        case lowCost = "low_cost"
        case hedgesShares = "hedges_shares"
        case income
        case noneFits = "none_fits"
        case notARequest = "not_a_request"
    }

    enum Limits {
        static let reasonsMax = 3
        static let rankingMax = 3
        static let risksMax = 3
        /// Characters of one reason why not.
        static let whyNotMax = 120
    }

    /// Only the choice is needed: what else is missing, because the answer was cut short, is as if
    /// the model had said nothing of it.
    init(_ document: JSONValue, count: Int) throws(JSONError) {
        let body = try document.object()
        choice = Int(try body.required("choice").int64(in: 0...Int64(count)))
        var reasons: [Reason] = []
        for value in Self.items(body, "reasons").prefix(Limits.reasonsMax) {
            if let word = try? value.string(), let reason = Reason(rawValue: word) {
                reasons.append(reason)
            }
        }
        self.reasons = reasons
        if choice != 0, reasons.contains(.noneFits) || reasons.contains(.notARequest) {
            throw try body.required("reasons").error(.notAllowed, "expected reasons for the choice")
        }
        var ranking: [Int] = []
        for value in Self.items(body, "ranking") where ranking.count < Limits.rankingMax {
            guard let id = try? value.int64(in: 1...Int64(max(count, 1))) else { continue }
            if Int(id) != choice, !ranking.contains(Int(id)) { ranking.append(Int(id)) }
        }
        self.ranking = ranking
        adjustment = Self.adjustment(body)
        rationale = Self.text(body, "rationale", Proposal.Limits.proseCharactersMax)
        risks = Self.items(body, "risks").prefix(Limits.risksMax)
            .compactMap { try? $0.string() }
            .map { Proposal.prose($0) }
        var whyNot: [Int: String] = [:]
        for value in Self.items(body, "why_not").prefix(Limits.rankingMax) {
            guard let item = try? value.object(),
                let id = try? item.required("id").int64(in: 1...Int64(max(count, 1)))
            else { continue }
            let text = Self.text(item, "text", Limits.whyNotMax)
            if ProseScreen.isHarmless(text) { whyNot[Int(id)] = text }
        }
        self.whyNot = whyNot
    }

    private static func items(_ body: JSONObject, _ name: StaticString) -> [JSONValue] {
        guard let array = try? body.optional(name)?.array() else { return [] }
        return array.prefix(Proposal.Limits.legsMax).map { $0 }
    }

    private static func text(_ body: JSONObject, _ name: StaticString, _ most: Int) -> String {
        guard let text = try? body.optional(name)?.string() else { return "" }
        return String(Proposal.prose(text).prefix(most))
    }

    /// What lies outside the limits is no adjustment: the candidate stands as it was offered.
    private static func adjustment(_ body: JSONObject) -> Adjustment {
        var all = Adjustment()
        for value in items(body, "adjust") {
            guard let item = try? value.object(), let what = try? item.required("what").string(),
                let steps = try? item.required("value").int64(in: -100...100)
            else { continue }
            let amount = Int(steps)
            switch what {
            case "strikes" where Adjustment.Limits.steps.contains(amount): all.strikeSteps = amount
            case "width" where Adjustment.Limits.steps.contains(amount): all.widthSteps = amount
            case "expiry" where Adjustment.Limits.expirySteps.contains(amount):
                all.expirySteps = amount
            case "quantity" where Adjustment.Limits.quantity.contains(amount):
                all.quantity = amount
            default: continue
            }
        }
        return all
    }
}

extension ProseScreen {
    /// Whether a sentence may stand by itself, away from the figures: it promises and predicts
    /// nothing, and names no number.
    fileprivate static func isHarmless(_ sentence: String) -> Bool {
        !sentence.isEmpty && !sentence.contains { $0.isNumber } && objection(to: sentence) == nil
    }
}
