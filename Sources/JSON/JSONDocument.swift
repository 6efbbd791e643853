internal import Glibc

/// A parsed document: simdjson's tape of words, and the unescaped text its strings point into.
///
/// The layout is told in `CSimdjson.h`. Immutable once made, so that values made from it may be
/// read anywhere; an index that is not of this document traps on the array's bounds.
final class JSONDocument: Sendable {
    let words: [UInt64]
    let text: [UInt8]

    init(words: [UInt64], text: [UInt8]) {
        self.words = words
        self.text = text
    }

    var root: JSONValue { JSONValue(document: self, index: 1) }

    enum Tag {
        static let object = UInt8(ascii: "{")
        static let objectEnd = UInt8(ascii: "}")
        static let array = UInt8(ascii: "[")
        static let arrayEnd = UInt8(ascii: "]")
        static let string = UInt8(ascii: "\"")
        static let int64 = UInt8(ascii: "l")
        static let uint64 = UInt8(ascii: "u")
        static let double = UInt8(ascii: "d")
        static let yes = UInt8(ascii: "t")
        static let no = UInt8(ascii: "f")
        static let null = UInt8(ascii: "n")
    }
}

// MARK: - Words

extension JSONDocument {
    func tag(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index] >> 56) }

    /// Members of an object, elements of an array, or bytes of a string.
    func count(_ index: Int) -> Int { Int(words[index] >> 32 & 0xFF_FFFF) }

    /// The index of the word after the value at `index`.
    func after(_ index: Int) -> Int {
        let word = words[index]
        return switch UInt8(truncatingIfNeeded: word >> 56) {
        case Tag.object, Tag.array: Int(word & 0xFFFF_FFFF)
        case Tag.int64, Tag.uint64, Tag.double: index + 2
        default: index + 1
        }
    }

    /// Where the string at `index` lies in `text`.
    func range(_ index: Int) -> Range<Int> {
        let word = words[index]
        let start = Int(word & 0xFFFF_FFFF)
        return start..<start + Int(word >> 32 & 0xFF_FFFF)
    }

    func string(_ index: Int) -> String { String(decoding: text[range(index)], as: UTF8.self) }

    /// The index of the value of `key` in the object at `object`; nil when there is none.
    func member(_ key: StaticString, of object: Int) -> Int? {
        // SAFETY: a literal's UTF-8 lives as long as the program; none of ours is a lone scalar,
        // which `utf8Start` would trap on.
        let name = unsafe UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        return unsafe member(name.span, of: object)
    }

    func member(_ name: Span<UInt8>, of object: Int) -> Int? {
        let end = after(object) - 1
        var at = object + 1
        while at < end {
            if count(at) == name.count, isEqual(at, to: name) { return at + 1 }
            at = after(at + 1)
        }
        return nil
    }

    /// Whether the string at `index`, known to be as long, is `name`.
    private func isEqual(_ index: Int, to name: Span<UInt8>) -> Bool {
        let range = range(index)
        return unsafe text.withUnsafeBytes { text in
            unsafe name.withUnsafeBytes { name in
                guard let one = unsafe text[range].base.baseAddress,
                    let other = name.baseAddress
                else { return true }
                // SAFETY: slicing has checked the range, which is as long as the name.
                return unsafe memcmp(one + range.lowerBound, other, range.count) == 0
            }
        }
    }
}

// MARK: - Pointers

extension JSONDocument {
    /// The JSON Pointer of the value at `target`, found by walking to it from the root. Only errors
    /// ask for it, so that values need not carry where they are.
    func pointer(to target: Int) -> String {
        var pointer = ""
        var at = 1
        while at < target, let step = step(from: at, towards: target) {
            guard append(token: step.token, to: &pointer) else { return pointer }
            at = step.child
        }
        return pointer
    }

    /// Of the array or object at `container`, the child in which `target` lies, and its name.
    private func step(from container: Int, towards target: Int) -> (token: String, child: Int)? {
        let end = after(container) - 1
        let isObject = tag(container) == Tag.object
        guard isObject || tag(container) == Tag.array else { return nil }
        var child = container + (isObject ? 2 : 1)
        var position = 0
        while child < end {
            let next = after(child)
            if target < next {
                return (isObject ? string(child - 1) : String(position), child)
            }
            child = next + (isObject ? 1 : 0)
            position += 1
        }
        return nil
    }
}

// MARK: - Checks

