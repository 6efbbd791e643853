import Contract
import JSON

/// Prints one JSON document, and nothing else.
func printJSON(_ write: (inout JSONWriter) -> Void) {
    print(String(decoding: JSONWriter.bytes(reserving: 4_096, write), as: UTF8.self))
}

extension JSONWriter {
    mutating func object(_ members: (inout JSONWriter) -> Void) {
        beginObject()
        members(&self)
        endObject()
    }

    mutating func array<Element>(
        _ key: StaticString,
        _ elements: some Sequence<Element>,
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        self.key(key)
        beginArray()
        for element in elements { write(&self, element) }
        endArray()
    }

    mutating func field(_ key: StaticString, orNull text: String?) {
        self.key(key)
        if let text { value(text) } else { null() }
    }

    mutating func field(_ key: StaticString, orNull number: Int64?) {
        self.key(key)
        if let number { value(number) } else { null() }
    }

    /// Exact to nine places.
    mutating func field(_ key: StaticString, usd amount: NanoUSD) {
        self.key(key)
        dollars(amount)
    }
}
