/// The vendors' part of a trace context: `key=value` members, the most recent first.
package struct Tracestate: Sendable, Hashable {
    package enum Limits {
        /// Members of one list; the recommendation calls a longer list invalid.
        package static let membersMax = 32
        /// What must at least be passed on, and all that we pass on, in bytes.
        package static let bytesMax = 512
        /// Members longer than this are the first to go when the list is too long.
        package static let memberBytesKept = 128
        package static let keyBytesMax = 256
        package static let valueBytesMax = 256
        /// Of a key `tenant@system`.
        package static let tenantBytesMax = 241
        package static let systemBytesMax = 14
    }

    package struct Member: Sendable, Hashable {
        package let key: String
        package let value: String
        /// Length as written, in bytes.
        fileprivate var byteCount: Int { key.utf8.count + 1 + value.utf8.count }
    }

    /// Never two of one key, never more than `Limits` allow.
    package private(set) var members: [Member] = []

    package var isEmpty: Bool { members.isEmpty }

    package init() {}

    /// Reads the header's value, several headers joined by commas. Nil when one member is malformed
    /// or there are too many: a list is passed on whole or not at all.
    ///
    /// A key that comes again loses to its first place, which is the most recent.
    package init?(_ bytes: Span<UInt8>) {
        var start = 0
        var seen = 0
        while start <= bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: ",") { end += 1 }
            let range = Self.trimmed(bytes, start..<end)
            start = end + 1
            // Members may be empty: `a=1, ,b=2`.
            if range.isEmpty { continue }
            seen += 1
            guard seen <= Limits.membersMax, let member = Self.member(bytes, range) else {
                return nil
            }
            if !members.contains(where: { $0.key == member.key }) { members.append(member) }
        }
        shorten()
    }

    /// Cuts whole members: first the long ones, then from the end, where the oldest stand.
    private mutating func shorten() {
        var byteCount = members.reduce(0) { $0 + $1.byteCount } + max(0, members.count - 1)
        while byteCount > Limits.bytesMax {
            let long = members.lastIndex { $0.byteCount > Limits.memberBytesKept }
            let removed = members.remove(at: long ?? members.endIndex - 1)
            byteCount -= removed.byteCount + 1
        }
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while lower < upper, isOptionalSpace(bytes[lower]) { lower += 1 }
        while lower < upper, isOptionalSpace(bytes[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    private static func member(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Member? {
        guard let equals = range.first(where: { bytes[$0] == UInt8(ascii: "=") }) else {
            return nil
        }
        let key = range.lowerBound..<equals
        let value = (equals + 1)..<range.upperBound
        guard isKey(bytes, key), isValue(bytes, value) else { return nil }
        return Member(key: text(bytes, key), value: text(bytes, value))
    }

    /// `simple` or `tenant@system`; only the tenant may begin with a digit.
    private static func isKey(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard let at = range.first(where: { bytes[$0] == UInt8(ascii: "@") }) else {
            return range.count <= Limits.keyBytesMax
                && isKeyPart(bytes, range, mayBeginWithDigit: false)
        }
        let tenant = range.lowerBound..<at
        let system = (at + 1)..<range.upperBound
        return tenant.count <= Limits.tenantBytesMax && system.count <= Limits.systemBytesMax
            && isKeyPart(bytes, tenant, mayBeginWithDigit: true)
            && isKeyPart(bytes, system, mayBeginWithDigit: false)
    }

    private static func isKeyPart(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        mayBeginWithDigit: Bool
    ) -> Bool {
        guard let first = range.first,
            isLetter(bytes[first]) || mayBeginWithDigit && isDigit(bytes[first])
        else { return false }
        return range.allSatisfy { index in
            switch bytes[index] {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"): true
            default: isLetter(bytes[index]) || isDigit(bytes[index])
            }
        }
    }

    /// Printable ASCII without `,` and `=`. It cannot end in a space: those are trimmed before.
    private static func isValue(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (1...Limits.valueBytesMax).contains(range.count) else { return false }
        return range.allSatisfy { index in
            (0x20...0x7e).contains(bytes[index]) && bytes[index] != UInt8(ascii: "=")
        }
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: range.map { bytes[$0] }, as: UTF8.self)
    }

    private static func isOptionalSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension Tracestate: CustomStringConvertible {
    package var description: String {
        members.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
