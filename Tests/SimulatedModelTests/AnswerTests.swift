import SimulatedModel
import Testing

@Suite struct AnswerTests {
    private func answer(
        _ body: JSONValue,
        _ misbehavior: JSONValue? = nil,
        seed: UInt64 = 1
    ) throws -> Answer {
        Answer(
            to: try ChatRequest(body, in: ModelCatalog()),
            misbehavior: try misbehavior.map { try Misbehavior($0) },
            seed: seed,
            proseTokens: 60
        )
    }

    private func proposal(_ facts: JSONValue) throws -> JSONValue {
        let body = SimulatorRequests.schemaRequest(SimulatorRequests.proposalSchema, facts: facts)
        return try JSONParser.parse(try answer(body).choices[0].text)
    }

    @Test(arguments: [
        ("bullish", "bull_put_spread", 2), ("uptrend", "bull_put_spread", 2),
        ("neutral", "iron_condor", 4), ("", "iron_condor", 4), ("bearish", "bear_call_spread", 2),
    ])
    func `the trend decides the strategy`(trend: String, name: String, legs: Int) throws {
        let proposal = try proposal(SimulatorRequests.facts(trend: trend))
        #expect(proposal["decision"] == "trade")
        #expect(proposal["strategy_name"] == .string(name))
        #expect(proposal["legs"]?.array?.count == legs)
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func `a proposal is on the grid, out of the money, free of arbitrage and within the limit`(
        seed: UInt64
    ) throws {
        var dice = Dice(seed: seed)
        let step = [0.5, 1, 2.5, 5][Int(dice.next() % 4)]
        let spot = (Double.random(in: 20...900, using: &dice) * 100).rounded() / 100
        let limit = Double(Int.random(in: 60...5000, using: &dice))
        let facts = SimulatorRequests.facts(
            trend: ["bullish", "neutral", "bearish"][Int(dice.next() % 3)],
            spot: spot,
            step: step,
            maxLoss: limit,
            tolerance: ["low", "medium", "high"][Int(dice.next() % 3)]
        )
        let proposal = try proposal(facts)
        guard proposal["decision"] == "trade" else {
            // Nothing fits when not even one step's loss does.
            #expect(limit < step * 100, "seed \(seed)")
            #expect(proposal["legs"] == [])
            return
        }
        let legs = try #require(proposal["legs"]?.array)
        let quantity = try #require(proposal["quantity"]?.integer)
        var credit = 0.0
        var strikes: [String: [(isSale: Bool, strike: Double)]] = [:]
        for leg in legs {
            let strike = try #require(leg["strike"]?.number)
            let premium = try #require(leg["limit_premium_per_share"]?.number)
            let type = try #require(leg["type"]?.string)
            #expect((strike / step).rounded() * step == strike, "seed \(seed)")
            #expect(type == "call" ? strike > spot : strike < spot, "seed \(seed)")
            #expect(premium > 0)
            #expect(leg["ratio"] == 1)
            #expect(leg["expiration"] == "2027-01-15", "the allowed expiry nearest to 45 days")
            let isSale = leg["side"] == "sell"
            credit += isSale ? premium : -premium
            strikes[type, default: []].append((isSale, strike))
        }
        var width = 0.0
        for (type, pair) in strikes {
            let sold = try #require(pair.first { $0.isSale }).strike
            let bought = try #require(pair.first { !$0.isSale }).strike
            #expect(type == "call" ? bought > sold : bought < sold, "seed \(seed)")
            width = abs(sold - bought)
        }
        #expect(credit > 0.001, "seed \(seed)")
        #expect(credit < width, "seed \(seed)")
        #expect(quantity >= 1)
        let loss = (width - credit) * 100 * Double(quantity)
        #expect(loss <= limit + 0.001, "seed \(seed)")
        #expect(abs((proposal["claimed"]?["max_loss_usd"]?.number ?? 0) - loss) < 0.01)
    }

    @Test func `with no price there is no trade`() throws {
        let proposal = try proposal(["symbol": "SPY"])
        #expect(proposal["decision"] == "no_trade")
        #expect(proposal["legs"] == [])
    }

    @Test(arguments: 0..<20 as Range<Int>)
    func `from a menu it takes what is on it`(seed: Int) throws {
        let object = SimulatorRequests.object
        let schema = object([
            ("choice", ["type": "string"]),
            ("ranking", SimulatorRequests.array(["type": "string"])),
            ("rationale", ["type": "string"]),
        ])
        let candidates: JSONValue = [["id": "c1"], ["id": "c2"], ["id": "c3"]]
        var facts = SimulatorRequests.facts().members ?? []
        facts.append(.init("candidates", candidates))
        var body =
            SimulatorRequests.schemaRequest(schema, facts: .object(facts)).members ?? []
        body.append(.init("seed", .integer(seed)))
        let picked = try JSONParser.parse(try answer(.object(body)).choices[0].text)
        let choice = try #require(picked["choice"]?.string)
        #expect(["c1", "c2", "c3"].contains(choice))
        #expect(picked["ranking"]?.array?.first == .string(choice))
        #expect(Set(picked["ranking"]?.array?.compactMap(\.string) ?? []) == ["c1", "c2", "c3"])
    }

    @Test func `a menu of an enumeration is answered with one of its values`() throws {
        let schema = SimulatorRequests.object([
            ("candidate_id", SimulatorRequests.choice("x", "y")), ("why", ["type": "string"]),
        ])
        let body = SimulatorRequests.schemaRequest(
            schema,
            facts: ["candidates": [["id": "y"], ["id": "x"]]]
        )
        let picked = try JSONParser.parse(try answer(body).choices[0].text)
        #expect(["x", "y"].contains(picked["candidate_id"]?.string ?? ""))
    }

    @Test func `the same request has the same answer, another seed another`() throws {
        let body = SimulatorRequests.forcedTool
        let prose: JSONValue = ["model": "gpt-4o", "messages": [["role": "user", "content": "x"]]]
        #expect(try answer(body).choices[0].text == answer(body).choices[0].text)
        #expect(try answer(prose).choices[0].text == answer(prose).choices[0].text)
        #expect(try answer(prose).choices[0].text != answer(prose, seed: 2).choices[0].text)
    }

    @Test func `the cap cuts the answer and says so`() throws {
        let capped = try answer([
            "model": "gpt-4o", "messages": [["role": "user", "content": "x"]], "max_tokens": 7,
        ])
        #expect(capped.completionTokens == 7)
        #expect(capped.choices[0].finishReason == .length)
    }

    @Test func `reasoning is spent before the answer`() throws {
        func body(_ cap: Int) -> JSONValue {
            [
                "model": "gpt-6-luna", "messages": [["role": "user", "content": "x"]],
                "max_completion_tokens": .integer(cap), "reasoning_effort": "low",
            ]
        }
        let starved = try answer(body(50))
        #expect(starved.reasoningTokens == 50)
        #expect(starved.completionTokens == 50)
        #expect(starved.choices[0].text.isEmpty)
        #expect(starved.choices[0].finishReason == .length)
        let fed = try answer(body(500))
        #expect(fed.reasoningTokens == 64)
        #expect(fed.choices[0].finishReason == .stop)
    }

    @Test func `a stop sequence ends the text before it`() throws {
        let whole = try answer([
            "model": "gpt-4o", "messages": [["role": "user", "content": "x"]],
        ]).choices[0].text
        let word = try #require(whole.split(separator: " ").dropFirst(3).first)
        let stopped = try answer([
            "model": "gpt-4o", "messages": [["role": "user", "content": "x"]],
            "stop": [.string(String(word)), "never there"],
        ]).choices[0]
        let end = try #require(whole.firstRange(of: word)).lowerBound
        #expect(stopped.text == whole[..<end])
        #expect(stopped.finishReason == .stop)
    }

    @Test func `a script spoils the answer as it says`() throws {
        let body = SimulatorRequests.forcedTool
        let good = try answer(body).choices[0]
        let refused = try answer(body, ["mode": "refusal"]).choices[0]
        guard case .refusal = refused.saying else {
            Issue.record("no refusal")
            return
        }
        let malformed = try answer(body, ["mode": "malformed"]).choices[0]
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(malformed.text) }
        #expect(malformed.finishReason == good.finishReason)
        let fenced = try answer(body, ["mode": "fenced"]).choices[0]
        #expect(fenced.text == "```json\n\(good.text)\n```")
        let short = try answer(body, ["mode": "length", "tokens": 5]).choices[0]
        #expect(TokenEstimator.completionTokens(short.text) == 5)
        #expect(short.finishReason == .length)
        let filtered = try answer(body, ["mode": "content_filter"]).choices[0]
        #expect(filtered.finishReason == .contentFilter)
    }
}
