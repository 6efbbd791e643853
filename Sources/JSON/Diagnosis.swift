// A second look at a document that simdjson refused, to say more than “wrong”. It runs on failure
// only, passes the bytes once, and decides nothing: the document stays refused.

/// simdjson has one code for numbers that are malformed and for those beyond its types.
func refusalOfNumber(in bytes: Span<UInt8>) -> JSONError {
    var scanner = Scanner()
    while let token = scanner.next(in: bytes) {
        guard case .number(let range) = token else { continue }
        let digits = bytes.extracting(range)
        if !isNumber(digits) { return JSONError(.syntax, "expected a number as JSON writes them") }
        if !isRepresentable(digits) {
            return JSONError(.outOfRange, "expected numbers of 64 bits, or finite doubles")
        }
    }
    return JSONError(.syntax, "expected valid JSON")
}

/// simdjson has one code for every wrong string; half a surrogate pair is told apart.
func refusalOfString(in bytes: Span<UInt8>) -> JSONError {
    var scanner = Scanner()
    while let token = scanner.next(in: bytes) {
        if case .string(let range) = token, hasLoneSurrogate(bytes.extracting(range)) {
            return JSONError(.utf8, "expected escaped surrogates in pairs")
        }
    }
    return JSONError(.syntax, "expected strings that are closed and correctly escaped")
}

/// Finds strings and numbers in bytes that are not known to be JSON.
private struct Scanner {
    enum Token {
        /// What is between the quotes.
        case string(Range<Int>)
        /// A run of the bytes that numbers are made of.
        case number(Range<Int>)
    }

    private var at = 0

    mutating func next(in bytes: Span<UInt8>) -> Token? {
        while at < bytes.count {
            let start = at
            at += 1
            switch bytes[start] {
            case UInt8(ascii: "\""):
                while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                    at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                }
                let end = min(at, bytes.count)
                at = end + 1
                return .string(start + 1..<end)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                while at < bytes.count, isNumberByte(bytes[at]) { at += 1 }
                return .number(start..<at)
            default: continue
            }
        }
        return nil
    }
}

private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

private func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    default: isDigit(byte)
    }
}

/// The grammar of RFC 8259, section 6.
private func isNumber(_ bytes: Span<UInt8>) -> Bool {
    var at = 0
    func has(_ byte: UInt8) -> Bool { at < bytes.count && bytes[at] == byte }
    func digits() -> Bool {
        let start = at
        while at < bytes.count, isDigit(bytes[at]) { at += 1 }
        return at > start
    }
    if has(UInt8(ascii: "-")) { at += 1 }
    if has(UInt8(ascii: "0")) { at += 1 } else if !digits() { return false }
    if has(UInt8(ascii: ".")) {
        at += 1
        if !digits() { return false }
    }
    if has(UInt8(ascii: "e")) || has(UInt8(ascii: "E")) {
        at += 1
        if has(UInt8(ascii: "+")) || has(UInt8(ascii: "-")) { at += 1 }
        if !digits() { return false }
    }
    return at == bytes.count
}

private func isRepresentable(_ bytes: Span<UInt8>) -> Bool {
    let text = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    let isInteger = !text.utf8.contains { [0x2E, 0x45, 0x65].contains($0) }
    if isInteger { return Int64(text) != nil || UInt64(text) != nil }
    return Double(text)?.isFinite ?? false
}

private func hasLoneSurrogate(_ bytes: Span<UInt8>) -> Bool {
    var at = 0
    /// The code unit of a `\uXXXX` at `at`, which is then passed.
    func codeUnit() -> UInt16? {
        guard at + 6 <= bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == 0x75 else {
            return nil
        }
        var unit: UInt16 = 0
        for offset in 2..<6 {
            guard let digit = Character(UnicodeScalar(bytes[at + offset])).hexDigitValue else {
                return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        at += 6
        return unit
    }
    while at < bytes.count {
        if let unit = codeUnit() {
            if UTF16.isTrailSurrogate(unit) { return true }
            guard UTF16.isLeadSurrogate(unit) else { continue }
            guard let partner = codeUnit(), UTF16.isTrailSurrogate(partner) else { return true }
        } else {
            at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
    }
    return false
}
