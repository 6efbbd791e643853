import Contract
import Foundation
import Options
import Pipeline
import Policy
import TestSupport
import Testing

/// Choices from the menu, and what becomes of them.
struct MenuTests {
    private func answer(
        _ choice: String,
        _ payload: String = soundPayload
    ) async throws -> (
        payload: [String: Any], bench: Bench
    ) {
        let bench = Bench(
            streams: FakeStreams(tier: .premium),
            model: FakeModel(proposing: choice)
        )
        return (try await bench.answer(payload), bench)
    }

    private func legs(_ payload: [String: Any]) throws -> [[String: Any]] {
        let strategy = try #require(payload["strategy"] as? [String: Any], "\(payload)")
        return try #require(strategy["legs"] as? [[String: Any]])
    }

    private func strikes(_ payload: [String: Any]) throws -> [Double] {
        try legs(payload).compactMap { $0["strike"] as? Double }
    }

    @Test func `the choice is served as it was offered, with the engine's figures`() async throws {
        for place in 1...3 {
            let (payload, bench) = try await answer(
                soundChoice.replacing(":1,", with: ":\(place),")
            )
            let offered = try #require(bench.model.asked.first?.question.candidates[place - 1])
            #expect(payload["source"] as? String == "model")
            let strategy = try #require(payload["strategy"] as? [String: Any])
            #expect(strategy["name"] as? String == offered.name.rawValue)
            #expect(strategy["max_loss_usd"] as? Double == offered.addedMaxLossUSD)
            #expect(
                try strikes(payload) == offered.legs.compactMap { $0.instrument.strike?.dollars }
            )
            #expect(payload["claimed"] == nil)
        }
    }

    @Test func `the ranking tells the alternatives, without the choice and what is not there`()
        async throws
    {
        let ranked = soundChoice.replacing("[2,3]", with: "[3,1,99,3,2]")
        let (payload, bench) = try await answer(ranked)
        let menu = try #require(bench.model.asked.first?.question.candidates)
        let others = try #require(payload["alternatives"] as? [[String: Any]])
        let names = [menu[2].name.rawValue, menu[1].name.rawValue, "no_trade"]
        #expect(others.compactMap { $0["name"] as? String } == names)
    }

    @Test(arguments: [
        ("none_fits", "The model found nothing that suits."),
        (
            "not_a_request",
            "The model takes the text for something else than a wish for a strategy."
        ),
    ])
    func `none is an answer`(reason: String, message: String) async throws {
        let none = soundChoice.replacing(":1,", with: ":0,")
            .replacing("fits_view", with: reason)
        let (payload, _) = try await answer(none)
        #expect(payload["decision"] as? String == "no_trade")
        #expect(payload["source"] as? String == "model")
        #expect((payload["no_trade"] as? [String: Any])?["message"] as? String == message)
    }

    @Test(arguments: [
        (":1,", ":99,"), (":1,", ":-1,"), (":1,", ":\"1\","), (":1,", ":1.5,"), (":1,", ":null,"),
        ("\"choice\":1,", ""), ("fits_view", "none_fits"),
    ])
    func `a choice that is not on the menu, or contradicts itself, is answered by rule`(
        piece: String,
        other: String
    ) async throws {
        let changed = soundChoice.replacing(piece, with: other)
        try #require(changed != soundChoice)
        let (payload, _) = try await answer(changed)
        #expect(payload["source"] as? String == "rule_based")
        #expect(payload["degraded"] as? String == "invalid_output")
    }

    @Test func `of an answer that was cut short the choice is kept`() async throws {
        let whole = Array(soundChoice.utf8)
        let complete = try #require(soundChoice.firstRange(of: ",\"ranking\""))
        let enough = soundChoice.utf8.distance(
            from: soundChoice.startIndex,
            to: complete.lowerBound
        )
        for length in (enough + 1)..<whole.count {
            let (payload, _) = try await answer(
                String(decoding: whole.prefix(length), as: UTF8.self)
            )
            #expect(payload["source"] as? String == "model", "\(length)")
            #expect(try !strikes(payload).isEmpty)
        }
    }

    @Test(arguments: [
        ("strikes", -1, [-1.0, -1.0]), ("strikes", 1, [1, 1]), ("width", -1, [0, 1]),
        ("width", 99, [0, 0]), ("quantity", 1, [0, 0]), ("nonsense", 1, [0, 0]),
    ])
    func `an adjustment moves the legs on the grid, and they are judged again`(
        what: String,
        value: Int,
        moves: [Double]
    ) async throws {
        let payload = soundPayload.replacing("18.5", with: "24")
        let (plain, bench) = try await answer(soundChoice, payload)
        let offered = try #require(bench.model.asked.first?.question.candidates.first)
        try #require(offered.name == .bullPutSpread)
        let adjusted = soundChoice.replacing(
            "\"adjust\":[]",
            with: "\"adjust\":[{\"what\":\"\(what)\",\"value\":\(value)}]"
        )
        let (moved, _) = try await answer(adjusted, payload)
        #expect(moved["source"] as? String == "model")
        let change = zip(try strikes(moved), try strikes(plain)).map { $0 - $1 }
        #expect(change == moves)
        if what == "quantity" {
            #expect(try legs(moved).compactMap { $0["quantity"] as? Int } == [1, 1])
        }
        if moves != [0, 0] {
            #expect(
                try legs(moved).compactMap { $0["price"] as? Double }
                    != legs(plain).compactMap { $0["price"] as? Double }
            )
        }
    }

    @Test(arguments: [(1, true), (-1, false), (2, false)])
    func `an expiry moves to its neighbour, and no further`(steps: Int, isMoved: Bool) async throws
    {
        let adjusted = soundChoice.replacing(
            "\"adjust\":[]",
            with: "\"adjust\":[{\"what\":\"expiry\",\"value\":\(steps)}]"
        )
        let (plain, _) = try await answer(soundChoice)
        let (moved, _) = try await answer(adjusted)
        let first = try legs(plain).compactMap { $0["expiry"] as? String }.first ?? ""
        let second = try legs(moved).compactMap { $0["expiry"] as? String }.first ?? ""
        if isMoved { #expect(second > first) } else { #expect(second <= first) }
    }

    @Test func `an adjustment that a rule blocks leaves the choice as it was offered`() async throws
    {
        // Five strikes up, a bull put spread has its short strike in the money.
        let adjusted = soundChoice.replacing(
            "\"adjust\":[]",
            with: "\"adjust\":[{\"what\":\"quantity\",\"value\":100}]"
        )
        let (payload, bench) = try await answer(adjusted)
        let offered = try #require(bench.model.asked.first?.question.candidates.first)
        let strategy = try #require(payload["strategy"] as? [String: Any])
        let loss = try #require(strategy["max_loss_usd"] as? Double)
        #expect(loss <= 1_000 && offered.quantity > 0)
    }

    @Test func `in full detail the model's sentences stand before those of the figures`()
        async throws
    {
        let full =
            soundChoice.replacing("because", with: "because the risk fits").dropLast() + """
                ,"risks":["It may fall."],"why_not":[{"id":2,"text":"It costs more."},
                {"id":3,"text":"It earns 500 for sure."}]}
                """
        let payload = soundPayload.replacing(
            "{\"user_id\"",
            with: "{\"detail\":\"full\",\"user_id\""
        )
        let (answer, bench) = try await answer(String(full), payload)
        #expect(bench.model.asked.first?.question.outputTokensMax == 350)
        let strategy = try #require(answer["strategy"] as? [String: Any])
        let rationale = try #require(strategy["rationale"] as? String)
        #expect(rationale.hasPrefix("because ") && rationale.contains("At expiry"))
        #expect((strategy["risks"] as? [String])?.contains("It may fall.") == true)
        let reasons = (answer["alternatives"] as? [[String: Any]] ?? [])
            .compactMap { $0["why_not"] as? String }
        #expect(reasons.first?.hasPrefix("It costs more.") == true)
        #expect(reasons.dropFirst().first?.contains("500") == false)
    }

    @Test func `words that promise are replaced by those of the figures`() async throws {
        let (payload, _) = try await answer(
            soundChoice.replacing("because", with: "A guaranteed gain of 4,711 dollars.")
        )
        let strategy = try #require(payload["strategy"] as? [String: Any])
        let rationale = try #require(strategy["rationale"] as? String)
        #expect(payload["source"] as? String == "model")
        #expect(!rationale.contains("guaranteed") && !rationale.contains("4,711"))
        #expect(!rationale.isEmpty)
    }

    @Test func `a choice with any bytes changed is judged, and never traps`() async throws {
        var dice = Dice(seed: 12)
        let whole = Array(soundChoice.utf8)
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0...dice.roll(4) { bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256)) }
            let bench = Bench(
                model: FakeModel { [bytes] _ in
                    .answer(.init(proposal: bytes, modelName: "m", spend: .unknown))
                }
            )
            #expect(try await bench.run(entry()) == .committed)
            _ = try members(bench.commits.first)
        }
    }
}
