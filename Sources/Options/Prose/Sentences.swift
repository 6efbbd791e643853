/// Running text as the rules read it: a sentence an element.
package enum Sentences {
    /// Ends a sentence at `.`, `!` or `?` before white space, so that `425.50` stays whole.
    package static func of(_ text: String) -> [String] {
        var sentences: [String] = []
        var start = text.startIndex
        var index = start
        var ends = false
        func close(_ end: String.Index) {
            let sentence = text[start..<end].trimmingPrefix(while: \.isWhitespace)
            if !sentence.isEmpty { sentences.append(String(sentence)) }
        }
        while index < text.endIndex {
            let character = text[index]
            if ends, character.isWhitespace {
                close(index)
                start = index
            }
            ends = character == "." || character == "!" || character == "?"
            index = text.index(after: index)
        }
        close(text.endIndex)
        return sentences
    }
}
