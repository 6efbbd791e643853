import Contract
import Foundation
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
        let read = try object(result(strategy: strategy()).payload(requestID: id()))
        #expect(
            Set(read.keys) == [
                "request_id", "decision", "source", "degraded", "model", "strategy", "basis",
                "claimed", "usage", "timing",
            ]
        )
        #expect(read["decision"] as? String == "trade")
        #expect(read["degraded"] is NSNull)
        let strategy = try #require(read["strategy"] as? [String: Any])
        #expect(
            Set(strategy.keys) == [
                "name", "outlook", "rationale", "legs", "net_premium_usd", "max_profit_usd",
                "max_loss_usd", "breakevens", "risks",
            ]
        )
        #expect(strategy["max_loss_usd"] is NSNull)
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

    @Test func `no strategy is no trade, and null`() throws {
        let read = try object(result(strategy: nil).payload(requestID: id()))
        #expect(read["decision"] as? String == "no_trade")
        #expect(read["strategy"] is NSNull)
    }

    @Test(arguments: [
        (0, "0"), (1, "0.000000001"), (18_350_000, "0.01835"), (15_820_000, "0.01582"),
        (1_000_000_000, "1"), (1_000_000_000_000_001, "1000000.000000001"),
        (Int64.max, "9223372036.854775807"),
    ])
    func `money is written as the exact decimal`(nanos: Int64, decimal: String) throws {
        let payload = text(try result(cost: nanos).payload(requestID: id()))
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
                strategy: strategy(text: noise, number: number),
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

    private func strategy(text: String = "why", number: Double = 120) -> StrategyPayload {
        StrategyPayload(
            name: "iron_condor",
            outlook: "neutral",
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
            netPremium: number,
            maxProfit: number,
            maxLoss: nil,
            breakevens: [428.8, number],
            risks: [text]
        )
    }

    private func result(
        strategy: StrategyPayload? = nil,
        claimed: ResultPayload.Claimed? = .init(maxProfit: nil, maxLoss: 1, breakevens: []),
        cost: Int64 = 0
    ) -> ResultPayload {
        ResultPayload(
            source: .model,
            model: .init(name: "m", endpoint: "primary", attempts: 1),
            strategy: strategy,
            claimed: claimed,
            basis: .init(asOf: "2026-11-23T15:00:00Z", prices: "estimate"),
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
