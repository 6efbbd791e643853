/// A sentence as its words: lower case, apostrophes left out, everything else that is no letter
/// and no figure a gap. `Risk-free` is two words, `can't` is one.
struct Words: Sendable {
    /// Of one or several sentences, in lower case.
    fileprivate let bytes: [UInt8]
    /// Where words begin and end in `bytes`.
    fileprivate let places: [WordPlace]
    /// The sentence's own among `places`.
    fileprivate let range: Range<Int>

    var count: Int { range.count }

    init(_ sentence: String) {
        var reader = WordReader(room: sentence.utf8.count)
        reader.read(sentence)
        (bytes, places) = (reader.bytes, reader.places)
        range = 0..<places.count
    }

    private init(_ reader: WordReader, _ range: Range<Int>) {
        (bytes, places) = (reader.bytes, reader.places)
        self.range = range
    }

    /// Of several sentences, which share what they are kept in.
    static func all(_ sentences: [String]) -> [Words] {
        var reader = WordReader(room: sentences.reduce(0) { $0 + $1.utf8.count })
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(sentences.count)
        for sentence in sentences {
            let start = reader.places.count
            reader.read(sentence)
            ranges.append(start..<reader.places.count)
        }
        return ranges.map { Words(reader, $0) }
    }

    func contains(_ phrases: Phrases) -> Bool { phrases.first(in: self) != nil }

    /// How many of its words begin one of the phrases, counted up to `most`.
    func places(of phrases: Phrases, most: Int) -> Int {
        var found = 0
        for place in 0..<count where phrases.matches(self, at: place) {
            found += 1
            if found == most { break }
        }
        return found
    }
}

private struct WordPlace {
    let start: Int32
    let end: Int32
    /// Its first eight letters, or all and zeros.
    let head: UInt64

    init(_ start: Int, _ bytes: [UInt8]) {
        (self.start, end) = (Int32(start), Int32(bytes.count))
        head = Self.head(bytes[start...])
    }

    static func head(_ letters: ArraySlice<UInt8>) -> UInt64 {
        var head: UInt64 = 0
        for (place, letter) in letters.prefix(8).enumerated() {
            head |= UInt64(letter) << (8 * place)
        }
        return head
    }
}

private struct WordReader {
    private(set) var bytes: [UInt8] = []
    private(set) var places: [WordPlace] = []

    init(room: Int) {
        bytes.reserveCapacity(room)
        // English words have five letters and more, with the gap behind them.
        places.reserveCapacity(room / 5 + 2)
    }

    mutating func read(_ sentence: String) {
        let text = sentence.utf8Span.span
        var start = bytes.count
        var skipped = 0
        for index in text.indices {
            let byte = text[index]
            let kind = Self.written(byte)
            if kind == Self.gap {
                // The typographic apostrophe is E2 80 99.
                skipped = 0
                if byte == UInt8(ascii: "'") { continue }
                if start < bytes.count { places.append(WordPlace(start, bytes)) }
                start = bytes.count
                continue
            }
            if byte >= 0x80 {
                let isApostrophe =
                    byte == 0xE2 && skipped == 0 || byte == 0x80 && skipped == 1
                    || byte == 0x99 && skipped == 2
                skipped = isApostrophe ? (skipped + 1) % 3 : 0
                if isApostrophe { continue }
            } else {
                skipped = 0
            }
            bytes.append(kind)
        }
        if start < bytes.count { places.append(WordPlace(start, bytes)) }
    }

    private static let gap: UInt8 = 0

    /// What a byte becomes in a word: itself, its small letter, or a gap.
    private static func written(_ byte: UInt8) -> UInt8 {
        let small = byte | 0x20
        if small >= UInt8(ascii: "a"), small <= UInt8(ascii: "z") { return small }
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { return byte }
        // Letters of other alphabets.
        return byte >= 0x80 ? byte : gap
    }
}

/// Phrases to listen for, sorted by their first letter. A word that ends in `*` stands for all
/// that begin so.
///
/// A class, so that a look at one of them copies nothing.
final class Phrases: Sendable {
    /// Of all words of all phrases, one behind the other.
    private let letters: [UInt8]
    private let words: [Word]
    private let phrases: [Phrase]
    private let texts: [String]
    /// Where the phrases of a first letter begin; those of the next one follow.
    private let buckets: [257 of Int32]

    private struct Word {
        let place: WordPlace
        let isPrefix: Bool
        /// What of a word's head is `place.head`: of a whole word all of it, zeros too.
        let mask: UInt64

