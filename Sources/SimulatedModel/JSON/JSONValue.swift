/// A JSON value, with the members of objects in the order of the document.
///
/// Order matters here: a strict schema's answer lists its properties in the schema's order, as the
/// vendor's does, and the same request must give the same bytes.
package enum JSONValue: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package let name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    case null
    case boolean(Bool)
    /// A number written without fraction and exponent that fits.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])
}

extension JSONValue {
    /// The member of that name; the last one, when a document repeats a name.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var boolean: Bool? {
        if case .boolean(let flag) = self { flag } else { nil }
    }

    /// The value as a number of either kind.
    package var number: Double? {
        switch self {
        case .integer(let whole): Double(whole)
        case .number(let real): real
        default: nil
        }
    }

    /// The value as a whole number; `3.0` counts as one, as in JSON Schema.
    package var integer: Int? {
        switch self {
        case .integer(let whole): whole
        case .number(let real): Int(exactly: real)
        default: nil
        }
    }

    package var array: [JSONValue]? {
        if case .array(let items) = self { items } else { nil }
    }

    package var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    package var isNull: Bool { self == .null }

    /// What the vendor calls this kind of value in an error message, with its article.
    package var kindWithArticle: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .number: "a decimal"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
