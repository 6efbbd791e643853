package import Contract
package import JSON

extension JSONWriter {
    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        beginObject()
        members(&self)
        endObject()
    }

    package mutating func array<Element>(
        _ key: StaticString,
        _ elements: some Sequence<Element>,
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        self.key(key)
        beginArray()
        for element in elements { write(&self, element) }
        endArray()
    }

    package mutating func field(_ key: StaticString, orNull text: String?) {
        self.key(key)
        if let text { value(text) } else { null() }
    }

    package mutating func field(_ key: StaticString, orNull number: Int64?) {
        self.key(key)
        if let number { value(number) } else { null() }
    }

    /// Exact to nine places.
    package mutating func field(_ key: StaticString, usd amount: NanoUSD) {
        self.key(key)
        dollars(amount)
    }
}