        init(_ place: WordPlace, isPrefix: Bool) {
            self.place = place
            self.isPrefix = isPrefix
            let size = place.end - place.start
            mask = size >= 8 || !isPrefix ? .max : (1 << (8 * UInt64(size))) - 1
        }
    }

    private struct Phrase {
        let firstWord: Int32
        let wordCount: Int32
        /// The first word's: nearly all that are looked at end there.
        let head: UInt64
        let mask: UInt64
    }

    init(_ texts: [String]) {
        var letters: [UInt8] = []
        var words: [Word] = []
        var phrases: [Phrase] = []
        var kept: [String] = []
        var buckets: [257 of Int32] = .init(repeating: 0)
        let sorted = texts.enumerated().filter { !$0.element.isEmpty }.sorted {
            ($0.element.utf8.first ?? 0, $0.offset) < ($1.element.utf8.first ?? 0, $1.offset)
        }
        for (_, text) in sorted {
            let first = words.count
            for word in text.utf8.split(separator: UInt8(ascii: " ")) {
                let isPrefix = word.last == UInt8(ascii: "*")
                let start = letters.count
                letters += isPrefix ? Array(word.dropLast()) : Array(word)
                words.append(Word(WordPlace(start, letters), isPrefix: isPrefix))
            }
            phrases.append(
                Phrase(
                    firstWord: Int32(first),
                    wordCount: Int32(words.count - first),
                    head: words[first].place.head,
                    mask: words[first].mask
                )
            )
            kept.append(text)
            for letter in Int(text.utf8.first ?? 0)..<256 { buckets[letter + 1] += 1 }
        }
        (self.letters, self.words, self.phrases) = (letters, words, phrases)
        (self.texts, self.buckets) = (kept, buckets)
    }

    /// The first phrase that stands in a sentence.
    ///
    /// - Parameter asserted: Only where nothing before it takes it back.
    func first(
        in sentence: Words,
        asserted: Bool = false,
        where holds: (_ phrase: String, _ place: Int, _ end: Int) -> Bool = { _, _, _ in true }
    ) -> String? {
        for place in 0..<sentence.count {
            let head = sentence.head(place)
            let letter = Int(head & 0xFF)
            for phrase in Int(buckets[letter])..<Int(buckets[letter + 1])
            where head & phrases[phrase].mask == phrases[phrase].head
                && matches(phrase, sentence, place)
            {
                if asserted, !sentence.isAsserted(at: place) { continue }
                let end = place + Int(phrases[phrase].wordCount)
                if holds(texts[phrase], place, end) { return texts[phrase] }
            }
        }
        return nil
    }

    /// Whether one of them begins at a place.
    func matches(_ sentence: Words, at place: Int) -> Bool {
        let head = sentence.head(place)
        let letter = Int(head & 0xFF)
        for phrase in Int(buckets[letter])..<Int(buckets[letter + 1])
        where head & phrases[phrase].mask == phrases[phrase].head
            && matches(phrase, sentence, place)
        { return true }
        return false
    }

    private func matches(_ phrase: Int, _ sentence: Words, _ place: Int) -> Bool {
        let (first, count) = (Int(phrases[phrase].firstWord), Int(phrases[phrase].wordCount))
        guard place + count <= sentence.count else { return false }
        for offset in 0..<count {
            let wanted = words[first + offset]
            let word = sentence.places[sentence.range.lowerBound + place + offset]
            let (size, length) = (wanted.place.end - wanted.place.start, word.end - word.start)
            guard wanted.isPrefix ? length >= size : length == size,
                word.head & wanted.mask == wanted.place.head
            else { return false }
            guard size > 8 else { continue }
            for letter in 8..<size
            where letters[Int(wanted.place.start + letter)]
                != sentence.bytes[Int(word.start + letter)]
            { return false }
        }
        return true
    }
}

extension Words {
    fileprivate func head(_ place: Int) -> UInt64 { places[range.lowerBound + place].head }

    /// None of the six words before a place takes back what follows.
    fileprivate func isAsserted(at place: Int) -> Bool {
        (max(0, place - 6)..<place).allSatisfy { !Self.negations.matches(self, at: $0) }
    }

    /// Words that take back what follows them.
    private static let negations = Phrases([
        "not", "no", "never", "cannot", "cant", "isnt", "arent", "wont", "nobody", "nothing",
        "neither", "nor", "without", "doesnt", "dont", "didnt", "hardly",
    ])
}
