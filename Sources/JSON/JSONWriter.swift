/// Appends one JSON value to bytes, minified.
///
/// It checks nothing but nesting, and that in debug builds only: what is opened is closed, and an
/// object's members are a key and a value each. Separators are its own affair.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.key("symbol"); writer.value("SPY")
///     writer.field("quantity", 10)
///     writer.endObject()
///     let bytes = writer.finish()
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8]
    /// Whether the next value or key comes after another one, and needs a comma.
    private var follows = false
    private var depth = 0

    /// - Parameter reservingCapacity: The bytes expected; 512 holds an event, and spares growing.
    package init(reservingCapacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(reservingCapacity)
    }

    /// The written value's bytes.
    package consuming func finish() -> [UInt8] {
        assert(depth == 0, "an array or object was not closed")
        return bytes
    }

    /// Forgets what was written and keeps the memory, for a writer that is used again and again.
    package mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        follows = false
        depth = 0
    }

    private mutating func separate() {
        if follows { bytes.append(UInt8(ascii: ",")) }
        follows = true
    }
}

// MARK: - Structure

extension JSONWriter {
    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        follows = false
        depth += 1
    }

    private mutating func close(_ bracket: UInt8) {
        assert(depth > 0, "closed more than was opened")
        bytes.append(bracket)
        follows = true
        depth -= 1
    }

    /// A key known when the program was written, holding nothing that JSON escapes: no quote, no
    /// backslash, no control character. It is copied as it stands.
    package mutating func key(_ key: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        // SAFETY: a literal's UTF-8 lives as long as the program; none of ours is a lone scalar,
        // which `utf8Start` would trap on.
        let text = unsafe UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        assert(unsafe text.allSatisfy { !needsEscape($0) }, "use key(escaping:)")
        unsafe bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        follows = false
    }

    /// Any key, escaped.
    package mutating func key(escaping key: String) { self.key(utf8: key.utf8Span.span) }

    /// A key given as its bytes, which the caller knows to be UTF-8; escaped.
    package mutating func key(utf8 key: Span<UInt8>) {
        separate()
        appendString(key)
        bytes.append(UInt8(ascii: ":"))
        follows = false
    }
}

// MARK: - Values

extension JSONWriter {
    package mutating func value(_ string: String) {
        separate()
        appendString(string.utf8Span.span)
    }

    /// A string given as its bytes, which the caller knows to be UTF-8.
    package mutating func value(utf8 string: Span<UInt8>) {
        separate()
        appendString(string)
    }

    package mutating func value(_ number: Int64) {
        separate()
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        append(number.magnitude, digitsMin: 1)
    }

    package mutating func value(_ number: Int) { value(Int64(number)) }

    package mutating func value(_ number: UInt64) {
        separate()
        append(number, digitsMin: 1)
    }

    /// The shortest digits that read back as the same bits; `1.0` keeps its point. JSON has no
    /// infinity and no NaN: like ECMAScript's `JSON.stringify` they become null, so that the
    /// document stays readable and its reader decides.
    package mutating func value(_ number: Double) {
        guard number.isFinite else { return null() }
        separate()
        // Up to 15 characters, which prices have, this String lives in registers.
        bytes.append(contentsOf: number.description.utf8)
    }

    package mutating func value(_ bool: Bool) {
        if bool { literal("true") } else { literal("false") }
    }

    package mutating func null() { literal("null") }

    /// A number given exactly, as an integer of units of 10^-scale: `18_350_000` nano-dollars at
    /// scale 9 are `0.01835`. Trailing zeros, and a point with nothing behind it, are left out.
    ///
    /// - Parameter scale: Digits behind the point, 0 or more.
    package mutating func decimal(_ units: Int64, scale: Int) {
        separate()
        if units < 0 { bytes.append(UInt8(ascii: "-")) }
        guard units != 0 else { return bytes.append(UInt8(ascii: "0")) }
        var (digits, scale) = (units.magnitude, max(scale, 0))
        while scale > 0, digits % 10 == 0 { (digits, scale) = (digits / 10, scale - 1) }
        append(digits, digitsMin: scale + 1)
        if scale > 0 { bytes.insert(UInt8(ascii: "."), at: bytes.count - scale) }
    }

    /// One value already encoded, copied as it stands. The caller answers for its being JSON.
    package mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    private mutating func literal(_ text: StaticString) {
        separate()
        // SAFETY: as in `key`.
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }
}

// MARK: - Members

extension JSONWriter {
    package mutating func field(_ key: StaticString, _ string: String) {
        self.key(key)
        value(string)
    }

    package mutating func field(_ key: StaticString, _ number: Int64) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ number: Int) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ number: Double) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ bool: Bool) {
        self.key(key)
        value(bool)
    }
}

// MARK: - Characters

/// What RFC 8259, section 7 says must be escaped.
private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// The position of the first byte of `text` from `start` on that must be escaped, or its count.
private func firstEscape(in text: Span<UInt8>, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = ones &* UInt64(UInt8(ascii: "\""))
    let backslashes = ones &* UInt64(UInt8(ascii: "\\"))
    /// Bytes of `word` below `bound`, as set high bits; right up to the lowest one set.
    func less(_ word: UInt64, than bound: UInt64) -> UInt64 {
        (word &- ones &* bound) & ~word & (ones &* 0x80)
    }
    var at = start
    let bytes = unsafe text.bytes
    while at + 8 <= text.count {
        // SAFETY: eight bytes from `at` on are within the text.
        let word = unsafe UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
        )
        let escapes =
            less(word, than: 0x20) | less(word ^ quotes, than: 1)
            | less(word ^ backslashes, than: 1)
        if escapes != 0 { return at + escapes.trailingZeroBitCount / 8 }
        at += 8
    }
    while at < text.count, !needsEscape(text[at]) { at += 1 }
    return at
}

extension JSONWriter {
    private mutating func appendString(_ text: Span<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        while true {
            let escape = firstEscape(in: text, from: start)
            append(text, start..<escape)
            guard escape < text.count else { break }
            appendEscape(of: text[escape])
            start = escape + 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ text: Span<UInt8>, _ range: Range<Int>) {
        unsafe text.extracting(range).withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: $0)
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0..<0x20:
            bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
            bytes.append(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0xF
            bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        default: bytes.append(byte)
        }
    }

    /// Decimal digits, with zeros before them up to `digitsMin`.
    private mutating func append(_ number: UInt64, digitsMin: Int) {
        // 20 digits hold every `UInt64`.
        var digits = [20 of UInt8](repeating: UInt8(ascii: "0"))
        var first = digits.count
        var rest = number
        while rest > 0 {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        let count = digits.count - first
        for _ in 0..<max(digitsMin - count, 0) { bytes.append(UInt8(ascii: "0")) }
        for at in first..<digits.count { bytes.append(digits[at]) }
    }
}
