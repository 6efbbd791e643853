/// What the orchestrator calls a request: 1–128 of `A–Z a–z 0–9 _ - . :`.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    /// Nil when the bytes are no identifier; such an entry names no request.
    package init?(_ bytes: some Collection<UInt8>) {
        guard (1...ContractLimits.identifierLengthMax).contains(bytes.count),
            bytes.allSatisfy(Self.allows)
        else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    package init?(_ text: String) { self.init(text.utf8) }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

/// A stream entry's ID, `<ms>-<seq>`: Redis' clock in Unix milliseconds, and a sequence within it.
package struct EntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let milliseconds: UInt64
    package let sequence: UInt64

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Two unsigned decimals around one hyphen, neither empty. Nil for all else.
    package init?(_ bytes: [UInt8]) {
        var halves: [2 of UInt64?] = [nil, nil]
        var half = 0
        for byte in bytes {
            if byte == UInt8(ascii: "-"), half == 0 {
                half = 1
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (tens, over) = (halves[half] ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, past) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if over || past { return nil }
            halves[half] = sum
        }
        guard let milliseconds = halves[0], let sequence = halves[1] else { return nil }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    package init?(_ bytes: some Sequence<UInt8>) { self.init(Array(bytes)) }

    package var description: String {
        // Once for each command about the entry: appending costs a third of an interpolation.
        var text = String(milliseconds)
        text += "-"
        text += String(sequence)
        return text
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.milliseconds, a.sequence) < (b.milliseconds, b.sequence)
    }
}
