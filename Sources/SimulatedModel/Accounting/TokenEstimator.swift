/// Counts tokens the same way for everyone: four bytes of UTF-8 are one token.
///
/// The vendor's tokenizers take about four bytes of English a token and fewer of JSON, so this
/// errs on the low side by up to a third. What matters is that it is exact and repeatable: a test
/// can compute what a call must have cost and compare it with a ledger to the last token.
///
/// ```
/// prompt     = 3 + Σ messages (3 + ⌈(role + name + text + tool calls) / 4⌉)
///                + ⌈tools as compact JSON / 4⌉ + ⌈response_format as compact JSON / 4⌉
/// completion = Σ choices, pieces(text or refusal) or pieces(tool name) + pieces(arguments),
///                + reasoning tokens
/// ```
package enum TokenEstimator {
    package static let bytesPerToken = 4
    /// What every message costs beside its text, and the reply's own priming.
    package static let messageOverhead = 3

    package static func tokens(inBytes count: Int) -> Int {
        (count + bytesPerToken - 1) / bytesPerToken
    }

    package static func promptTokens(
        messages: [ChatRequest.Message],
        toolsBytes: Int,
        formatBytes: Int
    ) -> Int {
        messages.reduce(messageOverhead) { sum, message in
            let bytes =
                message.role.utf8.count + (message.name?.utf8.count ?? 0)
                + message.text.utf8.count + message.toolCallBytes
            return sum + messageOverhead + tokens(inBytes: bytes)
        } + tokens(inBytes: toolsBytes) + tokens(inBytes: formatBytes)
    }

    /// The text cut into tokens: up to four bytes each, never through a character's encoding.
    ///
    /// The pieces joined are the text, and their number is its price.
    package static func pieces(_ text: String) -> [Substring] {
        var pieces: [Substring] = []
        pieces.reserveCapacity(tokens(inBytes: text.utf8.count))
        var start = text.startIndex
        var size = 0
        var at = start
        for scalar in text.unicodeScalars {
            let width = UTF8.width(scalar)
            if size + width > bytesPerToken {
                pieces.append(text[start..<at])
                start = at
                size = 0
            }
            size += width
            at = text.unicodeScalars.index(after: at)
        }
        if size > 0 { pieces.append(text[start...]) }
        return pieces
    }

    /// How many pieces the text has. One division where every byte is a character.
    package static func completionTokens(_ text: String) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 } ? tokens(inBytes: text.utf8.count) : pieces(text).count
    }

    /// The first pieces of the text, and whether any were left.
    package static func prefix(_ text: String, tokens limit: Int) -> (text: String, isCut: Bool) {
        // No piece is longer than four bytes, so a short text needs no counting.
        if text.utf8.count <= limit { return (text, false) }
        let pieces = pieces(text)
        if pieces.count <= limit { return (text, false) }
        return (pieces.prefix(max(limit, 0)).joined(), true)
    }
}
