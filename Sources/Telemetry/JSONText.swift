/// Appends JSON (RFC 8259) to a buffer. Only what log lines and health pages need; it allocates
/// nothing but the buffer's growth.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    init(reserving capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// How much is written: a mark to come back to with `cut`.
    var count: Int { bytes.count }

    /// Takes back everything after a mark.
    mutating func cut(to mark: Int) { bytes.removeLast(bytes.count - mark) }

    /// Appends text that is already JSON, or punctuation between values.
    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { text in
            let text = unsafe text.span
            bytes.append(addingCapacity: text.count) { $0.append(text) }
        }
    }

    /// The same for text that is put together. (A literal is to be a `StaticString`.)
    mutating func raw(text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func bool(_ value: Bool) { value ? raw("true") : raw("false") }

    mutating func timestamp(_ moment: Timestamp) { moment.append(to: &bytes) }

    mutating func newline() { bytes.append(UInt8(ascii: "\n")) }

    /// Appends a string in quotes. What is longer than `limit` bytes of UTF-8 is cut between two
    /// characters (Unicode scalars) and ends in `…`.
    mutating func string(_ value: String, limit: Int = .max) {
        let text = value.utf8Span.span
        guard text.count <= limit, Self.isPlain(text) else {
            return escaped(value, limit: limit)
        }
        // Nearly every string needs no escape, and then goes in as it is.
        bytes.append(addingCapacity: text.count + 2) { output in
            output.append(UInt8(ascii: "\""))
            output.append(text)
            output.append(UInt8(ascii: "\""))
        }
    }

    /// Whether nothing in it is escaped. Without a way out, so that many bytes are looked at at once.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        var others: UInt8 = 0
        for index in text.indices {
            let byte = text[index]
            others |= byte < 0x20 ? 1 : 0
            others |= byte == 0x22 ? 1 : 0
            others |= byte == 0x5c ? 1 : 0
            others |= byte == 0x7f ? 1 : 0
        }
        return others == 0
    }

    private mutating func escaped(_ value: String, limit: Int) {
        let utf8 = value.utf8
        bytes.append(UInt8(ascii: "\""))
        if utf8.count <= limit {
            for byte in utf8 { escaped(byte) }
        } else {
            var end = utf8.index(utf8.startIndex, offsetBy: limit)
            // 10xxxxxx goes on with a scalar that began before the limit.
            while end > utf8.startIndex, utf8[end] & 0b1100_0000 == 0b1000_0000 {
                end = utf8.index(before: end)
            }
            for byte in utf8[..<end] { escaped(byte) }
            raw("…")
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case UInt8(ascii: "\n"): raw("\\n")
        case UInt8(ascii: "\r"): raw("\\r")
        case UInt8(ascii: "\t"): raw("\\t")
        case 0x00...0x1f, 0x7f:
            // DEL is legal in JSON; a terminal that shows the line would still obey it.
            raw("\\u00")
            bytes.append(Hex.digit(byte >> 4))
            bytes.append(Hex.digit(byte & 0x0f))
        default: bytes.append(byte)
        }
    }
}

extension OutputSpan<UInt8> {
    /// Copies `text`, for which there must be room.
    fileprivate mutating func append(_ text: Span<UInt8>) {
        unsafe text.withUnsafeBufferPointer { text in
            unsafe withUnsafeMutableBufferPointer { room, count in
                // SAFETY: the copy traps where there is no room, and says how much it has written.
                unsafe count += room.extracting(count...).initialize(fromContentsOf: text)
            }
        }
    }
}

/// Lowercase hexadecimal, as JSON escapes and trace context write it.
enum Hex {
    /// The digit for the low four bits of `nibble`.
    static func digit(_ nibble: UInt8) -> UInt8 {
        let low = nibble & 0x0f
        return low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10
    }

    /// All sixteen digits of `value`, most significant first.
    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            bytes.append(digit(UInt8(truncatingIfNeeded: value >> UInt64(shift))))
        }
    }

    /// Reads `range` as lowercase digits, at most sixteen of them. Nil for anything else,
    /// capitals too.
    static func value(of bytes: Span<UInt8>, in range: Range<Int>) -> UInt64? {
        guard range.upperBound <= bytes.count, (1...16).contains(range.count) else { return nil }
        var value: UInt64 = 0
        for index in range {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
