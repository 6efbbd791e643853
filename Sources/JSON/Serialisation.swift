// A value that was read, written again: to hash it, to store it, or to send a part of it on.

extension JSONValue {
    /// This value, minified, its members in the document's order. Numbers are written from their
    /// value, so `1.50` and `1.5` give the same bytes, while `1` and `1.0` do not.
    package func bytes() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.finish()
    }

    /// One form for all documents that mean the same, to be hashed: minified, members sorted by the
    /// bytes of their keys in UTF-8, numbers that are equal written alike (`1`, `1.0` and `1e0` are
    /// `1`; `-0.0` is `0`), and no escapes but those that must be.
    ///
    /// It is close to RFC 8785 and not the same: that sorts by UTF-16 and writes all numbers as
    /// ECMAScript does, which loses integers beyond 2⁵³.
    package func canonicalBytes() -> [UInt8] {
        var writer = JSONWriter()
        writer.canonical(self)
        return writer.finish()
    }
}

extension JSONWriter {
    /// A value that was read, in the document's own order.
    package mutating func value(_ value: JSONValue) { write(value, canonically: false) }

    /// A value that was read, in the form of `JSONValue.canonicalBytes()`.
    package mutating func canonical(_ value: JSONValue) { write(value, canonically: true) }

    private mutating func write(_ value: JSONValue, canonically: Bool) {
        let (document, index) = (value.document, value.index)
        let text = document.text
        switch document.tag(index) {
        case JSONDocument.Tag.object:
            writeObject(document, index, canonically: canonically)
        case JSONDocument.Tag.array:
            beginArray()
            for element in JSONArray(document: document, index: index) {
                write(element, canonically: canonically)
            }
            endArray()
        case JSONDocument.Tag.string:
            self.value(utf8: text.span.extracting(document.range(index)))
        case JSONDocument.Tag.int64: self.value(Int64(bitPattern: document.words[index + 1]))
        case JSONDocument.Tag.uint64: self.value(document.words[index + 1])
        case JSONDocument.Tag.double:
            let number = Double(bitPattern: document.words[index + 1])
            if canonically, let integer = Int64(exactly: number) {
                self.value(integer)
            } else if canonically, let integer = UInt64(exactly: number) {
                self.value(integer)
            } else {
                self.value(number)
            }
        case JSONDocument.Tag.yes: self.value(true)
        case JSONDocument.Tag.no: self.value(false)
        default: null()
        }
    }

    private mutating func writeObject(_ document: JSONDocument, _ index: Int, canonically: Bool) {
        beginObject()
        if canonically {
            for key in sortedKeys(document, index) {
                writeMember(document, key, canonically: true)
            }
        } else {
            let end = document.after(index) - 1
            var key = index + 1
            while key < end {
                writeMember(document, key, canonically: false)
                key = document.after(key + 1)
            }
        }
        endObject()
    }

    private mutating func writeMember(_ document: JSONDocument, _ key: Int, canonically: Bool) {
        let text = document.text
        self.key(utf8: text.span.extracting(document.range(key)))
        write(JSONValue(document: document, index: key + 1), canonically: canonically)
    }
}

/// The indices of an object's keys, in the order of their bytes.
private func sortedKeys(_ document: JSONDocument, _ object: Int) -> [Int] {
    let text = document.text
    var keys: [Int] = []
    keys.reserveCapacity(document.count(object))
    let end = document.after(object) - 1
    var key = object + 1
    while key < end {
        keys.append(key)
        key = document.after(key + 1)
    }
    keys.sort {
        text[document.range($0)].lexicographicallyPrecedes(text[document.range($1)])
    }
    return keys
}
