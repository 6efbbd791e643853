import Contract
import Foundation
import Options
import TestSupport
import Testing

/// Event payloads, read back by another implementation of JSON.
struct EncodingTests {
    private func object(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `a rejection says code, message and what else is known`() throws {
        let short = Rejection(.overloaded, "too much").payload
        #expect(text(short) == #"{"code":"overloaded","message":"too much"}"#)
        let long = Rejection(.rateLimited, "a \"b\"\n", field: "/x", retryAfterMs: 1_500).payload
        let read = try object(long)
        #expect(Set(read.keys) == ["code", "message", "field", "retry_after_ms"])
        #expect(read["message"] as? String == "a \"b\"\n")
        #expect(read["retry_after_ms"] as? Int == 1_500)
    }

    @Test func `a failure says code, message and attempts`() {
        #expect(
            text(Failure(.deadline, "late").payload(attempts: 2))
                == #"{"code":"deadline","message":"late","attempts":2}"#
        )
    }

    @Test func `the codes are those of the contract`() {
        #expect(
            RejectionCode.allCases.map(\.rawValue) == [
                "invalid_request", "payload_too_large", "unauthorized", "forbidden",
                "prompt_injection", "content_policy", "rate_limited", "budget_exceeded",
                "max_cost_too_low", "unsuitable", "tier_feature", "deadline_passed", "overloaded",
                "answer_expired",
            ]
        )
        #expect(
            FailureCode.allCases.map(\.rawValue) == [
                "attempts_exhausted", "poison", "internal", "upstream_error", "invalid_output",
                "deadline",
            ]
        )
        #expect(
            TerminalEvent.Kind.allCases.map(\.rawValue)
                == ["result", "rejected", "failed", "cancelled"]
        )
    }

    @Test func `a result has the contract's members and no others`() throws {
        let read = try object(result(.trade(strategy())).payload(requestID: id()))
        #expect(
            Set(read.keys) == [
                "request_id", "decision", "verdict", "source", "degraded", "model", "strategy",
                "alternatives", "requires_principal_review", "basis", "claimed",
                "portfolio_impact", "validation", "usage", "timing",
            ]
        )
        #expect(read["verdict"] as? String == "conditional")
        #expect(read["decision"] as? String == "trade")
        #expect(read["degraded"] is NSNull)
        let strategy = try #require(read["strategy"] as? [String: Any])
        #expect(
            Set(strategy.keys) == [
                "name", "outlook", "summary", "rationale", "legs", "net_premium_usd",
                "max_profit_usd", "max_loss_usd", "breakevens", "probability_of_profit",
                "expected_value_usd", "greeks", "margin_usd", "risks", "disclosures",
            ]
        )
        #expect(
            strategy["name"] as? String == "short_call" || strategy["name"] as? String == "custom"
        )
        #expect(strategy["max_loss_usd"] is NSNull)
        #expect(strategy["breakevens"] as? [Double] == [433.1])
        let greeks: Set<String> = [
            "delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point",
        ]
        #expect((strategy["greeks"] as? [String: Double]).map { Set($0.keys) } == greeks)
        let impact = try #require(read["portfolio_impact"] as? [String: Any])
        #expect(
            Set(impact.keys) == [
                "before", "after", "positions_counted", "shares", "encumbered_shares",
                "underlying_value_usd", "underlying_share_of_equity", "scenarios",
            ]
        )
        #expect((impact["after"] as? [String: Double])?["delta"] == 13)
        let validation = try #require(read["validation"] as? [String: Any])
        #expect(
            Set(validation.keys) == ["rule_pack", "score", "coverage", "findings", "positions"]
        )
        let basis = try #require(read["basis"] as? [String: Any])
        #expect(
            Set(basis.keys) == [
                "as_of", "volatility", "volatility_source", "rate", "dividend_yield", "prices",
            ]
        )
        let leg = try #require((strategy["legs"] as? [[String: Any]])?.first)
        #expect(
            Set(leg.keys) == [
                "action", "instrument", "strike", "expiry", "quantity", "multiplier", "price",
                "symbol",
            ]
        )
        let usage = try #require(read["usage"] as? [String: Any])
        #expect(
            Set(usage.keys) == [
                "prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd", "estimated",
            ]
        )
    }

    @Test func `no strategy is no trade, and null, and says why`() throws {
        let reason = NoTradePayload(rule: "R01", message: "too much", smallestChange: nil)
        let read = try object(result(.noTrade(reason)).payload(requestID: id()))
        #expect(read["decision"] as? String == "no_trade")
        #expect(read["strategy"] is NSNull)
        let why = try #require(read["no_trade"] as? [String: Any])
        #expect(why["rule"] as? String == "R01" && why["message"] as? String == "too much")
        #expect(why["smallest_change"] is NSNull)
    }

    @Test func `a block that nobody fills is absent`() throws {
        let reason = NoTradePayload(rule: nil, message: "nothing", smallestChange: nil)
        let bare = ResultPayload(
            verdict: .informationOnly,
            source: .ruleBased,
            degraded: .upstreamError,
            model: nil,
            outcome: .noTrade(reason),
            requiresPrincipalReview: false,
            basis: basis,
            claimed: nil,
            validation: nil,
            usage: nil,
            limits: nil,
            timing: .init(queuedMs: 0, modelMs: 0, totalMs: 0)
        )
        let read = try object(bare.payload(requestID: id()))
        #expect(
            Set(read.keys) == [
                "request_id", "decision", "verdict", "source", "degraded", "strategy", "no_trade",
                "requires_principal_review", "basis", "timing",
            ]
        )
        #expect(read["degraded"] as? String == "upstream_error")
    }

    @Test(arguments: [
        (0, "0"), (1, "0.000000001"), (18_350_000, "0.01835"), (15_820_000, "0.01582"),
        (1_000_000_000, "1"), (1_000_000_000_000_001, "1000000.000000001"),
        (Int64.max, "9223372036.854775807"),
    ])
    func `money is written as the exact decimal`(nanos: Int64, decimal: String) throws {
        let payload = text(try result(.trade(strategy()), cost: nanos).payload(requestID: id()))
        #expect(payload.contains("\"cost_usd\":\(decimal),"), "\(payload)")
    }

    @Test func `any text and any number make valid JSON`() throws {
        var dice = Dice(seed: 6)
        let numbers = [
            0, -0.0, .infinity, -.infinity, .nan, 1e308, .leastNonzeroMagnitude, 0.1, 450, 1e21,
        ]
        for _ in 0..<2_000 {
            let noise = String(
                decoding: (0..<dice.roll(60)).map { _ in UInt8(dice.roll(256)) },
                as: UTF8.self
            )
            let number = numbers[dice.roll(numbers.count)]
            let written = result(
                .trade(try strategy(text: noise, number: number)),
                claimed: .init(maxProfit: number, maxLoss: nil, breakevens: [number, 1])
            )
            let read = try object(written.payload(requestID: try id()))
            let strategy = try #require(read["strategy"] as? [String: Any])
            // Compared by scalars: a Swift string is equal to its other normal forms too.
            let rationale = try #require(strategy["rationale"] as? String)
            #expect(rationale.unicodeScalars.elementsEqual(noise.unicodeScalars))
        }
    }

    private func id() throws -> RequestID { try #require(RequestID("r-1")) }

    private func strategy(text: String = "why", number: Double = 3.1) throws -> StrategyPayload {
        StrategyPayload(
            outlook: "neutral",
            summary: text,
            rationale: text,
            legs: [
                LegPayload(
                    action: "sell",
                    instrument: "put",
                    strike: 430,
                    expiry: "2026-12-18",
                    quantity: 1,
                    multiplier: 100,
                    price: number,
                    symbol: "SPY   261218P00430000"
                )
            ],
            figures: try figures(),
            risks: [text],
            disclosures: [text]
        )
    }

    /// Of a call that nothing covers, so that one figure is unbounded.
    private func figures() throws -> StrategyFigures {
        let asOf = try #require(UTCInstant("2026-11-24T15:00:00Z"))
        let spot = try #require(MicroUSD(dollars: 450))
        let draft = DraftLeg(
            action: .sell,
            kind: .call,
            strike: 430,
            expiry: "2026-12-18",
            quantity: 1,
            price: 3.1
        )
        let check = StructuralCheck(today: NewYorkTime.date(at: asOf), spot: spot)
        guard case .sound(let legs) = check.check([draft]) else { throw CancellationError() }
        return StrategyFigures(
            Case(
                ticker: "SPY",
                market: Conditions(spot: 450),
                volatility: 0.2,
                asOf: asOf,
                legs: legs
            )
        )
    }

    /// What a book says of an option that has ended.
    private var expired: [PositionFinding] {
        Book(
            [Position(symbol: "SPY   240119C00400000", quantity: 1)],
            ticker: "SPY",
            market: Conditions(spot: 450),
            volatility: 0.2,
            asOf: UTCInstant(seconds: 1_795_532_400)
        ).findings
    }

    private var basis: ResultPayload.Basis {
        .init(
            asOf: "2026-11-23T15:00:00Z",
            volatility: 0.185,
            volatilitySource: "given",
            rate: 0.04,
            dividendYield: 0,
            prices: .estimate
        )
    }

    private func result(
        _ outcome: ResultPayload.Outcome,
        claimed: ResultPayload.Claimed? = .init(maxProfit: nil, maxLoss: 1, breakevens: []),
        cost: Int64 = 0
    ) -> ResultPayload {
        ResultPayload(
            verdict: .conditional,
            source: .model,
            degraded: nil,
            model: .init(name: "m", endpoint: "primary", attempts: 1),
            outcome: outcome,
            alternatives: [.init(name: "no_trade", whyNot: "one passes")],
            requiresPrincipalReview: false,
            basis: basis,
            claimed: claimed,
            portfolioImpact: PortfolioImpact(
                before: Greeks(delta: 10),
                after: Greeks(delta: 13),
                counted: 2,
                shares: 100,
                encumberedShares: 0,
                underlyingValueUSD: 45_000,
                underlyingShareOfEquity: 0.5,
                scenarios: [
                    .init(spot: 450, volatilityShift: 0, days: 0, beforeUSD: 0, afterUSD: -1)
                ]
            ),
            validation: ValidationPayload(
                rulePack: "2026-11",
                score: 0.95,
                coverage: "46 of 60 evaluated",
                findings: [.init(rule: "R04", severity: "repair", message: "said 1, is 2")],
                positions: expired
            ),
            usage: .init(
                promptTokens: 1,
                cachedTokens: 0,
                completionTokens: 2,
                cost: NanoUSD(cost),
                isEstimated: false
            ),
            limits: nil,
            timing: .init(queuedMs: 1, modelMs: 2, totalMs: 3)
        )
    }
}
