// What the model has to say, under every name that a schema may give it. `SchemaFiller` takes what
// the caller's schema asks for and leaves the rest.

extension Proposal {
    package func hints(_ facts: Facts) -> JSONValue {
        let expiration = JSONValue.string(expiry.text)
        return [
            "decision": "trade", "strategy": .string(name), "strategy_name": .string(name),
            "strategy_type": .string(name), "name": .string(name), "symbol": .string(facts.symbol),
            "outlook": .string(outlook), "bias": .string(outlook), "volatility_view": "unchanged",
            "candidate_id": nil, "legs": .array(legs.map { $0.hints(expiration) }),
            "expiration": expiration, "expiry": expiration, "quantity": .integer(quantity),
            "contracts": .integer(quantity), "time_horizon_days": .integer(daysToExpiry),
            "confidence": 0.6, "rationale": rationale(facts), "reasoning": rationale(facts),
            "explanation": rationale(facts), "summary": rationale(facts), "risks": risks(facts),
            "risk_factors": risks(facts), "alternatives": [],
            "exit_plan": [
                "profit_take_pct": 50, "stop_loss_pct": 100, "days_before_expiry": 7,
            ],
            "assumptions": [
                "Premiums are model estimates; quote again before use.",
                "Options are held to expiration or closed by the exit plan.",
            ],
            "claimed": claims, "claims": claims, "needs": [], "warnings": [],
            "fact_ids": [], "adjustments": nil,
        ]
    }

    private var claims: JSONValue {
        [
            "max_profit_usd": .number(maxProfitUSD), "max_profit": .number(maxProfitUSD),
            "max_loss_usd": .number(maxLossUSD), "max_loss": .number(maxLossUSD),
            "loss_is_bounded": true, "breakevens": .array(breakevens.map(JSONValue.number)),
            "net_credit_per_share": .number(credit), "credit": .number(credit),
        ]
    }

    private func rationale(_ facts: Facts) -> JSONValue {
        let view =
            switch facts.trend {
            case .up: "The trend is up, so puts are sold below the price of"
            case .flat: "There is no trend, so both sides are sold around the price of"
            case .down: "The trend is down, so calls are sold above the price of"
            }
        return [
            .string("\(view) \(facts.symbol) and further options are bought against them."),
            .string("Time decay works for the seller over \(daysToExpiry) days."),
        ]
    }

    private func risks(_ facts: Facts) -> JSONValue {
        [
            .string("A move of \(facts.symbol) past the sold strike loses up to the full width."),
            "Short options may be assigned early.",
        ]
    }

    /// What the model says when it proposes nothing.
    package static func noTradeHints(_ facts: Facts?) -> JSONValue {
        let reason: JSONValue =
            facts?.spot == nil
            ? "No price is given, so no strategy can be sized."
            : "No spread on the grid keeps the loss within the limit."
        return [
            "decision": "no_trade", "candidate_id": nil, "choice": 0, "ranking": [],
            "reasons": ["none_fits"], "adjust": [], "why_not": [], "legs": [], "quantity": 0,
            "outlook": "neutral", "volatility_view": "unchanged", "time_horizon_days": 0,
            "rationale": [reason], "reasoning": [reason], "explanation": [reason],
            "risks": ["Doing nothing misses the premium."], "alternatives": [],
            "exit_plan": [
                "profit_take_pct": nil, "stop_loss_pct": nil, "days_before_expiry": nil,
            ],
            "assumptions": [],
            "claimed": [
                "max_profit_usd": nil, "max_loss_usd": nil, "loss_is_bounded": true,
                "breakevens": [],
            ],
            "needs": ["A higher loss limit or narrower strikes."], "fact_ids": [],
        ]
    }
}

extension Proposal.Leg {
    fileprivate func hints(_ expiration: JSONValue) -> JSONValue {
        let side: JSONValue = isSale ? "sell" : "buy"
        let type: JSONValue = isCall ? "call" : "put"
        return [
            "side": side, "action": side, "type": type, "option_type": type, "right": type,
            "strike": .number(strike), "strike_price": .number(strike), "expiration": expiration,
            "expiry": expiration, "expiration_date": expiration, "ratio": 1, "quantity": 1,
            "limit_premium_per_share": .number(premium), "premium_per_share": .number(premium),
            "premium": .number(premium), "limit_price": .number(premium),
            "price": .number(premium), "position_effect": "open",
        ]
    }
}

/// A choice from the caller's menu.
package struct MenuChoice: Sendable {
    package let chosen: JSONValue
    /// All ids, the chosen one first.
    package let ranking: [JSONValue]
    private let legs: JSONValue?

    /// Nil when no candidate has an id. The one that suits the wish is liked best, or what the dice
    /// say where the candidates tell nothing of themselves; the rest keep the caller's order.
    package init?(_ facts: Facts, dice: inout Dice) {
        let withID = facts.candidates.compactMap { candidate -> Line? in
            let id = candidate["id"] ?? candidate["candidate_id"]
            guard let id, !id.isNull else { return nil }
            return Line(id: id, legs: candidate["legs"], score: Self.score(candidate, facts))
        }
        guard !withID.isEmpty else { return nil }
        let scores = withID.compactMap(\.score)
        let best =
            scores.max().flatMap { most in withID.firstIndex { $0.score == most } }
            ?? Int.random(in: withID.indices, using: &dice)
        chosen = withID[best].id
        legs = withID[best].legs
        ranking = [chosen] + withID.map(\.id).enumerated().filter { $0.offset != best }.map(\.1)
    }

    /// A ranking is of the best, not of the whole menu.
    private static let othersMax = 3

    private struct Line {
        let id: JSONValue
        let legs: JSONValue?
        let score: Double?
    }

    /// How well a candidate suits: who wants income likes credits that are often kept, who is bold
    /// likes what can earn much for its risk, and who says nothing likes what stands first.
    private static func score(_ candidate: JSONValue, _ facts: Facts) -> Double? {
        guard let chance = candidate["chance_of_profit"]?.amount else { return nil }
        let isCredit = (candidate["net_premium"]?.amount ?? 0) > 0
        if facts.wish.contains("income") || facts.wish.contains("conservative") {
            return chance + (isCredit ? 1 : 0)
        }
        guard facts.tolerance == .high, let risk = candidate["max_loss"]?.amount, risk > 0 else {
            return 0
        }
        return (candidate["max_profit"]?.amount).map { $0 / risk } ?? 10
    }

    package var hints: [JSONValue.Member] {
        let others = ranking.dropFirst().prefix(Self.othersMax)
        let ids: JSONValue = .array([chosen] + others)
        let why: JSONValue = "It fits the view and keeps the loss within the limit."
        let declined = others.map { id -> JSONValue in
            [
                "candidate_id": id, "id": id, "why_not": "It pays less for the same risk.",
                "text": "It pays less for the same risk.",
            ]
        }
        return [
            .init("decision", "trade"), .init("choice", chosen), .init("choice_id", chosen),
            .init("candidate_id", chosen), .init("candidate", chosen), .init("selected", chosen),
            .init("selected_id", chosen), .init("pick", chosen), .init("id", chosen),
            .init("ranking", ids), .init("ranked", ids), .init("order", ids),
            .init("alternatives", .array(declined)), .init("why_not", .array(declined)),
            .init("reasons", ["fits_view", "limited_loss"]), .init("adjust", []),
            .init("legs", legs ?? []),
            .init("rationale", [why]), .init("reasoning", [why]), .init("reason", [why]),
        ]
    }
}
