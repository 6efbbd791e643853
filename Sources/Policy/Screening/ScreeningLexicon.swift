/// What words are about: stems, whole words and phrases, in many languages.
///
/// A line of its source is `name: entry entry …`; an entry ends in `*` when it is a stem, and joins
/// words by `_` when it is a phrase. Of scripts without spaces an entry counts wherever it stands.
struct ScreeningLexicon: Sendable {
    /// Concepts in the order of their first lines; a concept is told by its place in it.
    private(set) var names: [String] = []
    private var keys = KeyTable()
    private var phrases: [[Phrase]] = []

    private struct Phrase: Sendable {
        let words: [UInt64]
        /// The last word, or what it begins with.
        let last: [UInt32]
        let isStem: Bool
        let concept: UInt8
    }

    /// A word's place in the text, and what it is about.
    struct Found: Equatable {
        let place: Int
        let concept: UInt8
    }

    private enum Kind: UInt64 {
        case word = 0x9E37_79B9_7F4A_7C15
        case stem = 0xC2B2_AE3D_27D4_EB4F
        case wide = 0x1656_67B1_9E37_79F9
        case phrase = 0x27D4_EB2F_1656_67C5

        func key(_ hash: UInt64) -> UInt64 { hash ^ rawValue | 1 }
    }

    private enum Limits {
        /// Letters of the shortest stem.
        static let stemMin = 3
        /// Characters of the longest entry of a script without spaces.
        static let wideMax = 8
    }

    init(_ source: String, _ fold: (UInt32) -> UInt32?) {
        for line in source.split(separator: "\n") where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = String(line[..<colon])
            if !names.contains(name) { names.append(name) }
            let concept = UInt8(names.firstIndex(of: name) ?? 0)
            for entry in line[line.index(after: colon)...].split(separator: " ") {
                add(entry, concept, fold)
            }
        }
    }

    func concept(_ name: String) -> UInt8 {
        // A name that is not there matches nothing: no text has 255 concepts.
        UInt8(names.firstIndex(of: name) ?? 255)
    }

    private mutating func add(_ entry: Substring, _ concept: UInt8, _ fold: (UInt32) -> UInt32?) {
        let isStem = entry.hasSuffix("*")
        let parts = (isStem ? entry.dropLast() : entry).split(separator: "_")
            .map { ScreeningText($0.unicodeScalars, fold).points }
        if parts.count == 1, parts[0].contains(where: ScreeningText.isWide) {
            keys.insert(Kind.wide.key(Self.hash(parts[0][...])), UInt16(concept))
            return
        }
        let words = parts.flatMap { part in
            ScreeningText.words(part.span).map { Array(part[$0.start..<$0.end]) }
        }
        guard let first = words.first, let last = words.last else { return }
        if words.count == 1 {
            let kind = isStem ? Kind.stem : Kind.word
            keys.insert(kind.key(Self.hash(first[...])), UInt16(concept))
            return
        }
        let phrase = Phrase(
            words: words.map { Self.hash($0[...]) },
            last: last,
            isStem: isStem,
            concept: concept
        )
        let key = Kind.phrase.key(Self.hash(first[...]))
        if let place = keys[key] {
            phrases[Int(place)].append(phrase)
        } else {
            keys.insert(key, UInt16(phrases.count))
            phrases.append([phrase])
        }
    }

    private static func hash(_ points: ArraySlice<UInt32>) -> UInt64 {
        points.reduce(FNV.basis64, FNV.mix)
    }
}

// MARK: - Looking up

extension ScreeningLexicon {
    /// What the words are about, in their order; a phrase counts where it begins, and the longest.
    func concepts(_ points: Span<UInt32>, _ words: [ScreeningText.Word]) -> [Found] {
        var found: [Found] = []
        for place in words.indices {
            let word = words[place]
            let known =
                phrase(points, words, place) ?? keys[Kind.word.key(word.key)].map(UInt8.init)
                ?? stem(points, word)
            if let concept = known {
                found.append(Found(place: place, concept: concept))
            } else if (word.start..<word.end).contains(where: { ScreeningText.isWide(points[$0]) })
            {
                inside(points, word, place, &found)
            }
        }
        return found
    }

    private func stem(_ points: Span<UInt32>, _ word: ScreeningText.Word) -> UInt8? {
        var best: UInt8?
        var hash = FNV.basis64
        for index in word.start..<word.end {
            hash = FNV.mix(hash, points[index])
            if index - word.start + 1 >= Limits.stemMin, let found = keys[Kind.stem.key(hash)] {
                best = UInt8(found)
            }
        }
        return best
    }

    private func phrase(
        _ points: Span<UInt32>,
        _ words: [ScreeningText.Word],
        _ place: Int
    ) -> UInt8? {
        guard let group = keys[Kind.phrase.key(words[place].key)] else { return nil }
        var best: UInt8?
        var length = 0
        for phrase in phrases[Int(group)]
        where phrase.words.count > length && place + phrase.words.count <= words.count {
            let last = phrase.words.count - 1
            guard (1..<max(last, 1)).allSatisfy({ words[place + $0].key == phrase.words[$0] })
            else { continue }
            let word = words[place + last]
            let fits =
                phrase.isStem
                ? word.end - word.start >= phrase.last.count
                    && phrase.last.indices.allSatisfy {
                        points[word.start + $0] == phrase.last[$0]
                    } : word.key == phrase.words[last]
            if fits { (best, length) = (phrase.concept, phrase.words.count) }
        }
        return best
    }

    private func inside(
        _ points: Span<UInt32>,
        _ word: ScreeningText.Word,
        _ place: Int,
        _ found: inout [Found]
    ) {
        var at = word.start
        while at < word.end {
            var hash = FNV.basis64
            var best: (concept: UInt8, length: Int)?
            for index in at..<min(at + Limits.wideMax, word.end) {
                hash = FNV.mix(hash, points[index])
                if let concept = keys[Kind.wide.key(hash)] {
                    best = (UInt8(concept), index - at + 1)
                }
            }
            if let best { found.append(Found(place: place, concept: best.concept)) }
            at += best?.length ?? 1
        }
    }
}

/// Hashes to small numbers, by open addressing: half the cost of a dictionary's own hashing.
private struct KeyTable: Sendable {
    private var keys = [UInt64](repeating: 0, count: 4_096)
    private var values = [UInt16](repeating: 0, count: 4_096)
    private var count = 0

    subscript(key: UInt64) -> UInt16? {
        var index = slot(key)
        while keys[index] != 0 {
            if keys[index] == key { return values[index] }
            index = (index + 1) & (keys.count - 1)
        }
        return nil
    }

    /// What is there already gives way to the later.
    mutating func insert(_ key: UInt64, _ value: UInt16) {
        if count * 2 > keys.count { grow() }
        var index = slot(key)
        while keys[index] != 0, keys[index] != key { index = (index + 1) & (keys.count - 1) }
        if keys[index] == 0 { count += 1 }
        (keys[index], values[index]) = (key, value)
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: 0, count: oldKeys.count * 2)
        values = [UInt16](repeating: 0, count: oldKeys.count * 2)
        count = 0
        for index in oldKeys.indices where oldKeys[index] != 0 {
            insert(oldKeys[index], oldValues[index])
        }
    }

    private func slot(_ key: UInt64) -> Int { Int(key >> 20) & (keys.count - 1) }
}
