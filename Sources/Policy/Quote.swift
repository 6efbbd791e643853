package import Contract

/// What one call to a model may cost, before it is made: a true upper bound.
///
/// No token is shorter than a byte of what is sent, and no answer longer than it may be.
package struct Quote: Equatable, Sendable {
    /// Bytes of the request's body; at least its tokens.
    package let promptTokensMax: Int
    /// Tokens that the answer may have when money is no matter.
    package let outputTokensMax: Int
    /// Fewer than this and the answer is cut short, and what it cost is wasted.
    package let outputTokensMin: Int
    package let price: Price

    package init(
        promptTokensMax: Int,
        outputTokensMax: Int,
        outputTokensMin: Int,
        price: Price
    ) {
        self.promptTokensMax = promptTokensMax
        self.outputTokensMax = outputTokensMax
        self.outputTokensMin = min(outputTokensMin, outputTokensMax)
        self.price = price
    }

    /// The most that a call can cost whose answer has so many tokens at the most.
    package func ceiling(outputTokens: Int) -> NanoUSD {
        price.ceiling(promptTokens: promptTokensMax, outputTokens: outputTokens)
    }

    package var least: NanoUSD { ceiling(outputTokens: outputTokensMin) }

    /// The most that is asked for, within what the request itself may cost; nil when that is less
    /// than a useful answer can cost.
    package func most(within maxCost: NanoUSD) -> NanoUSD? {
        guard least <= maxCost else { return nil }
        return min(ceiling(outputTokens: outputTokensMax), maxCost)
    }

    /// Tokens that the answer may have so that the call costs no more than was reserved for it.
    package func outputTokens(within reserved: NanoUSD) -> Int {
        let left = reserved - ceiling(outputTokens: 0)
        let perMillion = price.outputPerMillion.amount
        guard perMillion > 0 else { return outputTokensMax }
        let tokens = Int128(max(left.amount, 0)) * 1_000_000 / Int128(perMillion)
        return Int(min(tokens, Int128(outputTokensMax)))
    }
}

extension Price {
    /// Every prompt token at the dearest it can be.
    func ceiling(promptTokens: Int, outputTokens: Int) -> NanoUSD {
        let input = max(inputPerMillion, cacheWritePerMillion ?? inputPerMillion)
        let scaled =
            Int128(input.amount) * Int128(promptTokens)
            + Int128(outputPerMillion.amount) * Int128(outputTokens)
        return NanoUSD(Int64(clamping: (scaled + 999_999) / 1_000_000))
    }
}
