import SimulatedModel
import Testing

@Suite struct AccountingTests {
    @Test(arguments: [
        ("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("12345678", 2), ("é", 1), ("éé", 1),
        ("ééé", 2), ("👍👍", 2), ("a👍", 2), ("abc👍", 2),
    ])
    func `four bytes are a token, and no character is cut`(text: String, tokens: Int) {
        #expect(TokenEstimator.completionTokens(text) == tokens)
        #expect(TokenEstimator.pieces(text).count == tokens)
        #expect(TokenEstimator.pieces(text).joined() == text)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `a text cut to n tokens has n tokens and is a prefix`(seed: UInt64) {
        var dice = Dice(seed: seed)
        let alphabet: [Character] = ["a", "é", "漢", "👍", "\"", "\n", "e\u{301}"]
        let text = String(
            (0..<Int.random(in: 0...60, using: &dice)).map { _ in
                alphabet[Int.random(in: alphabet.indices, using: &dice)]
            }
        )
        let tokens = TokenEstimator.completionTokens(text)
        for limit in 0...(tokens + 2) {
            let (kept, isCut) = TokenEstimator.prefix(text, tokens: limit)
            #expect(TokenEstimator.completionTokens(kept) == min(limit, tokens), "seed \(seed)")
            #expect(isCut == (limit < tokens), "seed \(seed)")
            #expect(Array(text.utf8).starts(with: kept.utf8), "seed \(seed)")
        }
    }

    @Test func `a prompt costs its messages, tools and schema`() throws {
        let message = try ChatRequest.Message(
            ["role": "user", "content": "12345678"],
            param: "messages[0]"
        )
        // 3 to prime the reply, 3 for the message, ⌈(4 + 8) / 4⌉ for its role and text.
        #expect(
            TokenEstimator.promptTokens(messages: [message], toolsBytes: 0, formatBytes: 0) == 9
        )
        #expect(
            TokenEstimator.promptTokens(messages: [message], toolsBytes: 41, formatBytes: 4) == 21
        )
    }

    @Test func `white space in the request costs nothing`() throws {
        let compact = SimulatorRequests.forcedTool.text
        let spaced = compact.replacing(",\"", with: " ,\n\t \"")
        let catalog = ModelCatalog()
        func read(_ text: String) throws -> ChatRequest {
            try ChatRequest(
                Array(text.utf8),
                in: catalog,
                repeated: RepeatedValues(names: ChatRequest.repeatedMembers)
            )
        }
        let one = try read(compact)
        let other = try read(spaced)
        #expect(compact != spaced)
        #expect(one.promptTokens == other.promptTokens)
        #expect(one.promptDigest == other.promptDigest)
    }

    @Test func `a repeated prompt of 1,024 tokens is cached in steps of 128`() throws {
        let cache = PromptCache()
        func look(_ model: String, _ text: String) throws -> (cached: Int, written: Int) {
            let request = try ChatRequest(
                [
                    "model": .string(model),
                    "messages": [["role": "user", "content": .string(text)]],
                ],
                in: ModelCatalog()
            )
            return cache.look(
                request.promptDigest,
                model: request.model,
                promptTokens: request.promptTokens
            )
        }
        let long = String(repeating: "one two ", count: 700)
        #expect(try look("gpt-4o", long) == (0, 0))
        // 5,604 bytes are 1,401 tokens: 1,024 and two steps.
        #expect(try look("gpt-4o", long) == (1280, 0))
        #expect(try look("gpt-4o", long.prefix(5000) + "another end") == (1152, 0))
        #expect(try look("gpt-4o", "short") == (0, 0))
        #expect(try look("gpt-4o-mini", long) == (0, 0), "each model has a cache of its own")
        #expect(try look("gpt-4-turbo", long) == (0, 0))
        #expect(try look("gpt-4-turbo", long) == (0, 0), "the old models have none")
        #expect(try look("gpt-6-luna", long) == (0, 1280), "the new ones report what is written")
        #expect(try look("gpt-6-luna", long) == (1280, 0))
    }

    @Test func `usage adds up by model and by request`() {
        let book = UsageBook()
        func call(_ id: String?, _ end: (CallAccount) -> Void) {
            let tokens = CallTokens(prompt: 10, cached: 4, completion: 6, reasoning: 2)
            end(CallAccount(book, model: "m", requestID: id, tokens: tokens))
        }
        call("a") { $0.complete() }
        call("a") { $0.cut(completion: 1) }
        call("b") { $0.fail() }
        call(nil) { $0.complete() }
        call("c") { _ in }
        let usage = book.snapshot
        #expect(usage.inFlight == 0)
        #expect(usage.callsWithoutID == 1)
        #expect(usage.total.calls == 5)
        #expect(usage.total.completed == 2)
        #expect(usage.total.failed == 1)
        #expect(usage.total.cut == 2)
        #expect(
            usage.total.tokens == CallTokens(prompt: 20, cached: 8, completion: 12, reasoning: 4)
        )
        #expect(
            usage.total.cutTokens == CallTokens(prompt: 20, cached: 8, completion: 1, reasoning: 1)
        )
        #expect(usage.models["m"] == usage.total)
        #expect(usage.requests["a"]?.completed == 1)
        #expect(usage.requests["a"]?.cut == 1)
        #expect(usage.requests["c"]?.cut == 1, "an account that nobody closed is a cut call")
    }

    @Test func `an account is entered once, however often it is closed`() {
        let book = UsageBook()
        do {
            let account = CallAccount(
                book,
                model: "m",
                requestID: nil,
                tokens: CallTokens(prompt: 1, completion: 1)
            )
            account.complete()
            account.cut(completion: 0)
            account.fail()
        }
        #expect(book.snapshot.total.calls == 1)
        #expect(book.snapshot.total.completed == 1)
    }

    @Test(arguments: [
        (0, "0s"), (1, "1ms"), (577, "577ms"), (1000, "1s"), (8640, "8.64s"), (60_000, "1m0s"),
        (360_000, "6m0s"), (432_000, "7m12s"), (41_724, "41.724s"), (3_602_000, "1h0m2s"),
    ])
    func `durations are written as Go writes them`(ms: Int, text: String) {
        #expect(GoDuration.text(.milliseconds(ms)) == text)
    }

    @Test func `a bucket refills all the time`() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(perMinute: 60, now: start)
        bucket.take(60)
        #expect(bucket.remaining == 0)
        #expect(bucket.shortage(of: 1) == .seconds(1))
        bucket.refill(now: start + .seconds(10))
        #expect(bucket.remaining == 10)
        #expect(bucket.reset == .seconds(50))
        #expect(bucket.shortage(of: 10) == nil)
        bucket.refill(now: start + .seconds(1000))
        #expect(bucket.remaining == 60)
        #expect(bucket.reset == .zero)
    }
}
