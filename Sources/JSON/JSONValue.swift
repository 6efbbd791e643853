internal import Glibc  // libm: rounding a double is a call into it on older processors

/// What a value is, as RFC 8259 divides them. Integers and others are both numbers.
package enum JSONKind: String, Hashable, Sendable {
    case object, array, string, number, bool, null
}

/// One value of a parsed document. It is two words, holds its document in memory, and may be
/// copied, kept and sent; strings read from it are copies.
///
/// Each accessor answers the type asked for or throws a `JSONError` that names this value's place:
///
///     let order = try parser.parse(bytes).object()
///     let price = try order.required("market_context").object().required("current_price").double()
///     let limit = try order.optional("limit")?.int64(in: 1...100)
package struct JSONValue: Sendable {
    let document: JSONDocument
    let index: Int

    package var kind: JSONKind {
        switch document.tag(index) {
        case JSONDocument.Tag.object: .object
        case JSONDocument.Tag.array: .array
        case JSONDocument.Tag.string: .string
        case JSONDocument.Tag.yes, JSONDocument.Tag.no: .bool
        case JSONDocument.Tag.null: .null
        default: .number
        }
    }

    package var isNull: Bool { document.tag(index) == JSONDocument.Tag.null }

    /// Where this value is, as a JSON Pointer (RFC 6901). Costs a walk from the document's root.
    package var pointer: String { document.pointer(to: index) }

    /// An error about this value, for rules that its reader knows and JSON does not.
    package func error(_ code: JSONError.Code, _ expectation: String) -> JSONError {
        JSONError(code, at: pointer, expectation)
    }
}

// MARK: - Containers

extension JSONValue {
    package func object() throws(JSONError) -> JSONObject {
        guard document.tag(index) == JSONDocument.Tag.object else {
            throw error(.wrongType, "expected an object")
        }
        return JSONObject(document: document, index: index)
    }

    package func array() throws(JSONError) -> JSONArray {
        guard document.tag(index) == JSONDocument.Tag.array else {
            throw error(.wrongType, "expected an array")
        }
        return JSONArray(document: document, index: index)
    }
}

// MARK: - Scalars

extension JSONValue {
    package func string() throws(JSONError) -> String {
        guard document.tag(index) == JSONDocument.Tag.string else {
            throw error(.wrongType, "expected a string")
        }
        return document.string(index)
    }

    /// Lends a string's bytes, in UTF-8 and unescaped, where a `String` is not needed.
    package func withUTF8<Value>(
        _ body: (Span<UInt8>) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        guard document.tag(index) == JSONDocument.Tag.string else {
            throw error(.wrongType, "expected a string")
        }
        let text = document.text
        return try body(text.span.extracting(document.range(index)))
    }

    /// A string that must be the raw value of one of `Choice`'s cases.
    ///
    /// A generic function is specialised for the types of its own target alone. Who asks often for
    /// one of his own types puts `word` and `notAllowed` together himself.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _: Choice.Type = Choice.self
    ) throws(JSONError) -> Choice where Choice.RawValue == String {
        guard let word, let choice = Choice(rawValue: word) else {
            throw notAllowed(Choice.allCases.map(\.rawValue))
        }
        return choice
    }

    /// The string that this is; nil for all else.
    package var word: String? {
        document.tag(index) == JSONDocument.Tag.string ? document.string(index) : nil
    }

    /// The error for a value that is none of some words.
    package func notAllowed(_ words: [String]) -> JSONError {
        let isString = document.tag(index) == JSONDocument.Tag.string
        return error(
            isString ? .notAllowed : .wrongType,
            "expected one of " + words.joined(separator: ", ")
        )
    }

    /// A number with no fraction that fits 64 bits; `1.0` and `1e3` are as good as `1` and `1000`.
    package func int64() throws(JSONError) -> Int64 {
        switch document.tag(index) {
        case JSONDocument.Tag.int64:
            return Int64(bitPattern: document.words[index + 1])
        case JSONDocument.Tag.uint64:
            // simdjson says so only of those that do not fit an `Int64`.
            throw error(.outOfRange, "expected an integer of 64 bits")
        case JSONDocument.Tag.double:
            let number = Double(bitPattern: document.words[index + 1])
            if let exact = Int64(exactly: number) { return exact }
            if number.rounded() == number {
                throw error(.outOfRange, "expected an integer of 64 bits")
            }
            throw error(.wrongType, "expected an integer")
        default:
            throw error(.wrongType, "expected an integer")
        }
    }

    package func int64(in range: ClosedRange<Int64>) throws(JSONError) -> Int64 {
        let number = try int64()
        guard range.contains(number) else {
            throw error(
                .outOfRange,
                "expected an integer from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// Any number, always finite. Integers beyond 2⁵³ are rounded to the nearest double.
    package func double() throws(JSONError) -> Double {
        switch document.tag(index) {
        case JSONDocument.Tag.double: return Double(bitPattern: document.words[index + 1])
        case JSONDocument.Tag.int64: return Double(Int64(bitPattern: document.words[index + 1]))
        case JSONDocument.Tag.uint64: return Double(document.words[index + 1])
        default: throw error(.wrongType, "expected a number")
        }
    }

    package func double(in range: ClosedRange<Double>) throws(JSONError) -> Double {
        let number = try double()
        guard range.contains(number) else {
            throw error(
                .outOfRange,
                "expected a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    package func bool() throws(JSONError) -> Bool {
        switch document.tag(index) {
        case JSONDocument.Tag.yes: return true
        case JSONDocument.Tag.no: return false
        default: throw error(.wrongType, "expected true or false")
        }
    }
}
