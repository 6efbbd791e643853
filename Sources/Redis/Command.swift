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
        beginArgument(text.utf8CodeUnitCount)
        text.withUTF8Buffer { text in unsafe bytes.append(contentsOf: text) }
        endArgument()
    }

    package mutating func append(_ text: String) {
        beginArgument(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
        endArgument()
    }

    package mutating func append(_ raw: [UInt8]) {
        beginArgument(raw.count)
        bytes.append(contentsOf: raw)
        endArgument()
    }

    package mutating func append(_ raw: ArraySlice<UInt8>) {
        beginArgument(raw.count)
        bytes.append(contentsOf: raw)
        endArgument()
    }

    package mutating func append(_ number: Int) {
        let magnitude = number.magnitude
        beginArgument(Self.digitCount(magnitude) + (number < 0 ? 1 : 0))
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDigits(magnitude)
        endArgument()
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
    private mutating func beginArgument(_ count: Int) {
        bytes.append(UInt8(ascii: "$"))
        appendDigits(UInt(count))
        appendLineEnd()
    }

    private mutating func endArgument() {
        appendLineEnd()
        argumentCount += 1
        stampCount()
    }

    /// Writes `*<count>\r\n` into the reserved room, right-aligned.
    private mutating func stampCount() {
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

    private mutating func appendLineEnd() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func appendDigits(_ number: UInt) {
        let first = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[first...].reverse()
    }

    private static func digitCount(_ number: UInt) -> Int {
        var count = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    /// hiredis treats these by name: it would answer never, or more than once.
    private static func keepsReplyOrder(_ name: StaticString) -> Bool {
        switch name.utf8CodeUnitCount {
        case 7, 9...12:
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
