internal import Crypto

/// What the model's providers and answers must not carry over: our own instructions, and who asks.
///
/// The canary is a word of this process alone, drawn at its start: it stands in the instructions, and
/// wherever it comes back, they do.
package struct Containment: Sendable {
    /// 24 hexadecimal digits.
    package let canary: String
    private let key: SymmetricKey
    private let canaryForms: [[UInt8]]

    package enum Leak: String, Sendable {
        case canary
        /// So long a part of the instructions, word for word, that it is no chance.
        case instructions
    }

    private enum Limits {
        static let canaryBytes = 12
        /// Letters and digits in a row: some ten words. No sentence on a strategy has so many in common
        /// with the instructions.
        static let spanMin = 48
    }

    /// - Parameters:
    ///   - secret: Of this deployment: what users are known by to a provider is a keyed hash of their
    ///     names, the same in all workers.
    ///   - dice: Where the canary comes from.
    package init(secret: [UInt8], dice: inout some RandomNumberGenerator) {
        let bytes = (0..<Limits.canaryBytes).map { _ in UInt8.random(in: 0...255, using: &dice) }
        canary = bytes.map(Self.hex).joined()
        key = SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(
                for: Array("safety_identifier".utf8),
                using: SymmetricKey(data: secret)
            )
        )
        let plain = Array(canary.utf8)
        let halves = [plain.prefix(Limits.canaryBytes), plain.suffix(Limits.canaryBytes)]
        canaryForms =
            halves.map { Array($0) } + halves.map { $0.reversed() } + Self.encoded(Array(halves[0]))
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
    }

    /// Who asks, as a provider may know it: 64 hexadecimal digits, the most that it takes.
    package func identifier(of user: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Array(user.utf8), using: key)
            .map(Self.hex).joined()
    }

    // MARK: - What came back

    /// Texts that must not come back, made ready to be looked for.
    package struct Secrets: Sendable {
        fileprivate let spans: Set<UInt64>

        package init(_ text: [UInt8]) {
            var spans: Set<UInt64> = []
            Containment.eachSpan(of: Containment.plain(text)) { spans.insert($0) }
            self.spans = spans
        }
    }

    /// Looks for our instructions in an answer: spelled in other case, with other marks or spaces,
    /// backwards, or in base64 where it is the canary, of which half is enough: an answer may be cut off.
    ///
    /// O(n) in the answer.
    package func leak(in answer: [UInt8], of secrets: Secrets) -> Leak? {
        let plain = Self.plain(answer)
        for form in canaryForms where Self.contains(plain, form) { return .canary }
        var isLeaked = false
        Self.eachSpan(of: plain) { if secrets.spans.contains($0) { isLeaked = true } }
        if !isLeaked {
            Self.eachSpan(of: plain.reversed()) {
                if secrets.spans.contains($0) { isLeaked = true }
            }
        }
        return isLeaked ? .instructions : nil
    }

    /// Letters and digits alone, in lower case; an escape of JSON is what it stands for, or nothing.
    fileprivate static func plain(_ text: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            var byte = text[index]
            index += 1
            if byte == UInt8(ascii: "\\"), index < text.count {
                let mark = text[index]
                index += 1
                guard mark == UInt8(ascii: "u"), index + 4 <= text.count,
                    let code = UInt16(
                        String(decoding: text[index..<index + 4], as: UTF8.self),
                        radix: 16
                    )
                else { continue }
                index += 4
                guard let ascii = UInt8(exactly: code) else { continue }
                byte = ascii
            }
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): kept.append(byte | 0x20)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                kept.append(byte)
            default: continue
            }
        }
        return kept
    }

    /// A rolling hash of each run of `spanMin` bytes.
    fileprivate static func eachSpan(of text: [UInt8], _ body: (UInt64) -> Void) {
        let (count, base) = (Limits.spanMin, UInt64(0x100_0000_01b3))
        guard text.count >= count else { return }
        var power: UInt64 = 1
        for _ in 1..<count { power &*= base }
        var hash: UInt64 = 0
        for index in text.indices {
            if index >= count { hash &-= UInt64(text[index - count]) &* power }
            hash = hash &* base &+ UInt64(text[index])
            if index >= count - 1 { body(hash) }
        }
    }

    private static func contains(_ text: [UInt8], _ word: [UInt8]) -> Bool {
        guard text.count >= word.count else { return false }
        return (0...text.count - word.count).contains { start in
            text[start] == word[0] && text[start..<start + word.count].elementsEqual(word)
        }
    }

    /// In base64, at each of the three places where it may begin; the ends, which hang on what stands
    /// around it, left out. In lower case, as `plain` leaves it.
    private static func encoded(_ word: [UInt8]) -> [[UInt8]] {
        let digits = Array(
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
        )
        return (0..<3).map { offset in
            let whole = Array(word.dropFirst(offset).prefix((word.count - offset) / 3 * 3))
            var text: [UInt8] = []
            for start in stride(from: 0, to: whole.count, by: 3) {
                let bits =
                    Int(whole[start]) << 16 | Int(whole[start + 1]) << 8 | Int(whole[start + 2])
                for shift in [18, 12, 6, 0] { text.append(digits[bits >> shift & 63]) }
            }
            return text
        }
    }
}
