/// Text as the screening sees it: lower case, folded to ASCII where it looks like it, single spaces,
/// nothing that cannot be seen.
///
/// The same steps in the same order as `deploy/screening/text.py`, by which the score was trained.
struct ScreeningText: Sendable {
    var points: [UInt32] = []
    /// What was written in tag characters, which nobody sees: U+E0020 to U+E007E as ASCII.
    var hidden: [UInt32] = []
    /// Characters without width that stood between two Latin letters.
    var invisibleInWords = 0
    /// Words that mix Latin with letters that look like it.
    var mixedWords = 0

    init(_ scalars: some Sequence<Unicode.Scalar>, _ fold: (UInt32) -> UInt32?) {
        var skipped = 0
        for scalar in scalars {
            let point = scalar.value
            if Self.isInvisible(point) {
                if (0xE0020...0xE007E).contains(point) { hidden.append(point - 0xE0000) }
                if Self.isFormat(point) { skipped += 1 }
                continue
            }
            if Self.isSpace(point) {
                if let last = points.last, last != 0x20 { points.append(0x20) }
                skipped = 0
                continue
            }
            let start = points.count
            append(point, scalar, fold)
            if skipped > 0, start > 0, Self.isLatin(points[start - 1]), Self.isLatin(points[start])
            {
                invisibleInWords += skipped
            }
            skipped = 0
        }
        while points.last == 0x20 { points.removeLast() }
        unmask()
    }

    /// Points that are normal already, as decoded or changed ones.
    init(points: [UInt32]) { self.points = points }

    private mutating func append(
        _ point: UInt32,
        _ scalar: Unicode.Scalar,
        _ fold: (UInt32) -> UInt32?
    ) {
        if point < 0x80 {
            points.append((0x41...0x5A).contains(point) ? point + 0x20 : point)
        } else if var folded = fold(point) {
            while folded != 0 {
                points.append(folded & 0xFF)
                folded >>= 8
            }
        } else {
            let lower = scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
            points.append(lower.value)
        }
    }

    /// In a word that mixes Latin with a look-alike script, the look-alikes become Latin.
    private mutating func unmask() {
        var start = 0
        while start < points.count {
            var end = start
            var hasLatin = false
            var hasMixable = false
            while end < points.count, points[end] != 0x20 {
                hasLatin = hasLatin || Self.isLatin(points[end])
                hasMixable = hasMixable || (0x370...0x58F).contains(points[end])
                end += 1
            }
            if hasLatin, hasMixable {
                mixedWords += 1
                for index in start..<end {
                    if let look = Self.lookalikes[points[index]] { points[index] = look }
                }
            }
            start = end + 1
        }
    }
}

// MARK: - Kinds of characters

extension ScreeningText {
    static func isLatin(_ point: UInt32) -> Bool { (0x61...0x7A).contains(point) }
    static func isDigit(_ point: UInt32) -> Bool { (0x30...0x39).contains(point) }
    /// Of scripts that are written without spaces, or with few.
    static func isWide(_ point: UInt32) -> Bool { point >= 0x2E80 }

    /// Letters and digits: ASCII ones, and whatever is beyond ASCII and no sign of punctuation.
    static func isWord(_ point: UInt32) -> Bool {
        if point < 0x80 { return isLatin(point) || isDigit(point) }
        return
            !(point < 0xC0 || (0x2000...0x206F).contains(point)
            || (0x3000...0x303F).contains(point) || (0xFE30...0xFE4F).contains(point)
            || (0xFF00...0xFF20).contains(point))
    }

    static func isSpace(_ point: UInt32) -> Bool {
        switch point {
        case ...0x20, 0x7F...0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    /// Without width, for marks and variants, or for tags: what a reader does not see.
    static func isInvisible(_ point: UInt32) -> Bool {
        if point < 0x300 { return point == 0xAD }
        switch point {
        case 0x300...0x36F, 0x61C, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F,
            0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F,
            0x20D0...0x20FF, 0x3164, 0xFE00...0xFE0F, 0xFE20...0xFE2F, 0xFEFF, 0xFFA0,
            0xE0000...0xE0FFF:
            return true
        default: return false
        }
    }

    /// Of those, the ones that no accent or emoji needs between two Latin letters.
    private static func isFormat(_ point: UInt32) -> Bool {
        switch point {
        case 0xAD, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFEFF, 0xE0000...0xE0FFF:
            true
        default: false
        }
    }

    /// Cyrillic, Greek and Armenian letters, and the Latin ones they are taken for.
    private static let lookalikes: [UInt32: UInt32] = {
        let pairs =
            "аaвbеeѕsіiјjкkмmнhоoрpсcтtуyхxѵvԁdԛqԝwһhӏlьbпnгrαaβbγyεeζzηnιiκkμmνvοoρpτtυuχxωwϲcϳjօoոnսuհhցg"
        var found: [UInt32: UInt32] = [:]
        var look: UInt32?
        for scalar in pairs.unicodeScalars {
            if let seen = look {
                found[seen] = scalar.value
                look = nil
            } else {
                look = scalar.value
            }
        }
        return found
    }()
}

// MARK: - Words

extension ScreeningText {
    /// A run of letters and digits.
    struct Word {
        let start: Int
        let end: Int
        /// FNV-1a over its characters: for features, and for looking it up.
        let hash: UInt32
        let key: UInt64
    }

    static func words(_ points: Span<UInt32>) -> [Word] {
        var found: [Word] = []
        // A word and its space have some six letters: grown once at the most.
        found.reserveCapacity(points.count / 5 + 1)
        var start: Int?
        var hash = FNV.basis32
        var key = FNV.basis64
        for index in points.indices {
            let point = points[index]
            if isWord(point) {
                if start == nil { start = index }
                // One digit is as good as another, where prices are; not where words are looked up.
                hash = FNV.mix(hash, isDigit(point) ? 0x30 : point)
                key = FNV.mix(key, point)
            } else if let first = start {
                found.append(Word(start: first, end: index, hash: hash, key: key))
                (start, hash, key) = (nil, FNV.basis32, FNV.basis64)
            }
        }
        if let first = start {
            found.append(Word(start: first, end: points.count, hash: hash, key: key))
        }
        return found
    }
}

/// FNV-1a, a code point a step.
enum FNV {
    static let basis32: UInt32 = 2_166_136_261
    static let basis64: UInt64 = 14_695_981_039_346_656_037

    static func mix(_ hash: UInt32, _ point: UInt32) -> UInt32 { (hash ^ point) &* 16_777_619 }
    static func mix(_ hash: UInt64, _ point: UInt32) -> UInt64 {
        (hash ^ UInt64(point)) &* 1_099_511_628_211
    }
}
