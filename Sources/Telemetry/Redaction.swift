/// What a log never shows, whoever asks. The last line of defence: the first is not to log it.
package enum Redaction {
    /// Stands where the value stood.
    package static let mark = "[redacted]"

    /// Words run together, in lower case.
    private static let names: [StaticString] = [
        "authorization", "apikey", "token", "password", "payload", "prompt",
    ]

    /// Whether a field of this name is hidden: `api_key`, `apiKey`, `Api-Key`, and as the last word
    /// of a longer name, `openai_api_key`. Not `prompt_tokens` nor `payload_bytes`: those count.
    package static func covers(_ key: String) -> Bool {
        let bytes = key.utf8.span
        return names.contains { name in
            name.withUTF8Buffer { unsafe ends(bytes, in: $0.span) }
        }
    }

    /// Compares from the end, past separators, letters in either case.
    private static func ends(_ key: Span<UInt8>, in name: Span<UInt8>) -> Bool {
        var (inKey, inName) = (key.count, name.count)
        while inName > 0 {
            guard inKey > 0 else { return false }
            inKey -= 1
            switch key[inKey] {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): continue
            case let byte where byte | 0x20 == name[inName - 1]: inName -= 1
            default: return false
            }
        }
        return true
    }
}
