import SimulatedModel
import Testing

@Suite struct SchemaTests {
    @Test(arguments: 0..<500 as Range<UInt64>)
    func `a generated value conforms to a generated schema`(seed: UInt64) {
        var dice = Dice(seed: seed)
        let schema = Self.schema(depth: 0, dice: &dice)
        var filler = SchemaFiller(schema, dice: dice)
        let value = filler.fill(hints: nil)
        let problem = Self.problem(value, schema, root: schema)
        #expect(problem == nil, "replay with seed \(seed): \(schema.text) gave \(value.text)")
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `hints of any kind never break the schema`(seed: UInt64) {
        var dice = Dice(seed: seed)
        let schema = Self.schema(depth: 0, dice: &dice)
        let hintSchema = Self.schema(depth: 0, dice: &dice)
        var hinter = SchemaFiller(hintSchema, dice: dice)
        let hints = hinter.fill(hints: nil)
        var filler = SchemaFiller(schema, dice: dice)
        let value = filler.fill(hints: hints)
        #expect(
            Self.problem(value, schema, root: schema) == nil,
            "replay with seed \(seed): \(schema.text) and \(hints.text) gave \(value.text)"
        )
    }

    @Test func `a schema that refers to itself ends`() {
        let schema: JSONValue = [
            "type": "object", "required": ["next"], "additionalProperties": false,
            "properties": ["next": ["anyOf": [["$ref": "#"], ["type": "null"]]]],
        ]
        var filler = SchemaFiller(schema, dice: Dice(seed: 1))
        #expect(Self.problem(filler.fill(hints: nil), schema, root: schema) == nil)
    }

    @Test func `an enumeration is matched in other letters`() {
        let schema = SimulatorRequests.object([
            ("strategy", SimulatorRequests.choice("Iron Condor", "Bull Put Spread"))
        ])
        var filler = SchemaFiller(schema, dice: Dice(seed: 1))
        #expect(
            filler.fill(hints: ["strategy": "bull_put_spread"])["strategy"] == "Bull Put Spread"
        )
    }

    @Test func `our own schema is within the strict subset`() {
        #expect(StrictSchema.firstProblem(in: SimulatorRequests.proposalSchema) == nil)
    }

    @Test(
        arguments: [
            (["type": "string"], "got 'type: \"string\"'"),
            (
                ["type": "object", "properties": [:], "required": []],
                "In context=(), 'additionalProperties' is required to be supplied and to be false."
            ),
            (
                [
                    "type": "object", "additionalProperties": false, "required": [],
                    "properties": ["a": ["type": "string"]],
                ], "Missing 'a'."
            ),
            (
                [
                    "type": "object", "additionalProperties": false, "properties": [:],
                    "required": ["b"],
                ], "Extra required key 'b' supplied."
            ),
            (withProperty(["type": "object"]), "In context=('properties', 'a'), 'additionalProp"),
            (withProperty(["type": "array"]), "array schema missing items."),
            (
                withProperty(["type": "array", "items": ["type": "object"]]),
                "In context=('properties', 'a', 'items'), 'additionalProp"
            ),
            (withProperty(["type": "string", "default": ""]), "'default' is not permitted."),
            (withProperty(["$ref": "#/$defs/none"]), "reference can only point"),
            (withProperty([:]), "schema must have a 'type' key."),
        ] as [(JSONValue, String)]
    )
    func `what strict mode forbids is named`(schema: JSONValue, words: String) throws {
        let problem = try #require(StrictSchema.firstProblem(in: schema))
        #expect(problem.contains(words), "\(problem)")
    }

    private static func withProperty(_ schema: JSONValue) -> JSONValue {
        SimulatorRequests.object([("a", schema)])
    }

    // MARK: - Schemas by chance, and a validator of our own for them

    private static func schema(depth: Int, dice: inout Dice) -> JSONValue {
        if depth == 0 { return object(depth: 0, dice: &dice) }
        switch Int.random(in: 0..<(depth < 4 ? 9 : 6), using: &dice) {
        case 0: return ["type": "string"]
        case 1: return ["type": "integer", "minimum": 3, "maximum": 9]
        case 2: return ["type": ["number", "null"], "exclusiveMinimum": 0]
        case 3: return ["type": "boolean"]
        case 4: return ["type": "string", "enum": ["a", "b", "c"]]
        case 5: return ["type": ["string", "null"], "minLength": 2, "maxLength": 30]
        case 6: return object(depth: depth, dice: &dice)
        case 7:
            return [
                "type": "array", "items": schema(depth: depth + 1, dice: &dice), "minItems": 2,
                "maxItems": 4,
            ]
        default:
            return ["anyOf": [schema(depth: depth + 1, dice: &dice), ["type": "null"]]]
        }
    }

    private static func object(depth: Int, dice: inout Dice) -> JSONValue {
        let names = ["legs", "choice", "rationale", "x", "expiry", "quantity"]
            .prefix(Int.random(in: 1...6, using: &dice))
        return SimulatorRequests.object(
            names.map { ($0, schema(depth: depth + 1, dice: &dice)) }
        )
    }

    private static func problem(
        _ value: JSONValue,
        _ schema: JSONValue,
        root: JSONValue
    )
        -> String?
    {
        if schema["$ref"] == "#" { return problem(value, root, root: root) }
        if let branches = schema["anyOf"]?.array {
            return branches.contains { problem(value, $0, root: root) == nil } ? nil : "no branch"
        }
        if let values = schema["enum"]?.array { return values.contains(value) ? nil : "not listed" }
        switch value {
        case .null: return schema.isType("null") ? nil : "null"
        case .boolean: return schema.isType("boolean") ? nil : "boolean"
        case .string(let text):
            let range = (schema["minLength"]?.integer ?? 0)...(schema["maxLength"]?.integer ?? .max)
            return schema.isType("string") && range.contains(text.count) ? nil : "string"
        case .integer, .number:
            let isOfType =
                schema.isType("number") || schema.isType("integer") && value.integer != nil
            let number = value.number ?? 0
            let isWithin =
                number >= schema["minimum"]?.number ?? -.infinity
                && number <= schema["maximum"]?.number ?? .infinity
                && number > schema["exclusiveMinimum"]?.number ?? -.infinity
            return isOfType && isWithin ? nil : "number"
        case .array(let items):
            let range = (schema["minItems"]?.integer ?? 0)...(schema["maxItems"]?.integer ?? .max)
            guard schema.isType("array"), range.contains(items.count) else { return "array" }
            return items.lazy.compactMap { problem($0, schema["items"] ?? [:], root: root) }.first
        case .object(let members):
            let properties = schema["properties"]?.members ?? []
            guard schema.isType("object"), members.map(\.name) == properties.map(\.name) else {
                return "object"
            }
            return zip(members, properties).lazy
                .compactMap { problem($0.value, $1.value, root: root) }.first
        }
    }
}
