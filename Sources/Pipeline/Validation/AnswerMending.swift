/// Puts right what a model does to JSON: a fence around it, words before or after it, an end that
/// never came. Nothing is added to what it said: of an answer that was cut short, what was complete
/// is kept.
enum AnswerMending {
    /// The first object in the text, closed where it is open; nil when there is none.
    ///
    /// O(n), and one copy.
    static func object(in text: [UInt8]) -> [UInt8]? {
        guard let start = text.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var scan = Scan(at: start)
        for index in start..<text.count {
            scan.take(text[index], index)
            if scan.isOver { return Array(text[start...index]) }
            if scan.isLost { return nil }
        }
        return scan.closed(text)
    }

    private enum Limits {
        /// Deeper than any answer that is asked for.
        static let depthMax = 16
    }

    /// Where a text stands: inside which brackets, and up to where all is complete.
    private struct Scan {
        private let start: Int
        private var open: [UInt8] = []
        private var isInString = false
        private var isEscaped = false
        /// Behind the last complete member or element, and the brackets open there.
        private var safe: (end: Int, open: [UInt8])?
        /// A member's value begins behind a colon; a string before it is only its name.
        private var isName: [Bool] = []
        private(set) var isLost = false

        init(at start: Int) { self.start = start }

        var isOver: Bool { open.isEmpty && !isInString && safe != nil }

        mutating func take(_ byte: UInt8, _ index: Int) {
            if isInString { return takeInString(byte, index) }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < Limits.depthMax else {
                    isLost = true
                    return
                }
                let isObject = byte == UInt8(ascii: "{")
                open.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
                isName.append(isObject)
                safe = (index + 1, open)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard open.last == byte else {
                    isLost = true
                    return
                }
                open.removeLast()
                isName.removeLast()
                safe = (index + 1, open)
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: ":"): setName(false)
            case UInt8(ascii: ","):
                // What stood before it is complete, a number or a word too.
                safe = (index, open)
                if open.last == UInt8(ascii: "}") { setName(true) }
            default: break
            }
        }

        private mutating func takeInString(_ byte: UInt8, _ index: Int) {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                if isName.last != true { safe = (index + 1, open) }
            }
        }

        private mutating func setName(_ value: Bool) {
            if !isName.isEmpty { isName[isName.count - 1] = value }
        }

        func closed(_ text: [UInt8]) -> [UInt8]? {
            guard let safe else { return nil }
            return Array(text[start..<safe.end]) + safe.open.reversed()
        }
    }
}
