/// Makes a value that conforms to a JSON Schema, from hints where they fit and from dice elsewhere.
///
/// Understands what strict mode allows (`type`, also several; `enum`, `const`, `properties`,
/// `items`, `anyOf`, `$ref`, bounds of numbers, lengths of arrays and strings, `format`) and, for
/// schemas that are not strict, `oneOf` and the first branch of `allOf`.
package struct SchemaFiller {
    private let root: JSONValue
    private var dice: Dice

    /// A schema that refers to itself would never end: past this depth whatever may be empty or
    /// null is.
    private static let depthMax = 8

    package init(_ root: JSONValue, dice: Dice) {
        self.root = root
        self.dice = dice
    }

    package mutating func fill(hints: JSONValue?) -> JSONValue {
        fill(root, hint: hints, name: "", depth: 0)
    }

    private mutating func fill(
        _ given: JSONValue,
        hint: JSONValue?,
        name: String,
        depth: Int
    )
        -> JSONValue
    {
        let schema = resolved(given)
        if let constant = schema["const"] { return constant }
        if let values = schema["enum"]?.array { return pick(values, hint: hint) }
        if let branches = (schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"])?.array {
            let branch = branch(branches.map(resolved), hint: hint, depth: depth)
            return fill(branch, hint: hint, name: name, depth: depth + 1)
        }
        switch type(of: schema, hint: hint, depth: depth) {
        case "object": return object(schema, hint: hint, depth: depth)
        case "array": return array(schema, hint: hint, name: name, depth: depth)
        case "string": return .string(string(schema, hint: hint, name: name))
        case "integer": return integer(schema, hint: hint)
        case "number": return number(schema, hint: hint)
        case "boolean": return .boolean(hint?.boolean ?? (dice.next() & 1 == 0))
        default: return .null
        }
    }

    private func resolved(_ schema: JSONValue) -> JSONValue {
        var schema = schema
        // A chain of references longer than this is a circle.
        for _ in 0..<16 {
            guard let reference = schema["$ref"]?.string else { return schema }
            if reference == "#" {
                schema = root
            } else if let name = reference.split(separator: "/").last,
                let definition = (root["$defs"] ?? root["definitions"])?[String(name)]
            {
                schema = definition
            } else {
                return [:]
            }
        }
        return [:]
    }

    /// The hint, or the value that says the same in other letters; else one by the dice.
    private mutating func pick(_ values: [JSONValue], hint: JSONValue?) -> JSONValue {
        if let hint {
            if values.contains(hint) { return hint }
            if let wanted = hint.string.map(Self.letters),
                let same = values.first(where: { $0.string.map(Self.letters) == wanted })
            {
                return same
            }
        }
        let plain = values.filter { !$0.isNull }
        guard !plain.isEmpty else { return values.first ?? .null }
        return plain[Int.random(in: plain.indices, using: &dice)]
    }

    /// `bull_put_spread`, `Bull Put Spread` and `BULL-PUT-SPREAD` are one name.
    private static func letters(_ text: String) -> String {
        text.lowercased().filter { $0.isLetter || $0.isNumber }
    }

    private func branch(_ branches: [JSONValue], hint: JSONValue?, depth: Int) -> JSONValue {
        let null = branches.first { $0["type"] == "null" }
        if depth >= Self.depthMax || hint?.isNull == true, let null { return null }
        if let hint, let fitting = branches.first(where: { Self.fits(hint, $0) }) {
            return fitting
        }
        return branches.first { $0["type"] != "null" } ?? null ?? [:]
    }

    private static func fits(_ hint: JSONValue, _ schema: JSONValue) -> Bool {
        if let values = schema["enum"]?.array { return values.contains(hint) }
        switch hint {
        case .null: return schema.isType("null")
        case .boolean: return schema.isType("boolean")
        case .integer: return schema.isType("integer") || schema.isType("number")
        case .number: return schema.isType("number")
        case .string: return schema.isType("string")
        case .array: return schema.isType("array")
        case .object: return schema.isType("object")
        }
    }

    private mutating func type(of schema: JSONValue, hint: JSONValue?, depth: Int) -> String {
        switch schema["type"] {
        case .string(let type): return type
        case .array(let types):
            let names = types.compactMap(\.string)
            let mayBeNull = names.contains("null")
            if mayBeNull, hint?.isNull == true || depth >= Self.depthMax { return "null" }
            if mayBeNull, hint == nil, Int.random(in: 0..<4, using: &dice) == 0 { return "null" }
            if let hint {
                let fitting = names.first { Self.fits(hint, ["type": .string($0)]) }
                if let fitting { return fitting }
            }
            return names.first { $0 != "null" } ?? "null"
        default:
            if schema["properties"] != nil { return "object" }
            return schema["items"] != nil ? "array" : "string"
        }
    }

    private mutating func object(_ schema: JSONValue, hint: JSONValue?, depth: Int) -> JSONValue {
        var members: [JSONValue.Member] = []
        // A sentence where an object is wanted goes into the object's first text.
        var sentence = hint?.string
        for property in schema["properties"]?.members ?? [] {
            var own = hint?[property.name]
            if own == nil, hint?.string != nil {
                // The first text is the sentence; lists beside it have nothing to add.
                let place = resolved(property.value)
                if sentence != nil, place.isType("string") {
                    own = sentence.map(JSONValue.string)
                    sentence = nil
                } else if place.isType("array") {
                    own = []
                }
            }
            let value = fill(property.value, hint: own, name: property.name, depth: depth + 1)
            members.append(JSONValue.Member(property.name, value))
        }
        return .object(members)
    }

    private mutating func array(
        _ schema: JSONValue,
        hint: JSONValue?,
        name: String,
        depth: Int
    )
        -> JSONValue
    {
        let least = schema["minItems"]?.integer ?? 0
        let most = max(least, schema["maxItems"]?.integer ?? .max)
        let item = schema["items"] ?? ["type": "string"]
        if let hint {
            let hinted = hint.array ?? [hint]
            var items = hinted.prefix(most).map {
                fill(item, hint: $0, name: name, depth: depth + 1)
            }
            while items.count < least {
                items.append(fill(item, hint: nil, name: name, depth: depth + 1))
            }
            return .array(items)
        }
        let wanted = depth >= Self.depthMax ? least : Int.random(in: 1...3, using: &dice)
        let count = min(max(wanted, least), most)
        return .array(
            (0..<count).map { _ in fill(item, hint: nil, name: name, depth: depth + 1) }
        )
    }

    private mutating func integer(_ schema: JSONValue, hint: JSONValue?) -> JSONValue {
        let bounds = Bounds(schema, step: 1)
        if let hinted = hint?.number, abs(hinted) < 1e15 {
            return .integer(Int(bounds.clamp(hinted.rounded())))
        }
        let range = bounds.range
        let first = Int(range.lowerBound.rounded(.up))
        let last = max(first, Int(range.upperBound.rounded(.down)))
        return .integer(Int.random(in: first...last, using: &dice))
    }

    private mutating func number(_ schema: JSONValue, hint: JSONValue?) -> JSONValue {
        let bounds = Bounds(schema, step: 0.01)
        if let hinted = hint?.number { return .number(bounds.clamp(hinted)) }
        let between = Double.random(in: bounds.range, using: &dice)
        return .number(bounds.clamp((between * 100).rounded() / 100))
    }

    /// What a schema says of a number's size.
    private struct Bounds {
        var low: Double?
        var high: Double?

        /// - Parameter step: How far inside an exclusive bound the nearest number lies.
        init(_ schema: JSONValue, step: Double) {
            low = schema["minimum"]?.number
            high = schema["maximum"]?.number
            if let above = schema["exclusiveMinimum"]?.number { low = above + step }
            if let below = schema["exclusiveMaximum"]?.number { high = below - step }
        }

        func clamp(_ value: Double) -> Double {
            min(max(value, low ?? -.infinity), high ?? .infinity)
        }

        /// Numbers to choose from: about a hundred where a side is open, from 1 where both are.
        var range: ClosedRange<Double> {
            let low = low ?? high.map { $0 - 99 } ?? 1
            return low...max(low, high ?? low + 99)
        }
    }

    private mutating func string(_ schema: JSONValue, hint: JSONValue?, name: String) -> String {
        var text: String
        switch hint {
        case .string(let hinted): text = hinted
        case .array(let items): text = items.compactMap(\.string).joined(separator: " ")
        case nil, .null: text = plausible(format: schema["format"]?.string, name: name)
        case let other?: text = other.text
        }
        if let least = schema["minLength"]?.integer, text.unicodeScalars.count < least {
            let missing = least - text.unicodeScalars.count
            text += String(repeating: "x", count: missing)
        }
        if let most = schema["maxLength"]?.integer, text.count > most {
            text = String(text.prefix(most))
        }
        return text
    }

    private mutating func plausible(format: String?, name: String) -> String {
        let name = name.lowercased()
        if format == "date" || name.contains("date") || name.hasPrefix("expir") {
            return "2027-01-15"
        }
        switch format {
        case "date-time": return "2027-01-15T14:30:00Z"
        case "time": return "14:30:00Z"
        case "duration": return "P1D"
        case "email": return "trader@example.com"
        case "hostname": return "example.com"
        case "uri": return "https://example.com/"
        case "ipv4": return "192.0.2.1"
        case "ipv6": return "2001:db8::1"
        case "uuid": return "00000000-0000-4000-8000-000000000000"
        default: return Prose.sentence(dice: &dice)
        }
    }
}
