import Contract
import Policy
import TestSupport
import Testing

struct PriceTests {
    private static let turbo = Price(
        inputPerMillion: NanoUSD(10_000_000_000),
        outputPerMillion: NanoUSD(30_000_000_000)
    )
    /// Input 2.50, cached 1.25, output 10 dollars a million.
    private static let omni = Price(
        inputPerMillion: NanoUSD(2_500_000_000),
        cachedInputPerMillion: NanoUSD(1_250_000_000),
        outputPerMillion: NanoUSD(10_000_000_000)
    )
    /// Input 0.10, cached 0.01, written 0.125, output 0.50 dollars a million.
    private static let luna = Price(
        inputPerMillion: NanoUSD(100_000_000),
        cachedInputPerMillion: NanoUSD(10_000_000),
        cacheWritePerMillion: NanoUSD(125_000_000),
        outputPerMillion: NanoUSD(500_000_000)
    )

    @Test func `898 tokens in and 228 out of gpt-4-turbo cost 0,01582 dollars`() {
        let usage = TokenUsage(promptTokens: 898, completionTokens: 228)
        #expect(Self.turbo.cost(of: usage) == NanoUSD(15_820_000))
    }

    @Test func `one token of gpt-4-turbo costs 10,000 nano-dollars in and 30,000 out`() {
        #expect(Self.turbo.cost(of: .init(promptTokens: 1, completionTokens: 0)).amount == 10_000)
        #expect(Self.turbo.cost(of: .init(promptTokens: 0, completionTokens: 1)).amount == 30_000)
    }

    @Test func `cached tokens are part of the prompt, and cheaper`() {
        let usage = TokenUsage(promptTokens: 2_006, cachedTokens: 1_920, completionTokens: 300)
        // 86 × 2,500 + 1,920 × 1,250 + 300 × 10,000
        #expect(Self.omni.cost(of: usage) == NanoUSD(5_615_000))
    }

    @Test func `without a discount, cached tokens cost what input costs`() {
        let cached = TokenUsage(promptTokens: 100, cachedTokens: 60, completionTokens: 0)
        let plain = TokenUsage(promptTokens: 100, completionTokens: 0)
        #expect(Self.turbo.cost(of: cached) == Self.turbo.cost(of: plain))
    }

    @Test func `tokens written to the cache cost more, and are counted once`() {
        let usage = TokenUsage(
            promptTokens: 1_000,
            cachedTokens: 200,
            cacheWriteTokens: 300,
            completionTokens: 10
        )
        // 500 × 100 + 200 × 10 + 300 × 125 + 10 × 500
        #expect(Self.luna.cost(of: usage) == NanoUSD(94_500))
    }

    @Test func `a fraction of a nano-dollar is rounded up, once`() {
        let price = Price(inputPerMillion: NanoUSD(1), outputPerMillion: NanoUSD(1))
        #expect(price.cost(of: .init(promptTokens: 0, completionTokens: 0)) == .zero)
        #expect(price.cost(of: .init(promptTokens: 1, completionTokens: 0)).amount == 1)
        #expect(price.cost(of: .init(promptTokens: 500_000, completionTokens: 500_000)).amount == 1)
        #expect(price.cost(of: .init(promptTokens: 1_000_000, completionTokens: 1)).amount == 2)
    }

    @Test func `numbers that contradict one another never make a cost negative`() {
        var dice = Dice(seed: 7)
        let sizes = [0, 1, -1, 5, 100, .max, .min, 1_000_000]
        for _ in 0..<5_000 {
            let usage = TokenUsage(
                promptTokens: sizes[dice.roll(sizes.count)],
                cachedTokens: sizes[dice.roll(sizes.count)],
                cacheWriteTokens: sizes[dice.roll(sizes.count)],
                completionTokens: sizes[dice.roll(sizes.count)]
            )
            #expect(Self.luna.cost(of: usage) >= .zero)
        }
    }

    @Test func `a cost never falls when more was used`() {
        var dice = Dice(seed: 8)
        for _ in 0..<5_000 {
            let (prompt, completion) = (dice.roll(100_000), dice.roll(10_000))
            let cached = dice.roll(prompt + 1)
            func cost(_ prompt: Int, _ completion: Int) -> NanoUSD {
                Self.omni.cost(
                    of: .init(
                        promptTokens: prompt,
                        cachedTokens: cached,
                        completionTokens: completion
                    )
                )
            }
            let base = cost(prompt, completion)
            #expect(cost(prompt + 1, completion) > base)
            #expect(cost(prompt, completion + 1) > base)
        }
    }
}

struct CatalogTests {
    private func row(_ name: String, _ aliases: [String] = [], cents: Int64 = 100) -> ModelRow {
        ModelRow(
            name: name,
            aliases: aliases,
            price: Price(
                inputPerMillion: NanoUSD(cents * 10_000_000),
                outputPerMillion: NanoUSD(cents * 10_000_000)
            ),
            contextTokensMax: 1_000,
            outputTokensMax: nil,
            dialect: .chat,
            shutdown: nil
        )
    }

    @Test func `a model is found by its name and by each alias`() {
        let catalog = ModelCatalog(
            version: "1",
            rows: [row("a-2024", ["a", "a-latest"]), row("b")]
        )
        #expect(catalog["a-2024"]?.name == "a-2024")
        #expect(catalog["a"]?.name == "a-2024")
        #expect(catalog["a-latest"]?.name == "a-2024")
        #expect(catalog["c"] == nil)
        #expect(catalog[""] == nil)
        #expect(catalog["A"] == nil)
        #expect(catalog.names == ["a", "a-2024", "a-latest", "b"])
    }

    @Test func `of two rows of one name the later wins`() {
        let catalog = ModelCatalog(
            version: "1",
            rows: [row("a", cents: 1), row("b", ["a"], cents: 2)]
        )
        #expect(catalog["a"]?.name == "b")
    }

    @Test func `a call is charged by the model that answered, else by the one that was asked`() {
        let asked = row("a", cents: 1)
        let catalog = ModelCatalog(version: "1", rows: [asked, row("b", cents: 2)])
        #expect(catalog.charged(answeredBy: "b", asked: asked).name == "b")
        #expect(catalog.charged(answeredBy: "a-2027-01-01", asked: asked).name == "a")
        #expect(catalog.charged(answeredBy: nil, asked: asked).name == "a")
    }
}
