import Contract
import Foundation
import Options
import Pipeline
import Policy
import Synchronization
import TestSupport
import Testing

/// What may be passed on, and what is answered in its place.
struct FallbackTests {
    /// A call that nothing covers.
    private let naked = """
        {"decision":"trade","strategy_name":"short_call","outlook":"bearish","legs":[
        {"side":"sell","type":"call","strike":470,"expiration":"2026-12-18","ratio":1,
        "limit_premium_per_share":2}],"quantity":1,"rationale":"It decays.","risks":["Rallies."],
        "claimed":{"max_profit_usd":200,"max_loss_usd":null,"breakevens":[472]}}
        """
    private func bench(_ tier: Tier, _ proposal: String = soundChoice) -> Bench {
        Bench(streams: FakeStreams(tier: tier), model: FakeModel(proposing: proposal))
    }

    private func strategy(_ answer: [String: Any]) throws -> [String: Any] {
        try #require(answer["strategy"] as? [String: Any], "\(answer)")
    }

    @Test(arguments: ["low", "medium", "high"], [1, 2, 3])
    func `an unbounded strategy is not passed on below level 4`(
        tolerance: String,
        level: Int
    )
        async throws
    {
        let payload =
            customPayload
            .replacing("\"low\"", with: "\"\(tolerance)\"")
            .replacing("\"equity_usd\"", with: "\"approval_level\":\(level),\"equity_usd\"")
        let answer = try await bench(.enterprise, naked).answer(payload)
        #expect(answer["source"] as? String == "rule_based")
        #expect(answer["degraded"] as? String == "invalid_output")
        if let strategy = answer["strategy"] as? [String: Any] {
            #expect(strategy["max_loss_usd"] is Double)
            #expect(strategy["name"] as? String != "short_call")
        } else {
            #expect((answer["no_trade"] as? [String: Any])?["rule"] is String)
        }
    }

    @Test(arguments: [(Tier.free, false), (.basic, true), (.premium, true), (.enterprise, true)])
    func `four legs are for tier basic and above`(tier: Tier, areOffered: Bool) async throws {
        let bench = bench(tier)
        let payload = soundPayload.replacing("bullish", with: "neutral")
        let answer = try await bench.answer(payload)
        let offered = bench.model.asked.first?.question.candidates ?? []
        #expect(offered.contains { $0.legs.count == 4 } == areOffered)
        let limits = try #require(answer["limits"] as? [String: Any])
        #expect(limits["tier"] as? String == tier.rawValue)
    }

    @Test func `a restricted symbol is unsuitable, before the books and the model`() async throws {
        var bench = bench(.enterprise)
        bench.restricted = RestrictedList(symbols: ["SPY"])
        let answer = try await bench.answer()
        #expect(answer["code"] as? String == "unsuitable")
        #expect(answer["field"] as? String == "/market_context/symbol")
        #expect(bench.model.asked.isEmpty)
        #expect(bench.streams.state.withLock { $0.bids.isEmpty })
        #expect(bench.watch.notes.contains("restricted"))
    }

    @Test func `a restricted strategy is not passed on, and not offered in its place`() async throws
    {
        var bench = bench(.enterprise, soundProposal)
        bench.restricted = RestrictedList(strategies: [.bullPutSpread, .bullCallSpread])
        let answer = try await bench.answer(customPayload)
        #expect(answer["degraded"] as? String == "not_permitted")
        let name = (answer["strategy"] as? [String: Any])?["name"] as? String
        #expect(name != "bull_put_spread" && name != "bull_call_spread")
    }

    @Test func `without the disclosure document nothing is offered, and no model is paid`()
        async throws
    {
        let payload = soundPayload.replacing(
            "\"equity_usd\"",
            with: "\"odd_delivered\":false,\"equity_usd\""
        )
        let bench = bench(.enterprise)
        let answer = try await bench.answer(payload)
        #expect((answer["no_trade"] as? [String: Any])?["rule"] as? String == "C04")
        #expect(answer["source"] as? String == "rule_based")
        #expect(answer["degraded"] is NSNull)
        #expect(bench.model.asked.isEmpty)
        #expect(bench.fleet.state.withLock { $0.reserved.isEmpty })
        #expect(bench.commits.first?.account?.cost == .zero)
    }

