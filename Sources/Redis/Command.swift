/// One command, packed as it goes over the wire.
///
/// ```
/// bytes   |……… *3\r\n|$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n|
///          ^ room for the count, filled from its end
/// ```
/// Arguments are bytes: nothing is escaped and nothing is formatted, so nothing can be injected.
/// Building costs one allocation when `reserving` is enough, sending costs none.
package struct RedisCommand: Sendable {
    /// Room for `*`, the count and its line end.
    private static let headerBytes = 16

    private var bytes: [UInt8]
    private var start = headerBytes
    package private(set) var argumentCount = 0
    /// False for commands after which replies no longer answer commands one by one.
    let isSupported: Bool

    /// - Parameter reserving: Bytes of all arguments, as far as known, plus some 10 for each.
    package init(_ name: StaticString, reserving capacity: Int = 112) {
        bytes = []
        bytes.reserveCapacity(Self.headerBytes + capacity)
        bytes.append(contentsOf: repeatElement(0, count: Self.headerBytes))
        isSupported = Self.keepsReplyOrder(name)
        append(name)
    }

    package init(_ name: StaticString, _ arguments: Argument...) {
        self.init(name)
        for argument in arguments { append(argument) }
    }

    package mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append($0.span) }
    }

    package mutating func append(_ text: String) { append(text.utf8Span.span) }

    package mutating func append(_ raw: [UInt8]) { append(raw.span) }

    package mutating func append(_ raw: ArraySlice<UInt8>) { append(raw.span) }

    package mutating func append(_ number: Int) {
        let digits = Digits(number.magnitude)
        let isNegative = number < 0
        appendArgument(byteCount: digits.count + (isNegative ? 1 : 0)) { output in
            if isNegative { output.append(UInt8(ascii: "-")) }
            digits.write(to: &output)
        }
    }

    package mutating func append(_ argument: Argument) {
        switch argument {
        case .text(let text): append(text)
        case .bytes(let raw): append(raw)
        case .number(let number): append(number)
        }
    }

    /// An argument where commands are written out: `RedisCommand("SET", "key", .bytes(value))`.
    package enum Argument: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case text(String)
        case bytes([UInt8])
        case number(Int)
        package init(stringLiteral text: String) { self = .text(text) }

        /// Its bytes, at the most.
        var byteCount: Int {
            switch self {
            case .text(let text): text.utf8.count
            case .bytes(let raw): raw.count
            case .number: 20
            }
        }

        package init(integerLiteral number: Int) { self = .number(number) }
    }

    /// Lends the command as the protocol has it.
    ///
    /// hiredis looks one byte past a command that has a single argument, so such a command is lent
    /// with a zero behind it, which is not counted.
    func withWireBytes<Answer>(_ body: (UnsafeBufferPointer<UInt8>) -> Answer) -> Answer {
        guard argumentCount == 1 else {
            return unsafe bytes.withUnsafeBufferPointer { all in
                unsafe body(UnsafeBufferPointer(rebasing: all[start...]))
            }
        }
        var terminated = bytes
        terminated.append(0)
        return unsafe terminated.withUnsafeBufferPointer { all in
            unsafe body(UnsafeBufferPointer(rebasing: all[start..<(all.count - 1)]))
        }
    }
}

extension RedisCommand {
    private mutating func append(_ raw: Span<UInt8>) {
        appendArgument(byteCount: raw.count) { output in
            unsafe raw.withUnsafeBufferPointer { raw in
                unsafe output.withUnsafeMutableBufferPointer { room, count in
                    // SAFETY: the copy traps where there is no room, and says how much it wrote.
                    unsafe count += room.extracting(count...).initialize(fromContentsOf: raw)
                }
            }
        }
    }

    /// - Parameter write: Writes exactly `byteCount` bytes.
    private mutating func appendArgument(
        byteCount: Int,
        _ write: (inout OutputSpan<UInt8>) -> Void
    ) {
        let digits = Digits(UInt(byteCount))
        bytes.append(addingCapacity: digits.count + byteCount + 5) { output in
            output.append(UInt8(ascii: "$"))
            digits.write(to: &output)
            output.append(UInt8(ascii: "\r"))
            output.append(UInt8(ascii: "\n"))
            write(&output)
            output.append(UInt8(ascii: "\r"))
            output.append(UInt8(ascii: "\n"))
        }
        argumentCount += 1
        stampCount()
    }

    /// Writes `*<count>\r\n` into the reserved room, right-aligned.
    private mutating func stampCount() {
        guard argumentCount == 1 || argumentCount.isMultiple(of: 10) else {
            // Only the last figure has changed.
            bytes[Self.headerBytes - 3] += 1
            return
        }
        bytes[Self.headerBytes - 1] = UInt8(ascii: "\n")
        bytes[Self.headerBytes - 2] = UInt8(ascii: "\r")
        var place = Self.headerBytes - 3
        var rest = argumentCount
        repeat {
            bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
            place -= 1
        } while rest > 0
        bytes[place] = UInt8(ascii: "*")
        start = place
    }

    /// hiredis treats these by name: it would answer never, or more than once.
    private static func keepsReplyOrder(_ name: StaticString) -> Bool {
        // Most names are told by their length or their first letter.
        let initial = name.withUTF8Buffer { unsafe $0.first ?? 0 } | 0x20
        return switch (name.utf8CodeUnitCount, initial) {
        case (7, UInt8(ascii: "m")), (9...12, UInt8(ascii: "s")), (9...12, UInt8(ascii: "p")),
            (9...12, UInt8(ascii: "u")):
            switch name.description.uppercased() {
            case "MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE",
                "PUNSUBSCRIBE", "SUNSUBSCRIBE":
                false
            default: true
            }
        default: true
        }
    }
}

/// A number's decimal digits, at least one.
private struct Digits {
    /// 20 hold every number; the last `count` are used.
    private var all = [20 of UInt8](repeating: UInt8(ascii: "0"))
    private(set) var count = 0

    init(_ number: UInt) {
        var rest = number
        repeat {
            count += 1
            all[20 - count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }

    func write(to output: inout OutputSpan<UInt8>) {
        for at in (20 - count)..<20 { output.append(all[at]) }
    }
}
