import Foundation

/// Checks a JSON value against a JSON Schema, as far as the vendor's schemas go. A keyword that it
/// does not know is a finding too, so that nothing passes for want of being looked at.
struct SchemaCheck {
    private let definitions: [String: Any]

    /// - Parameter document: The vendor's schemas, with `$defs`.
    init(_ document: Data) throws {
        let whole = try JSONSerialization.jsonObject(with: document) as? [String: Any]
        definitions = whole?["$defs"] as? [String: Any] ?? [:]
    }

    /// What is wrong with a value; empty when nothing is.
    func findings(_ value: Any, against definition: String) -> [String] {
        guard let schema = definitions[definition] else { return ["no definition \(definition)"] }
        return check(value, schema, "")
    }

    /// Words about a schema rather than about values.
    private static let silent: Set<String> = [
        "title", "description", "default", "format", "$comment", "example", "deprecated",
    ]

    private func check(_ value: Any, _ schema: Any, _ place: String) -> [String] {
        if let allowed = schema as? Bool { return allowed ? [] : ["\(place): not allowed"] }
        guard let schema = schema as? [String: Any] else { return ["\(place): no schema"] }
        return schema.filter { !Self.silent.contains($0.key) }.flatMap { keyword, rule in
            check(value, keyword, rule, schema, place)
        }
    }

    private func check(
        _ value: Any,
        _ keyword: String,
        _ rule: Any,
        _ schema: [String: Any],
        _ place: String
    ) -> [String] {
        let members = value as? [String: Any]
        let elements = value as? [Any]
        switch keyword {
        case "$ref":
            let name = (rule as? String)?.split(separator: "/").last.map(String.init) ?? ""
            return findings(value, against: name).map { "\(place)\($0)" }
        case "type": return hasType(value, rule) ? [] : ["\(place): expected \(rule)"]
        case "enum":
            let isOne = (rule as? [Any] ?? []).contains { same($0, value) }
            return isOne ? [] : ["\(place): not one of those allowed"]
        case "required":
            guard let members, let names = rule as? [String] else { return [] }
            return names.filter { members[$0] == nil }.map { "\(place)/\($0): is required" }
        case "properties":
            guard let members, let properties = rule as? [String: Any] else { return [] }
            return members.flatMap { name, member in
                properties[name].map { check(member, $0, "\(place)/\(name)") } ?? []
            }
        case "additionalProperties":
            let known = (schema["properties"] as? [String: Any] ?? [:]).keys
            return (members ?? [:]).filter { !known.contains($0.key) }
                .flatMap { check($0.value, rule, "\(place)/\($0.key)") }
        case "items":
            return (elements ?? []).enumerated().flatMap { check($1, rule, "\(place)/\($0)") }
        case "allOf": return (rule as? [Any] ?? []).flatMap { check(value, $0, place) }
        case "anyOf", "oneOf":
            let branches = (rule as? [Any] ?? []).map { check(value, $0, place) }
            let passed = branches.count(where: \.isEmpty)
            if keyword == "oneOf" ? passed == 1 : passed > 0 { return [] }
            return ["\(place): \(passed) of \(branches.count) alternatives of \(keyword) fit"]
        case "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength":
            return bounds(value, keyword, rule) ? [] : ["\(place): against \(keyword)"]
        default: return ["\(place): the keyword \(keyword) is unknown to this check"]
        }
    }

    private func hasType(_ value: Any, _ rule: Any) -> Bool {
        let names = (rule as? [String]) ?? (rule as? String).map { [$0] } ?? []
        return names.contains { name in
            switch name {
            case "object": value is [String: Any]
            case "array": value is [Any]
            case "string": value is String
            case "null": value is NSNull
            case "boolean": isBool(value)
            case "integer": (value as? Double).map { $0 == $0.rounded() && !isBool(value) } ?? false
            case "number": value is Double && !isBool(value)
            default: false
            }
        }
    }

    private func bounds(_ value: Any, _ keyword: String, _ rule: Any) -> Bool {
        guard let bound = rule as? Double else { return false }
        let size: Double? =
            switch keyword {
            case "minimum", "maximum": value as? Double
            case "minItems", "maxItems": (value as? [Any]).map { Double($0.count) }
            default: (value as? String).map { Double($0.unicodeScalars.count) }
            }
        guard let size else { return true }
        return keyword.hasPrefix("min") ? size >= bound : size <= bound
    }

    /// Foundation reads `true` as a number of a class of its own.
    private func isBool(_ value: Any) -> Bool {
        String(describing: type(of: value)) == "__NSCFBoolean"
    }

    private func same(_ one: Any, _ other: Any) -> Bool {
        guard let one = one as? NSObject, let other = other as? NSObject else { return false }
        return one == other
    }
}
