/// The subset of JSON Schema that `strict: true` allows, as the vendor documents it.
package enum StrictSchema {
    /// Levels of nesting that the vendor accepts.
    package static let depthMax = 10
    /// Properties in one schema, all levels together.
    package static let propertiesMax = 5000

    private static let unsupported: Set<String> = [
        "allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else", "oneOf",
        "patternProperties", "uniqueItems", "contains", "minContains", "maxContains",
        "unevaluatedItems", "unevaluatedProperties", "propertyNames", "minProperties",
        "maxProperties", "default",
    ]

    /// What the vendor says of the first rule that `schema` breaks, or nil when it breaks none.
    package static func firstProblem(in schema: JSONValue) -> String? {
        if schema["anyOf"] != nil {
            return "schema must be a JSON Schema of 'type: \"object\"', got 'anyOf'."
        }
        guard schema["type"] == "object" else {
            let type = schema["type"]?.text ?? "\"None\""
            return "schema must be a JSON Schema of 'type: \"object\"', got 'type: \(type)'."
        }
        var walk = Walk(definitions: schema["$defs"] ?? schema["definitions"] ?? [:])
        return walk.problem(in: schema, depth: 1)
    }

    private struct Walk {
        private static let rule =
            "'required' is required to be supplied and to be an array including every key in "
            + "properties."

        let definitions: JSONValue
        var propertyCount = 0
        /// Where the walk is, as the vendor would name it.
        var context: [String] = []

        mutating func problem(in schema: JSONValue, depth: Int) -> String? {
            guard let members = schema.members else {
                return place + "schema must be an object."
            }
            if depth > StrictSchema.depthMax {
                return """
                    \(depth) levels of nesting exceeds limit of \(StrictSchema.depthMax).
                    """
            }
            for member in members where StrictSchema.unsupported.contains(member.name) {
                return place + "'\(member.name)' is not permitted."
            }
            if let problem = definitionsProblem(members) { return problem }
            if schema["$ref"] != nil { return referenceProblem(schema) }
            if let branches = schema["anyOf"]?.array {
                for (i, branch) in branches.enumerated() {
                    if let problem = problem(under: "anyOf", "\(i)", in: branch, depth: depth) {
                        return problem
                    }
                }
                return nil
            }
            // An enumeration or a constant says its type by its values.
            let hasType = ["type", "enum", "const"].contains { schema[$0] != nil }
            guard hasType else { return place + "schema must have a 'type' key." }
            if schema.isType("object") {
                if let problem = objectProblem(schema, depth: depth) {
                    return problem
                }
            }
            if schema.isType("array") {
                guard let items = schema["items"] else {
                    return place + "array schema missing items."
                }
                return problem(under: "items", in: items, depth: depth + 1)
            }
            return nil
        }

        private mutating func problem(
            under step: String,
            _ more: String...,
            in schema: JSONValue,
            depth: Int
        )
            -> String?
        {
            context += [step] + more
            defer { context.removeLast(1 + more.count) }
            return problem(in: schema, depth: depth)
        }

        private mutating func objectProblem(_ schema: JSONValue, depth: Int) -> String? {
            guard schema["additionalProperties"] == false else {
                return place
                    + "'additionalProperties' is required to be supplied and to be false."
            }
            let properties = schema["properties"]?.members ?? []
            propertyCount += properties.count
            if propertyCount > StrictSchema.propertiesMax {
                return "Expected at most \(StrictSchema.propertiesMax) object properties."
            }
            let required = schema["required"]?.array?.compactMap(\.string)
            guard let required else { return properties.isEmpty ? nil : place + Self.rule }
            for property in properties where !required.contains(property.name) {
                return place + Self.rule + " Missing '\(property.name)'."
            }
            for name in required where !properties.contains(where: { $0.name == name }) {
                return place + Self.rule + " Extra required key '\(name)' supplied."
            }
            for property in properties {
                let problem = problem(
                    under: "properties",
                    property.name,
                    in: property.value,
                    depth: depth + 1
                )
                if let problem { return problem }
            }
            return nil
        }

        private mutating func definitionsProblem(_ members: [JSONValue.Member]) -> String? {
            guard context.isEmpty else { return nil }
            for member in members where member.name == "$defs" || member.name == "definitions" {
                for definition in member.value.members ?? [] {
                    let problem = problem(
                        under: member.name,
                        definition.name,
                        in: definition.value,
                        depth: 1
                    )
                    if let problem { return problem }
                }
            }
            return nil
        }

        private func referenceProblem(_ schema: JSONValue) -> String? {
            guard let reference = schema["$ref"]?.string,
                reference == "#" || definitions[Self.definitionName(reference)] != nil
            else {
                return place + "reference can only point to definitions defined at the "
                    + "top level of the schema."
            }
            return nil
        }

        private static func definitionName(_ reference: String) -> String {
            for prefix in ["#/$defs/", "#/definitions/"] where reference.hasPrefix(prefix) {
                return String(reference.dropFirst(prefix.count))
            }
            return ""
        }

        /// The vendor prints the path as a Python tuple.
        private var place: String {
            let names = context.map { "'\($0)'" }
            let tuple =
                names.count == 1 ? "(\(names[0]),)" : "(\(names.joined(separator: ", ")))"
            return "In context=\(tuple), "
        }
    }
}

extension JSONValue {
    /// Whether a schema's `type` is, or includes, that name.
    package func isType(_ name: String) -> Bool {
        switch self["type"] {
        case .string(let type): type == name
        case .array(let types): types.contains(.string(name))
        default: false
        }
    }
}
