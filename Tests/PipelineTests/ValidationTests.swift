import Contract
import Foundation
import Pipeline
import Policy
import TestSupport
import Testing

struct ValidationTests {
    @Test func `every figure is computed from the legs, and claims stand beside them`() async throws
    {
        let payload = try await judged(soundProposal)
        let strategy = try #require(payload["strategy"] as? [String: Any])
        #expect(payload["decision"] as? String == "trade")
        #expect(strategy["net_premium_usd"] as? Double == 240)
        #expect(strategy["max_profit_usd"] as? Double == 240)
        #expect(strategy["max_loss_usd"] as? Double == 760)
        #expect(strategy["breakevens"] as? [Double] == [428.8])
        let claimed = try #require(payload["claimed"] as? [String: Any])
        #expect(claimed["max_profit_usd"] as? Double == 9_999)
        #expect(claimed["breakevens"] as? [Double] == [1, 2])
        let leg = try #require((strategy["legs"] as? [[String: Any]])?.first)
        #expect(leg["quantity"] as? Int == 2 && leg["multiplier"] as? Int == 100)
        #expect(leg["symbol"] as? String == "SPY   261218P00430000")
        #expect(leg["action"] as? String == "sell" && leg["instrument"] as? String == "put")
        let usage = try #require(payload["usage"] as? [String: Any])
        #expect(usage["cost_usd"] as? Double == 0.01582)
        #expect(usage["estimated"] as? Bool == false)
        #expect((payload["model"] as? [String: Any])?["name"] as? String == "fake-1")
    }

