/// A whole answer, whatever its status: a 500 is an answer, not an error.
package struct HTTPResponse: Sendable {
    package let head: HTTPResponseHead
    package let body: [UInt8]
    package let timing: HTTPTiming

    package init(head: HTTPResponseHead, body: [UInt8], timing: HTTPTiming = HTTPTiming()) {
        self.head = head
        self.body = body
        self.timing = timing
    }

    package var status: Int { head.status }
    package var version: HTTPVersion { head.version }
    package var headers: HTTPHeaders { head.headers }
}

/// What comes before the body.
package struct HTTPResponseHead: Sendable {
    package let status: Int
    package let version: HTTPVersion
    package let headers: HTTPHeaders

    package init(status: Int, version: HTTPVersion = .http1_1, headers: HTTPHeaders) {
        self.status = status
        self.version = version
        self.headers = headers
    }
}

package enum HTTPVersion: Sendable, Equatable {
    case http1_0
    case http1_1
    case http2
    case other
}

/// Where the time went, each counted from the start of the request. Zero for what did not happen:
/// a kept connection has no look-up, no connect and no TLS.
package struct HTTPTiming: Sendable, Equatable {
    package var nameLookup: Duration { .microseconds(micros[0]) }
    package var connect: Duration { .microseconds(micros[1]) }
    package var tls: Duration { .microseconds(micros[2]) }
    package var firstByte: Duration { .microseconds(micros[3]) }
    package var total: Duration { .microseconds(micros[4]) }

    /// As curl counts: a `Duration` is made where one is asked for.
    private let micros: [5 of Int64]

    package init() { micros = [0, 0, 0, 0, 0] }
    init(micros: [5 of Int64]) { self.micros = micros }

    package static func == (a: Self, b: Self) -> Bool {
        a.micros.indices.allSatisfy { a.micros[$0] == b.micros[$0] }
    }
}

/// Header fields in the order they came. Names are compared without case; a name may repeat.
///
/// The bytes are kept as they arrived and read on demand: most callers ask for three of twenty.
package struct HTTPHeaders: Sendable {
    /// Whole lines, each ending in LF, without the status line and the empty one.
    private let lines: [UInt8]

    package init(lines: [UInt8]) { self.lines = lines }

    /// The first value of that name.
    package subscript(_ name: String) -> String? {
        var found: String?
        scan { field in
            guard lines[field.name].matches(name) else { return true }
            found = text(field.value)
            return false
        }
        return found
    }

    /// All values of that name, in order.
    package func values(of name: String) -> [String] {
        var found: [String] = []
        scan { field in
            if lines[field.name].matches(name) { found.append(text(field.value)) }
            return true
        }
        return found
    }

    package var all: [(name: String, value: String)] {
        var all: [(name: String, value: String)] = []
        scan { field in
            all.append((text(field.name), text(field.value)))
            return true
        }
        return all
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: lines[range], as: UTF8.self)
    }

    /// Visits the fields until told to stop. A line without a colon is passed over.
    private func scan(_ visit: ((name: Range<Int>, value: Range<Int>)) -> Bool) {
        var start = 0
        while start < lines.count {
            let end = lines[start...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count
            if let colon = lines[start..<end].firstIndex(of: UInt8(ascii: ":")) {
                let value = trimmed(colon + 1..<end)
                guard visit((start..<colon, value)) else { return }
            }
            start = end + 1
        }
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high, lines[low].isHeaderSpace { low += 1 }
        while high > low, lines[high - 1].isHeaderSpace { high -= 1 }
        return low..<high
    }
}

extension UInt8 {
    /// Blank, tab or CR; a line's LF is its end, not part of it.
    fileprivate var isHeaderSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0d }

    var asciiLowercased: UInt8 { (0x41...0x5a).contains(self) ? self | 0x20 : self }
}

extension ArraySlice<UInt8> {
    /// Whether these bytes are `name`, ASCII case aside.
    fileprivate func matches(_ name: String) -> Bool {
        guard count == name.utf8.count else { return false }
        return zip(self, name.utf8).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }
}
