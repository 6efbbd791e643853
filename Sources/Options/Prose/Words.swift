/// A sentence as its words: lower case, apostrophes left out, everything else that is no letter
/// and no figure a gap. `Risk-free` is two words, `can't` is one.
struct Words: Sendable {
    /// Of the sentence, in lower case.
    private let bytes: [UInt8]
    /// The words, as places in `bytes`.
    let ranges: [Range<Int>]

    init(_ sentence: String) {
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        bytes.reserveCapacity(sentence.utf8.count)
        var start = 0
        var skipped = 0
        for byte in sentence.utf8 {
            // The typographic apostrophe is E2 80 99.
            let isApostrophe =
                byte == UInt8(ascii: "'") || byte == 0xE2 && skipped == 0
                || byte == 0x80 && skipped == 1 || byte == 0x99 && skipped == 2
            skipped = byte >= 0x80 && isApostrophe ? (skipped + 1) % 3 : 0
            if isApostrophe { continue }
            if Self.isWordByte(byte) {
                let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                bytes.append(isCapital ? byte | 0x20 : byte)
            } else {
                if start < bytes.count { ranges.append(start..<bytes.count) }
                start = bytes.count
            }
        }
        if start < bytes.count { ranges.append(start..<bytes.count) }
        self.bytes = bytes
        self.ranges = ranges
    }

    /// Letters of other alphabets are bytes of 0x80 and more.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: byte >= 0x80
        }
    }

    func word(_ place: Int) -> ArraySlice<UInt8> { bytes[ranges[place]] }

    /// None of the six words before a place takes back what follows.
    func isAsserted(at place: Int) -> Bool {
        !(max(0, place - 6)..<place).contains { Negations.shared.contains(word($0)) }
    }

    func contains(_ phrases: Phrases) -> Bool { phrases.first(in: self) != nil }
}

/// Words that take back what follows them.
private struct Negations: Sendable {
    static let shared = Negations()

    private let words: Set<[UInt8]> = Set(
        [
            "not", "no", "never", "cannot", "cant", "isnt", "arent", "wont", "nobody", "nothing",
            "neither", "nor", "without", "doesnt", "dont", "didnt", "hardly",
        ].map { Array($0.utf8) }
    )

    func contains(_ word: ArraySlice<UInt8>) -> Bool {
        word.count <= 7 && words.contains(Array(word))
    }
}

/// Phrases to listen for, sorted by their first letter. A word that ends in `*` stands for all
/// that begin so.
struct Phrases: Sendable {
    private struct Phrase: Sendable {
        let text: String
        let words: [(letters: [UInt8], isPrefix: Bool)]
    }

    private var byLetter: [[Phrase]] = Array(repeating: [], count: 256)

    init(_ texts: [String]) {
        for text in texts {
            let words = text.utf8.split(separator: UInt8(ascii: " ")).map { word in
                let isPrefix = word.last == UInt8(ascii: "*")
                return (letters: Array(isPrefix ? word.dropLast() : word), isPrefix: isPrefix)
            }
            guard let letter = words.first?.letters.first else { continue }
            byLetter[Int(letter)].append(Phrase(text: text, words: words))
        }
    }

    /// The first phrase that stands in a sentence.
    ///
    /// - Parameter asserted: Only where nothing before it takes it back.
    func first(
        in sentence: Words,
        asserted: Bool = false,
        where holds: (_ phrase: String, _ place: Int, _ end: Int) -> Bool = { _, _, _ in true }
    ) -> String? {
        for place in sentence.ranges.indices {
            guard let letter = sentence.word(place).first else { continue }
            for phrase in byLetter[Int(letter)] where matches(phrase, sentence, place) {
                if asserted, !sentence.isAsserted(at: place) { continue }
                if holds(phrase.text, place, place + phrase.words.count) { return phrase.text }
            }
        }
        return nil
    }

    /// Whether one of them begins at a place.
    func matches(_ sentence: Words, at place: Int) -> Bool {
        guard let letter = sentence.word(place).first else { return false }
        return byLetter[Int(letter)].contains { matches($0, sentence, place) }
    }

    private func matches(_ phrase: Phrase, _ sentence: Words, _ place: Int) -> Bool {
        guard place + phrase.words.count <= sentence.ranges.count else { return false }
        for (offset, wanted) in phrase.words.enumerated() {
            let word = sentence.word(place + offset)
            guard word.count >= wanted.letters.count,
                wanted.isPrefix || word.count == wanted.letters.count,
                word.starts(with: wanted.letters)
            else { return false }
        }
        return true
    }
}
