/// Reads one JSON document (RFC 8259) into a `JSONValue`, in one pass and without Foundation.
///
/// The simulator parses every request it is sent, prompt and schema included, and shares the
/// machine with the worker that a benchmark measures; this costs a tenth of `JSONDecoder`.
package struct JSONParser {
    /// Deeper documents are refused. A strict schema may nest 10 levels, each of which takes up to
    /// four levels of JSON; the rest of a request takes fewer than ten.
    package static let depthMax = 128

    /// The document is not JSON, or nests too deeply.
    package struct Failure: Error, Equatable {
        /// Where reading stopped, in bytes from the start.
        package let offset: Int
    }

    private let bytes: [UInt8]
    package private(set) var offset: Int
    private let repeated: RepeatedValues?
    /// The compact text of those members of the document that `repeated` is to keep.
    private var compactMembers: [String: [UInt8]] = [:]

    package init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
        repeated = nil
    }

    private init(_ bytes: [UInt8], repeated: RepeatedValues) {
        self.bytes = bytes
        offset = 0
        self.repeated = repeated
    }

    /// The whole of `bytes`, and the text of the members that `repeated` names.
    package static func parse(
        _ bytes: [UInt8],
        repeated: RepeatedValues
    ) throws(Failure)
        -> (document: JSONValue, compactMembers: [String: [UInt8]])
    {
        var parser = JSONParser(bytes, repeated: repeated)
        return (try parser.document(), parser.compactMembers)
    }

    /// The whole of `bytes` as one document, with nothing but white space around it.
    package static func parse(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        var parser = JSONParser(bytes)
        return try parser.document()
    }

    private mutating func document() throws(Failure) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw failure }
        return value
    }

    package static func parse(_ text: String) throws(Failure) -> JSONValue {
        try parse(Array(text.utf8))
    }

    /// The value that starts at the current offset; what follows it is left alone.
    package mutating func next() throws(Failure) -> JSONValue { try value(depth: 0) }

    private var failure: Failure { Failure(offset: offset) }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        skipSpace()
        guard offset < bytes.count, depth < Self.depthMax else { throw failure }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Failure) -> JSONValue {
        guard bytes[offset...].starts(with: word.utf8) else { throw failure }
        offset += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        offset += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw failure }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure }
            let value = depth == 0 ? try topMember(name) : try value(depth: depth + 1)
            members.append(JSONValue.Member(name, value))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw failure }
        }
    }

    private mutating func topMember(_ name: String) throws(Failure) -> JSONValue {
        guard let repeated, repeated.names.contains(name) else { return try value(depth: 1) }
        skipSpace()
        if let known = repeated.find(at: offset, of: bytes) {
            offset += known.bytes.count
            compactMembers[name] = known.compact
            return known.value
        }
        let start = offset
        let value = try value(depth: 1)
        let entry = RepeatedValues.Entry(bytes: Array(bytes[start..<offset]), value: value)
        repeated.keep(entry)
        compactMembers[name] = entry.compact
        return value
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        offset += 1
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(items) }
            guard take(UInt8(ascii: ",")) else { throw failure }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// A string; most have no escape and are copied in one piece.
    private mutating func string() throws(Failure) -> String {
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let text = try text(in: bytes[start..<offset])
                offset += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw failure
            default: offset += 1
            }
        }
        throw failure
    }

    private func text(in bytes: ArraySlice<UInt8>) throws(Failure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure }
        return text
    }

    private mutating func escapedString(from start: Int) throws(Failure) -> String {
        var plain = Array(bytes[start..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(in: plain[...])
            case UInt8(ascii: "\\"): try escape(into: &plain)
            case 0..<0x20: throw failure
            default: plain.append(byte)
            }
        }
        throw failure
    }

    private mutating func escape(into plain: inout [UInt8]) throws(Failure) {
        guard offset < bytes.count else { throw failure }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain.append(byte)
        case UInt8(ascii: "b"): plain.append(0x08)
        case UInt8(ascii: "f"): plain.append(0x0C)
        case UInt8(ascii: "n"): plain.append(0x0A)
        case UInt8(ascii: "r"): plain.append(0x0D)
        case UInt8(ascii: "t"): plain.append(0x09)
        case UInt8(ascii: "u"): plain.append(contentsOf: String(try escapedScalar()).utf8)
        default: throw failure
        }
    }

    /// The scalar of `\uXXXX` or of a pair of them; a lone surrogate is U+FFFD, as text must be.
    private mutating func escapedScalar() throws(Failure) -> Character {
        let first = try fourHexDigits()
        guard (0xD800...0xDBFF).contains(first) else {
            return Character(Unicode.Scalar(first) ?? "\u{FFFD}")
        }
        guard bytes.count - offset >= 6, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let resume = offset
        offset += 2
        let second = try fourHexDigits()
        guard (0xDC00...0xDFFF).contains(second) else {
            offset = resume
            return "\u{FFFD}"
        }
        let scalar = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        return Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")
    }

    private mutating func fourHexDigits() throws(Failure) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw failure }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[offset]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw failure
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = offset
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        guard offset < bytes.count else { throw failure }
        if !take(UInt8(ascii: "0")) {
            guard try digits() > 0 else { throw failure }
        }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard try digits() > 0 else { throw failure }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            guard try digits() > 0 else { throw failure }
        }
        let text = try text(in: bytes[start..<offset])
        if isWhole, let whole = Int(text) { return .integer(whole) }
        guard let real = Double(text), real.isFinite else { throw failure }
        return .number(real)
    }

    private mutating func digits() throws(Failure) -> Int {
        let start = offset
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
        return offset - start
    }
}
