/// Running text as the rules read it: a sentence an element.
package enum Sentences {
    /// Ends a sentence at `.`, `!` or `?` before white space, so that `425.50` stays whole.
    package static func of(_ text: String) -> [String] {
        let bytes = text.utf8
        var sentences: [String] = []
        // Where the sentence begins; nil while only white space has come.
        var start: String.Index?
        var ends = false
        func close(_ end: String.Index) {
            if let first = start, let sentence = String(bytes[first..<end]) {
                sentences.append(sentence)
            }
            start = nil
        }
        for index in bytes.indices {
            let byte = bytes[index]
            let isSpace = byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
            if ends, isSpace { close(index) }
            if !isSpace { start = start ?? index }
            ends =
                byte == UInt8(ascii: ".") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
        }
        close(text.endIndex)
        return sentences
    }
}