    @Test func `a stock leg is a share each, without strike, expiry and symbol`() async throws {
        let covered = """
            {"decision":"trade","strategy_name":"covered_call","outlook":"neutral","legs":[
            {"side":"buy","type":"stock","strike":null,"expiration":null,"ratio":100,
            "limit_premium_per_share":null},
            {"side":"sell","type":"call","strike":460,"expiration":"2026-12-18","ratio":1,
            "limit_premium_per_share":5}],"quantity":1,"rationale":"","risks":[],
            "claimed":{"max_profit_usd":null,"max_loss_usd":null,"breakevens":[]}}
            """
        let payload = customPayload.replacing("\"max_loss\":1000", with: "\"max_loss\":50000")
        let answer = try await Bench.custom(FakeModel(proposing: covered)).answer(payload)
        #expect(answer["source"] as? String == "model")
        let strategy = try #require(answer["strategy"] as? [String: Any])
        #expect(strategy["name"] as? String == "covered_call")
        #expect(strategy["max_profit_usd"] as? Double == 1_500)
        #expect(strategy["max_loss_usd"] as? Double == 44_500)
        #expect(strategy["net_premium_usd"] as? Double == 500)
        let stock = try #require((strategy["legs"] as? [[String: Any]])?.first)
        #expect(stock["multiplier"] as? Int == 1 && stock["price"] as? Double == 450)
        for absent in ["strike", "expiry", "symbol"] { #expect(stock[absent] is NSNull) }
    }

    @Test func `no trade is a result without a strategy`() async throws {
        let payload = try await judged(
            soundProposal.replacing("\"trade\"", with: "\"no_trade\"")
        )
        #expect(payload["decision"] as? String == "no_trade")
        #expect(payload["strategy"] is NSNull && payload["source"] as? String == "model")
        let why = try #require(payload["no_trade"] as? [String: Any])
        #expect(why["rule"] is NSNull && why["smallest_change"] is NSNull)
        #expect(why["message"] as? String == "The model found nothing that suits.")
    }

    @Test(arguments: ["iron_condor", "Buy NOW!", "", "bull_put_spread"])
    func `the name is what the legs are, whatever the model calls them`(name: String) async throws {
        let changed = soundProposal.replacing("\"bull_put_spread\"", with: "\"\(name)\"")
        let payload = try await judged(changed)
        let strategy = try #require(payload["strategy"] as? [String: Any])
        #expect(strategy["name"] as? String == "bull_put_spread")
        #expect(findings(payload).contains("S13") == (name != "bull_put_spread"))
    }

    @Test func `prose is cut and cleaned, never refused`() async throws {
        let long = "risk\\u0000\\u001b[m\\u0085" + String(repeating: "\u{1F600}", count: 3_000)
        let changed = soundProposal.replacing("because", with: long)
        let strategy = try #require(try await judged(changed)["strategy"] as? [String: Any])
        let rationale = try #require(strategy["rationale"] as? String)
        #expect(rationale.unicodeScalars.count == 1_000)
        #expect(rationale.hasPrefix("risk  [m \u{1F600}"))
        let many = (0..<50).map { "\"risk r\($0)\"" }.joined(separator: ",")
        let risky = soundProposal.replacing("\"loss\"", with: many)
        let risks = (try await judged(risky)["strategy"] as? [String: Any])?["risks"] as? [String]
        // Eight of them, and what the figures say of the loss.
        #expect(risks?.count { $0.hasPrefix("risk r") } == 8)
    }

    /// Each replaces a piece of a sound proposal.
    @Test(arguments: [
        ("\"trade\"", "\"hold\""), ("\"trade\"", "\"refuse\""),
        ("\"trade\"", "null"), ("\"decision\":\"trade\",", ""), ("\"legs\"", "\"feet\""),
        ("\"sell\"", "\"short\""), ("\"put\"", "\"straddle\""), ("430", "\"430\""), ("430", "-430"),
        ("430", "null"), ("430", "0"), ("430", "1e308"), ("2026-12-18", "2026-12-19"),
        ("2026-12-18", "2026-11-24"), ("2026-12-18", "2020-12-18"), ("2026-12-18", "soon"),
        ("\"2026-12-18\"", "null"), ("\"ratio\":1", "\"ratio\":0"), ("\"ratio\":1", "\"ratio\":-1"),
        ("\"ratio\":1", "\"ratio\":1.5"), ("\"ratio\":1", "\"ratio\":9223372036854775807"),
        ("\"quantity\":2", "\"quantity\":0"), ("\"quantity\":2", "\"quantity\":-2"),
        ("\"quantity\":2", "\"quantity\":1000001"), ("\"quantity\":2", "\"quantity\":\"2\""),
        ("3.10", "-3.10"), ("3.10", "null"), ("3.10", "1e300"), ("\"because\"", "7"),
        ("[\"loss\"]", "\"loss\""), ("[\"loss\"]", "[1]"), ("[1,2]", "null"), ("[1,2]", "[\"1\"]"),
        ("9999", "\"much\""), ("425", "430"),
        ("\"buy\",\"type\":\"put\"", "\"buy\",\"type\":\"stock\""),
        ("\"because\"", "\"because\",\"rationale\":\"twice\""),
    ])
    func `a proposal that is malformed is answered by rule`(
        piece: String,
        other: String
    )
        async throws
    {
        let changed = soundProposal.replacing(piece, with: other)
        try #require(changed != soundProposal)
        let bench = Bench.custom(FakeModel(proposing: changed))
        try await expectFallback(bench, because: "invalid_output")
    }

    @Test(arguments: [
        ("{\"decision\"", "```json\n{\"decision\""), ("{\"decision\"", "Here it is: {\"decision\""),
        ("{\"decision\"", "[{\"decision\""), ("}}", "}}}"), ("}}", "}} I hope it helps."),
        ("}}", "}"), ("[1,2]}}", "[1,2"),
    ])
    func `what stands around an answer, and an end that is missing, is mended without a call`(
        piece: String,
        other: String
    ) async throws {
        let changed = soundProposal.replacing(piece, with: other)
        try #require(changed != soundProposal)
        let bench = Bench.custom(FakeModel(proposing: changed))
        let payload = try await bench.answer(customPayload)
        #expect(payload["source"] as? String == "model", "\(payload)")
        #expect(bench.model.asked.count == 1)
    }

    @Test(arguments: [
        "", "I cannot help with that.", "```json\n{}\n```", "null", "{}", "[]",
        String(repeating: "[", count: 100_000), String(repeating: " ", count: 300_000),
    ])
    func `an answer that is no proposal at all is answered by rule`(text: String) async throws {
        try await expectFallback(
            Bench.custom(FakeModel(proposing: text)),
            because: "invalid_output"
        )
    }

    @Test(arguments: [0, 5, 17])
    func `too few legs and too many are answered by rule`(count: Int) async throws {
        let legs = (0..<count).map { index in
            """
            {"side":"buy","type":"call","strike":\(450 + 5 * index),"expiration":"2026-12-18",
            "ratio":1,"limit_premium_per_share":1}
            """
        }.joined(separator: ",")
        let proposal = """
            {"decision":"trade","strategy_name":"x","outlook":"neutral","legs":[\(legs)],
            "quantity":1,"rationale":"","risks":[],
            "claimed":{"max_profit_usd":null,"max_loss_usd":null,"breakevens":[]}}
            """
        let bench = Bench.custom(FakeModel(proposing: proposal))
        try await expectFallback(bench, because: "invalid_output")
    }

    @Test(arguments: [
        (CallFault.deadline, "deadline"), (.brokenOff, "upstream_error"),
        (.unintelligible, "invalid_output"), (.keyRefused, "upstream_error"),
    ])
    func `a model that fails is answered by rule, and the reason is named`(
        failure: CallFault,
        reason: String
    ) async throws {
        try await expectFallback(Bench.custom(FakeModel(failing: failure)), because: reason)
    }

    @Test func `usage that the provider left out is told to be estimated`() async throws {
        let model = FakeModel { _ in
            .answer(
                .init(
                    proposal: Array(soundProposal.utf8),
                    modelName: "m",
                    spend: .unknown
                )
            )
        }
        let bench = Bench.custom(model)
        _ = try await bench.answer(customPayload)
        let usage = try #require(try members(bench.commits.first)["usage"] as? [String: Any])
        #expect(usage["estimated"] as? Bool == true)
        #expect(usage["cost_usd"] as? Double == 0.16)
    }

    @Test func `a proposal with any bytes changed is judged, and never traps`() async throws {
        var dice = Dice(seed: 9)
        let whole = Array(soundProposal.utf8)
        let digits = Array("0123456789eE.-+".utf8)
        for round in 0..<1_000 {
            var bytes = whole
            for _ in 0...dice.roll(4) {
                let place = dice.roll(bytes.count)
                bytes[place] =
                    round.isMultiple(of: 2) ? digits[dice.roll(15)] : UInt8(dice.roll(256))
            }
            let bench = Bench.custom(
                FakeModel { [bytes] _ in
                    .answer(.init(proposal: bytes, modelName: "m", spend: .unknown))
                }
            )
            _ = try await bench.answer(customPayload)
            #expect(bench.commits.count == 1)
        }
    }

    /// A strategy of the service's own, with figures, words and the rules that it passed.
    private func expectFallback(_ bench: Bench, because reason: String) async throws {
        let payload = try await bench.answer(customPayload)
        #expect(bench.commits.first?.kind == .result)
        #expect(payload["source"] as? String == "rule_based")
        #expect(payload["degraded"] as? String == reason)
        #expect(payload["decision"] as? String == "trade")
        let told = try #require(payload["model"] as? [String: Any])
        #expect(told["name"] is NSNull && told["attempts"] as? Int == bench.model.asked.count)
        #expect(payload["claimed"] == nil)
        let strategy = try #require(payload["strategy"] as? [String: Any])
        #expect(strategy["max_loss_usd"] is Double)
        #expect((strategy["rationale"] as? String)?.isEmpty == false)
        #expect((strategy["disclosures"] as? [String])?.count == 4)
        #expect((payload["validation"] as? [String: Any])?["coverage"] is String)
    }

    private func findings(_ payload: [String: Any]) -> [String] {
        let validation = payload["validation"] as? [String: Any]
        let all = validation?["findings"] as? [[String: Any]] ?? []
        return all.compactMap { $0["rule"] as? String }
    }

    private func judged(_ proposal: String) async throws -> [String: Any] {
        let bench = Bench.custom(FakeModel(proposing: proposal))
        _ = try await bench.answer(customPayload)
        #expect(bench.commits.first?.kind == .result)
        return try members(bench.commits.first)
    }
}