extension JSONDocument {
    /// Objects of up to this many members compare keys pair by pair: at most 276 compares of one
    /// word. Greater ones sort, which no choice of keys makes slower than n log n.
    private static let pairwiseMembersMax = 24

    /// Checks what simdjson does not: that no object has a key twice, and the depth, in which it
    /// leaves out empty arrays and objects. Passes the tape once.
    func check(depthMax: Int) throws(JSONError) {
        let tape = words
        let words = tape.span
        var depth = 0
        var at = 1
        // The last word is the root's end.
        while at < words.count - 1 {
            let tag = UInt8(truncatingIfNeeded: words[at] >> 56)
            switch tag {
            case Tag.object, Tag.array:
                depth += 1
                guard depth <= depthMax else { throw .tooDeep(depthMax) }
                if tag == Tag.object, let duplicate = firstDuplicate(in: at) {
                    throw JSONError(
                        .duplicateKey,
                        at: pointer(to: duplicate),
                        "expected a key only once"
                    )
                }
                at += 1
            case Tag.objectEnd, Tag.arrayEnd:
                depth -= 1
                at += 1
            case Tag.int64, Tag.uint64, Tag.double: at += 2
            default: at += 1
            }
        }
    }

    /// The index of the first value whose key its object already had; nil when all differ.
    private func firstDuplicate(in object: Int) -> Int? {
        count(object) <= Self.pairwiseMembersMax
            ? firstDuplicateByPairs(in: object) : firstDuplicateBySorting(in: object)
    }

    private func firstDuplicateByPairs(in object: Int) -> Int? {
        // As many as `pairwiseMembersMax`, on the stack.
        var marks = [24 of UInt64](repeating: 0)
        var keys = [24 of Int](repeating: 0)
        var seen = 0
        // What the marks seen so far are, mixed down to one of 64: most keys need no comparing.
        var kinds: UInt64 = 0
        var likenesses = 0
        let (tape, strings) = (words, text)
        let words = tape.span
        let text = strings.span
        let end = after(object) - 1
        var at = object + 1
        while at < end {
            let mark = Self.mark(of: words[at], in: text)
            let kind: UInt64 = 1 << ((mark &* 0x9E37_79B9_7F4A_7C15) >> 58)
            for earlier in 0..<(kinds & kind == 0 ? 0 : seen) where marks[earlier] == mark {
                if order(keys[earlier], at) == nil { return at + 1 }
                likenesses += 1
                // Keys chosen to be alike would be compared in full, each with each.
                if likenesses > Self.pairwiseMembersMax {
                    return firstDuplicateBySorting(in: object)
                }
            }
            (marks[seen], keys[seen]) = (mark, at)
            kinds |= kind
            seen += 1
            at = after(at + 1)
        }
        return nil
    }

    /// What equal keys have in common and different ones rarely: length, first, middle, last byte.
    private static func mark(of key: UInt64, in text: Span<UInt8>) -> UInt64 {
        let start = Int(key & 0xFFFF_FFFF)
        let count = Int(key >> 32 & 0xFF_FFFF)
        guard count > 0 else { return 0 }
        let first = text[start]
        let middle = text[start + count / 2]
        let last = text[start + count - 1]
        return UInt64(count) << 24 | UInt64(first) << 16 | UInt64(middle) << 8 | UInt64(last)
    }

    private func firstDuplicateBySorting(in object: Int) -> Int? {
        var keys: [Int] = []
        keys.reserveCapacity(count(object))
        let end = after(object) - 1
        var at = object + 1
        while at < end {
            keys.append(at)
            at = after(at + 1)
        }
        keys.sort { order($0, $1) ?? ($0 < $1) }
        var first: Int?
        for (earlier, later) in zip(keys, keys.dropFirst()) where order(earlier, later) == nil {
            first = min(first ?? later, later)
        }
        return first.map { $0 + 1 }
    }

    /// Whether the string at `left` comes before that at `right`, in an order that is quick to
    /// decide: by length, then by bytes. Nil when they are equal.
    private func order(_ left: Int, _ right: Int) -> Bool? {
        let (one, other) = (range(left), range(right))
        guard one.count == other.count else { return one.count < other.count }
        for offset in 0..<one.count {
            let (a, b) = (text[one.lowerBound + offset], text[other.lowerBound + offset])
            if a != b { return a < b }
        }
        return nil
    }
}
