/// Where a document that is no JSON goes wrong, for whoever wrote it: the parser itself says nothing
/// of what it refuses.
enum Misfit {
    /// A JSON Pointer, keys as they are written, to the first bare word or number that cannot be
    /// a value: `NaN`, `None`, `01`, `1e999`. Nil where there is none.
    static func pointer(in text: [UInt8]) -> String? {
        var levels: [Level] = []
        var at = 0
        while at < text.count {
            let start = at
            at += 1
            switch text[start] {
            case UInt8(ascii: "{"): levels.append(.object(nil))
            case UInt8(ascii: "["): levels.append(.array(0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
            case UInt8(ascii: ","): next(&levels)
            case UInt8(ascii: "\""):
                while at < text.count, text[at] != UInt8(ascii: "\"") {
                    at += text[at] == UInt8(ascii: "\\") ? 2 : 1
                }
                let end = min(at, text.count)
                at = end + 1
                if case .object(nil) = levels.last {
                    levels[levels.count - 1] = .object(start + 1..<end)
                }
            case _ where isOfWord(text[start]):
                while at < text.count, isOfWord(text[at]) { at += 1 }
                if !isValue(text[start..<at]) { return pointer(levels, text) }
            default: break
            }
            // Deeper than any document that is read.
            if levels.count > 64 { return nil }
        }
        return nil
    }

    private enum Level {
        case array(Int)
        case object(Range<Int>?)
    }

    private static func next(_ levels: inout [Level]) {
        switch levels.popLast() {
        case .array(let index): levels.append(.array(index + 1))
        case .object: levels.append(.object(nil))
        case nil: break
        }
    }

    private static func pointer(_ levels: [Level], _ text: [UInt8]) -> String {
        var pointer = ""
        for level in levels {
            switch level {
            case .array(let index): pointer += "/\(index)"
            case .object(let key):
                guard let key, pointer.utf8.count + key.count < 200 else { return pointer }
                pointer += "/" + String(decoding: text[key], as: UTF8.self)
            }
        }
        return pointer
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    /// A word of JSON, or a number as RFC 8259 writes it that a double or 64 bits can hold.
    private static func isValue(_ word: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: word, as: UTF8.self)
        if ["true", "false", "null"].contains(text) { return true }
        guard text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil else {
            return false
        }
        let isWhole = text.utf8.allSatisfy {
            $0 == UInt8(ascii: "-") || $0 <= UInt8(ascii: "9") && $0 >= UInt8(ascii: "0")
        }
        return isWhole
            ? Int64(text) != nil || UInt64(text) != nil : Double(text)?.isFinite ?? false
    }
}
