/// The members of an object. Keys are compared byte by byte, after unescaping; none is there twice.
///
/// Finding one passes those before it, which for the dozen members of a request is the quickest
/// way; who wants all of a great object reads it in order.
package struct JSONObject: Sendable {
    let document: JSONDocument
    let index: Int

    package var count: Int { document.count(index) }

    /// The object as a value: for its pointer, or an error about the whole of it.
    package var value: JSONValue { JSONValue(document: document, index: index) }

    /// The member as it stands, be it null; nil when there is none.
    package subscript(_ key: StaticString) -> JSONValue? {
        document.member(key, of: index).map { JSONValue(document: document, index: $0) }
    }

    /// The member, which must be there. A null is there, and fails when its type is asked for.
    package func required(_ key: StaticString) throws(JSONError) -> JSONValue {
        guard let value = self[key] else { throw missing(key.description) }
        return value
    }

    /// The member; nil when it is absent, and when it is null.
    package func optional(_ key: StaticString) -> JSONValue? {
        guard let value = self[key], !value.isNull else { return nil }
        return value
    }

    /// The same for a key that is known at run time only.
    package subscript(named key: String) -> JSONValue? {
        document.member(key.utf8Span.span, of: index)
            .map { JSONValue(document: document, index: $0) }
    }

    private func missing(_ key: String) -> JSONError {
        var pointer = document.pointer(to: index)
        _ = append(token: key, to: &pointer)
        return JSONError(.missing, at: pointer, "is required")
    }
}

extension JSONObject: Sequence {
    package typealias Element = (key: String, value: JSONValue)

    package var underestimatedCount: Int { count }

    /// Members in the document's order.
    package func makeIterator() -> Iterator {
        Iterator(document: document, at: index + 1, end: document.after(index) - 1)
    }

    package struct Iterator: IteratorProtocol {
        let document: JSONDocument
        var at: Int
        let end: Int

        package mutating func next() -> Element? {
            guard at < end else { return nil }
            let value = JSONValue(document: document, index: at + 1)
            defer { at = document.after(at + 1) }
            return (document.string(at), value)
        }
    }
}

/// The elements of an array.
///
/// `try array.map(Leg.init)`, with an initialiser that throws `JSONError`, throws it too; a closure
/// written out must say so: `{ (leg) throws(JSONError) in … }`.
package struct JSONArray: Sendable {
    let document: JSONDocument
    let index: Int

    package var count: Int { document.count(index) }
    package var isEmpty: Bool { count == 0 }

    /// The array as a value: for its pointer, or an error about the whole of it.
    package var value: JSONValue { JSONValue(document: document, index: index) }
}

extension JSONArray: Sequence {
    package var underestimatedCount: Int { count }

    /// Elements in order; `enumerated()` gives their positions.
    package func makeIterator() -> Iterator {
        Iterator(document: document, at: index + 1, end: document.after(index) - 1)
    }

    package struct Iterator: IteratorProtocol {
        let document: JSONDocument
        var at: Int
        let end: Int

        package mutating func next() -> JSONValue? {
            guard at < end else { return nil }
            defer { at = document.after(at) }
            return JSONValue(document: document, index: at)
        }
    }
}
