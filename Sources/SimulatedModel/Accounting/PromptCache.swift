internal import Synchronization

/// The prompt's bytes in a form that costs little to keep: a running hash, noted every 128 tokens
/// from the 1,024th on, which is where the vendor's prompt cache works.
package struct PromptDigest: Sendable, Equatable {
    /// Shorter prompts are never cached.
    package static let prefixTokensMin = 1024
    /// A cached prefix grows in steps of so many tokens.
    package static let prefixTokensStep = 128

    /// Of the whole prompt.
    package let hash: UInt64
    /// Of the prompt up to each step, from `prefixTokensMin` on.
    package let prefixes: [UInt64]

    /// - Parameter prompt: Everything that a caller sends and a model reads, in the order in which
    ///   the vendor puts it: tools, schema, messages.
    package init(_ prompt: [UInt8]) {
        let step = Self.prefixTokensStep * TokenEstimator.bytesPerToken
        let least = Self.prefixTokensMin * TokenEstimator.bytesPerToken
        var hash = Hash()
        var prefixes: [UInt64] = []
        var start = 0
        while prompt.count - start >= step {
            hash.update(prompt[start..<start + step])
            start += step
            if start >= least { prefixes.append(hash.state) }
        }
        hash.update(prompt[start...])
        self.hash = hash.state
        self.prefixes = prefixes
    }

    /// FNV-1a by words of eight bytes; what is left is padded with zeros. Not for adversaries.
    private struct Hash {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func update(_ bytes: ArraySlice<UInt8>) {
            var word: UInt64 = 0
            var shift: UInt64 = 0
            for byte in bytes {
                word |= UInt64(byte) &<< shift
                shift += 8
                if shift == 64 {
                    mix(word)
                    (word, shift) = (0, 0)
                }
            }
            if shift > 0 { mix(word) }
        }

        private mutating func mix(_ word: UInt64) {
            state = (state ^ word) &* 0x0000_0100_0000_01B3
            // The multiplication only carries upwards; the high half must reach the low one.
            state ^= state >> 32
        }
    }
}

/// Which prompt prefixes each model has seen: what makes `cached_tokens` more than zero.
package final class PromptCache: Sendable {
    private struct Seen {
        var hashes: Set<UInt64> = []
        /// In order of arrival; the oldest is forgotten first.
        var order: [UInt64] = []
        var oldest = 0
    }
    private let seen = Mutex(Seen())

    package init() {}

    /// Tokens of this prompt that were cached before, and remembers the rest for the next.
    package func look(
        _ digest: PromptDigest,
        model: SimulatedModelEntry,
        promptTokens: Int
    )
        -> (cached: Int, written: Int)
    {
        guard model.cachesPrompts, !digest.prefixes.isEmpty else { return (0, 0) }
        let salt = UInt64(model.created) &* 0x9E37_79B9_7F4A_7C15
        let known = seen.withLock { seen in
            var known = 0
            for (i, prefix) in digest.prefixes.enumerated() {
                let key = prefix ^ salt
                if seen.hashes.contains(key) {
                    known = i + 1
                } else {
                    seen.hashes.insert(key)
                    if seen.order.count < Limits.cachedPrefixesMax {
                        seen.order.append(key)
                    } else {
                        seen.hashes.remove(seen.order[seen.oldest])
                        seen.order[seen.oldest] = key
                        seen.oldest = (seen.oldest + 1) % Limits.cachedPrefixesMax
                    }
                }
            }
            return known
        }
        let cached = min(Self.tokens(prefixes: known), promptTokens)
        let cacheable = min(Self.tokens(prefixes: digest.prefixes.count), promptTokens)
        return (cached, model.reportsCacheWrites ? cacheable - cached : 0)
    }

    package func clear() { seen.withLock { $0 = Seen() } }

    private static func tokens(prefixes: Int) -> Int {
        prefixes == 0
            ? 0 : PromptDigest.prefixTokensMin + (prefixes - 1) * PromptDigest.prefixTokensStep
    }
}