    @Test func `custom mode is Enterprise's, and costs others neither a place nor a turn`()
        async throws
    {
        for tier in Tier.allCases {
            let bench = bench(tier, soundProposal)
            let answer = try await bench.answer(customPayload)
            if tier == .enterprise {
                #expect(answer["source"] as? String == "model")
                continue
            }
            #expect(answer["code"] as? String == "tier_feature")
            #expect(answer["field"] as? String == "/mode")
            #expect(bench.model.asked.isEmpty)
            #expect(bench.commits.first?.account?.keepsPlace == false)
            #expect(bench.fleet.state.withLock { $0.reserved.isEmpty })
        }
    }

    @Test(arguments: [
        (Turn.pace(ms: nil), "global_pace"), (.pace(ms: 3_600_000), "global_pace"),
        (.refused(left: .zero, retryAfterMs: nil), "global_budget"),
        (.wait(ms: 3_600_000), "global_budget"),
    ])
    func `where the fleet has no turn in time, it is answered by rule and costs nothing`(
        turn: Turn,
        reason: String
    ) async throws {
        let bench = Bench(fleet: FakeFleet(turns: [turn]))
        let answer = try await bench.answer()
        #expect(answer["source"] as? String == "rule_based")
        #expect(answer["degraded"] as? String == reason)
        let usage = try #require(answer["usage"] as? [String: Any])
        #expect(usage["cost_usd"] as? Double == 0)
        #expect(bench.model.asked.isEmpty)
        let account = try #require(bench.commits.first?.account)
        #expect(account.cost == .zero && account.keepsPlace)
        #expect(bench.fleet.state.withLock { $0.settled.map(\.cost) } == [.zero])
    }

    @Test func `a document that was not delivered leaves nothing to offer`() async throws {
        let payload = soundPayload.replacing(
            "\"equity_usd\"",
            with: "\"odd_delivered\":false,\"equity_usd\""
        )
        let answer = try await bench(.enterprise).answer(payload)
        #expect(answer["decision"] as? String == "no_trade")
        #expect(answer["verdict"] as? String == "information_only")
        #expect((answer["no_trade"] as? [String: Any])?["rule"] as? String == "C04")
        #expect(answer["strategy"] is NSNull && answer["alternatives"] == nil)
    }

    @Test func `where nothing fits, the rule is named and the figure that would help`() async throws
    {
        let payload = soundPayload.replacing("\"max_loss\":1000", with: "\"max_loss\":1")
        let bench = bench(.enterprise)
        let answer = try await bench.answer(payload)
        #expect(answer["decision"] as? String == "no_trade")
        #expect(answer["degraded"] as? String == "nothing_to_choose")
        #expect(bench.model.asked.isEmpty && bench.commits.first?.account?.cost == .zero)
        let why = try #require(answer["no_trade"] as? [String: Any])
        #expect(why["rule"] as? String == "R01")
        let change = try #require(why["smallest_change"] as? [String: Any])
        #expect(change["field"] as? String == "/risk_preferences/max_loss")
        #expect(change["from"] as? String == "$1.00")
        #expect((change["to"] as? String)?.hasPrefix("at least $") == true)
    }

    @Test func `a trade that is too large is made smaller, and says so`() async throws {
        let payload = customPayload.replacing("\"max_loss\":1000", with: "\"max_loss\":500")
        let answer = try await bench(.enterprise, soundProposal).answer(payload)
        #expect(answer["source"] as? String == "model")
        let strategy = try strategy(answer)
        #expect(strategy["max_loss_usd"] as? Double == 380)
        let legs = strategy["legs"] as? [[String: Any]]
        #expect(legs?.compactMap { $0["quantity"] as? Int } == [1, 1])
        let validation = try #require(answer["validation"] as? [String: Any])
        let findings = validation["findings"] as? [[String: Any]] ?? []
        #expect(findings.contains { $0["message"] as? String == "quantity 2 is now 1" })
    }

    @Test func `sentences with numbers that nobody computed are dropped, promises too`()
        async throws
    {
        let proposal = soundChoice.replacing(
            "because",
            with: "The trend is up. Support lies at 441.37. This is guaranteed to work."
        )
        let strategy = try strategy(try await bench(.free, proposal).answer())
        #expect(strategy["rationale"] as? String == "The trend is up.")
    }

