// Policy: decisions as values: what a call costs, how long to wait, when to give up.
// Belongs here: structs that take facts and the present, and answer. Does not: clocks, I/O, tasks,
// names of products other than the models that the price file lists.

package import Contract

/// What a model's tokens cost, in nano-dollars a million of them.
package struct Price: Equatable, Sendable {
    package let inputPerMillion: NanoUSD
    /// Prompt tokens that the provider had cached; nil where it gives no discount.
    package let cachedInputPerMillion: NanoUSD?
    /// Prompt tokens written to the provider's cache; nil where that costs what input costs.
    package let cacheWritePerMillion: NanoUSD?
    package let outputPerMillion: NanoUSD

    package init(
        inputPerMillion: NanoUSD,
        cachedInputPerMillion: NanoUSD? = nil,
        cacheWritePerMillion: NanoUSD? = nil,
        outputPerMillion: NanoUSD
    ) {
        self.inputPerMillion = inputPerMillion
        self.cachedInputPerMillion = cachedInputPerMillion
        self.cacheWritePerMillion = cacheWritePerMillion
        self.outputPerMillion = outputPerMillion
    }

    /// What a call cost, rounded up to the nano-dollar.
    ///
    /// `promptTokens` includes the cached and the written ones, and `completionTokens` the reasoning
    /// ones: adding either again is how others bill four times too much.
    package func cost(of usage: TokenUsage) -> NanoUSD {
        let cached = min(max(usage.cachedTokens, 0), usage.promptTokens)
        let written = min(max(usage.cacheWriteTokens, 0), usage.promptTokens - cached)
        let fresh = usage.promptTokens - cached - written
        let scaled =
            Int128(inputPerMillion.amount) * Int128(fresh)
            + Int128((cachedInputPerMillion ?? inputPerMillion).amount) * Int128(cached)
            + Int128((cacheWritePerMillion ?? inputPerMillion).amount) * Int128(written)
            + Int128(outputPerMillion.amount) * Int128(max(usage.completionTokens, 0))
        return NanoUSD(Int64(clamping: (scaled + 999_999) / 1_000_000))
    }
}

/// What the provider says a call used. Absent usage is an absent value, never zeros.
package struct TokenUsage: Equatable, Sendable {
    /// Includes `cachedTokens` and `cacheWriteTokens`.
    package let promptTokens: Int
    package let cachedTokens: Int
    package let cacheWriteTokens: Int
    /// Includes reasoning tokens.
    package let completionTokens: Int

    package init(
        promptTokens: Int,
        cachedTokens: Int = 0,
        cacheWriteTokens: Int = 0,
        completionTokens: Int
    ) {
        self.promptTokens = max(promptTokens, 0)
        self.cachedTokens = cachedTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.completionTokens = max(completionTokens, 0)
    }
}