    @Test func `quotes of a chain are the prices, and the basis says so`() async throws {
        let payload = customPayload.replacing(
            "\"trend\"",
            with: """
                "option_chain":[{"symbol":"SPY   261218P00430000","bid":2.9,"ask":3.0},
                {"symbol":"SPY   261218P00425000","bid":2.0,"ask":2.1}],"trend"
                """
        )
        let answer = try await bench(.enterprise, soundProposal).answer(payload)
        #expect((answer["basis"] as? [String: Any])?["prices"] as? String == "chain")
        let strategy = try strategy(answer)
        let legs = strategy["legs"] as? [[String: Any]]
        #expect(legs?.compactMap { $0["price"] as? Double } == [2.95, 2.05])
        #expect(strategy["net_premium_usd"] as? Double == 180)
    }

    @Test func `without tolerance it is information, not a recommendation`() async throws {
        let payload = soundPayload.replacing("\"risk_tolerance\":\"low\",", with: "")
        let answer = try await bench(.free).answer(payload)
        #expect(answer["verdict"] as? String == "information_only")
    }

    @Test(arguments: [Rule.Operator.brokerDealer, .selfDirected])
    func `a broker's communications go past its principal`(status: Rule.Operator) async throws {
        var bench = bench(.free)
        bench.proposing = Proposing.Rules(status: status)
        let answer = try await bench.answer()
        #expect(answer["requires_principal_review"] as? Bool == (status == .brokerDealer))
    }

    @Test func `full detail tells what else was looked at`() async throws {
        let payload = soundPayload.replacing(
            "{\"user_id\"",
            with: "{\"detail\":\"full\",\"user_id\""
        )
        let answer = try await bench(.basic).answer(payload)
        let alternatives = try #require(answer["alternatives"] as? [[String: Any]])
        #expect(alternatives.count >= 2)
        #expect(alternatives.last?["name"] as? String == "no_trade")
    }

    @Test func `whatever is asked, the answer is sound, and by rule it has a largest loss`()
        async throws
    {
        var dice = Dice(seed: 31)
        func pick(_ values: String...) -> String { values[dice.roll(values.count)] }
        for _ in 0..<600 {
            let trend = pick("bullish", "neutral", "bearish")
            let symbol = pick("SPY", "ZZZ", "SPX", "BRK.B")
            let spot = pick("0.000001", "0.4", "7", "450", "6021.5", "9999999")
            let vix = pick("0", "12", "18.5", "29", "80", "1000")
            let tolerance = pick("low", "medium", "high")
            let maxLoss = pick("0", "1", "400", "1e12")
            let iv = pick("null", "null", "0.001", "0.3", "20")
            let rate = pick("null", "-1", "0.05", "1")
            let shares = pick("-3", "0", "0.5", "100", "1e9")
            let asOf = pick("null", "null", "\"2026-11-23T15:00:00Z\"", "\"2031-12-30T15:00:00Z\"")
            let payload = """
                {"user_id":"u","user_intent":"x","market_context":{"symbol":"\(symbol)",
                "current_price":\(spot),"vix":\(vix),"trend":"\(trend)","iv":\(iv),"rate":\(rate),
                "as_of":\(asOf)},"risk_preferences":{"risk_tolerance":"\(tolerance)",
                "max_loss":\(maxLoss)},"portfolio_context":{"positions":[{"symbol":"\(symbol)",
                "quantity":\(shares)}]}}
                """
            let tier = Tier.allCases[dice.roll(4)]
            let model =
                dice.roll(2) == 0
                ? FakeModel(failing: .brokenOff)
                : FakeModel(
                    proposing: soundChoice.replacing("1,", with: "\(dice.roll(14)),")
                        .replacing(
                            "[]",
                            with: "[{\"what\":\"\(pick("strikes", "expiry", "width"))\","
                                + "\"value\":\(dice.roll(3) - 1)}]"
                        )
                )
            let bench = Bench(streams: FakeStreams(tier: tier), model: model)
            let answer = try await bench.answer(payload)
            #expect(bench.commits.first?.kind == .result, "\(payload): \(answer)")
            guard answer["source"] as? String == "rule_based" else { continue }
            if let strategy = answer["strategy"] as? [String: Any] {
                #expect(strategy["max_loss_usd"] is Double, "\(payload)")
            } else {
                #expect((answer["no_trade"] as? [String: Any])?["rule"] is String, "\(payload)")
            }
        }
    }
}
