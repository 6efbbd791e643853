// The parts of a request that are objects of their own: messages, tools, the choice among them.

extension ChatRequest.Message {
    private static let roles = ["system", "assistant", "user", "function", "tool", "developer"]

    package init(_ item: JSONValue, param: String) throws(APIError) {
        guard item.members != nil else {
            throw .wrongType(param, expected: "an object", got: item)
        }
        guard let roleValue = item["role"] else { throw .missing("\(param).role") }
        guard let role = roleValue.string, Self.roles.contains(role) else {
            throw .unsupportedValue("\(param).role", got: roleValue, supported: Self.roles)
        }
        var name: String?
        if let value = item["name"] {
            guard let given = value.string else {
                throw .wrongType("\(param).name", expected: "a string", got: value)
            }
            name = given
        }
        if role == "function", name == nil { throw .missing("\(param).name") }
        if role == "tool" {
            guard let id = item["tool_call_id"] else { throw .missing("\(param).tool_call_id") }
            guard id.string != nil else {
                throw .wrongType("\(param).tool_call_id", expected: "a string", got: id)
            }
        }
        let toolCalls = role == "assistant" ? item["tool_calls"] : nil
        let mayBeEmpty = role == "function" || toolCalls != nil || item["refusal"]?.string != nil
        self.init(
            role: role,
            name: name,
            text: try Self.text(item["content"], param: "\(param).content", mayBeEmpty: mayBeEmpty),
            toolCallBytes: toolCalls?.byteCount ?? 0
        )
    }

    /// A string, or the text of an array of parts.
    private static func text(
        _ content: JSONValue?,
        param: String,
        mayBeEmpty: Bool
    )
        throws(APIError) -> String
    {
        switch content {
        case .string(let text): return text
        case nil where mayBeEmpty, .null where mayBeEmpty: return ""
        case nil: throw .missing(param)
        case .array(let parts):
            guard !parts.isEmpty else {
                throw APIError(
                    400,
                    code: "empty_array",
                    param: param,
                    """
                    Invalid '\(param)': empty array. Expected an array with minimum length 1, but \
                    got an empty array instead.
                    """
                )
            }
            var text = ""
            for (i, part) in parts.enumerated() {
                text += try self.text(ofPart: part, param: "\(param)[\(i)]")
            }
            return text
        case let other?:
            throw .wrongType(param, expected: "one of a string or array of objects", got: other)
        }
    }

    private static func text(ofPart part: JSONValue, param: String) throws(APIError) -> String {
        guard let type = part["type"] else { throw .missing("\(param).type") }
        switch type.string {
        case "text", "refusal":
            let name = type.string ?? "text"
            guard let value = part[name] else { throw .missing("\(param).\(name)") }
            guard let text = value.string else {
                throw .wrongType("\(param).\(name)", expected: "a string", got: value)
            }
            return text
        case "image_url", "input_audio", "file": throw .notSimulated("\(param).type")
        default:
            throw .unsupportedValue(
                "\(param).type",
                got: type,
                supported: ["text", "image_url", "input_audio", "refusal", "file"]
            )
        }
    }
}

/// Names of functions and schemas: letters, digits, `_` and `-`, at most 64.
func functionName(_ value: JSONValue, param: String) throws(APIError) -> String {
    guard let name = value.string else {
        throw .wrongType(param, expected: "a string", got: value)
    }
    let fits = name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
    guard fits, (1...64).contains(name.utf8.count) else {
        throw APIError(
            400,
            code: "invalid_value",
            param: param,
            """
            Invalid '\(param)': string does not match pattern. Expected a string that matches the \
            pattern '^[a-zA-Z0-9_-]{1,64}$'.
            """
        )
    }
    return name
}

extension ChatRequest.Tool {
    package init(_ item: JSONValue, param: String) throws(APIError) {
        guard item.members != nil else {
            throw .wrongType(param, expected: "an object", got: item)
        }
        guard let type = item["type"] else { throw .missing("\(param).type") }
        if type.string == "custom" { throw .notSimulated("\(param).type") }
        guard type.string == "function" else {
            throw .unsupportedValue("\(param).type", got: type, supported: ["function", "custom"])
        }
        guard let function = item["function"] else { throw .missing("\(param).function") }
        guard function.members != nil else {
            throw .wrongType("\(param).function", expected: "an object", got: function)
        }
        guard let name = function["name"] else { throw .missing("\(param).function.name") }
        let parameters = function["parameters"] ?? ["type": "object", "properties": [:]]
        guard parameters.members != nil else {
            throw .wrongType("\(param).function.parameters", expected: "an object", got: parameters)
        }
        let strict = function["strict"] ?? nil
        guard strict.isNull || strict.boolean != nil else {
            throw .wrongType("\(param).function.strict", expected: "a boolean", got: strict)
        }
        self.init(
            name: try functionName(name, param: "\(param).function.name"),
            parameters: parameters,
            isStrict: strict.boolean ?? false
        )
        if isStrict, let problem = StrictSchema.firstProblem(in: parameters) {
            throw APIError(
                400,
                code: "invalid_function_parameters",
                param: "\(param).function.parameters",
                "Invalid schema for function '\(self.name)': \(problem)"
            )
        }
    }
}

extension ChatRequest.ToolChoice {
    package init(_ value: JSONValue, among tools: [ChatRequest.Tool]) throws(APIError) {
        switch value {
        case "none": self = .none
        case "auto": self = .auto
        case "required": self = .required
        case .string:
            throw .unsupportedValue(
                "tool_choice",
                got: value,
                supported: ["none", "auto", "required"]
            )
        case .object:
            guard let type = value["type"] else { throw .missing("tool_choice.type") }
            if type.string == "allowed_tools" || type.string == "custom" {
                throw .notSimulated("tool_choice.type")
            }
            guard type.string == "function" else {
                throw .unsupportedValue(
                    "tool_choice.type",
                    got: type,
                    supported: ["function", "allowed_tools", "custom"]
                )
            }
            guard let name = value["function"]?["name"]?.string else {
                throw .missing("tool_choice.function.name")
            }
            guard tools.contains(where: { $0.name == name }) else {
                throw APIError(
                    400,
                    param: "tool_choice",
                    "Tool choice '\(name)' not found in 'tools' parameter."
                )
            }
            self = .named(name)
        default:
            throw .wrongType(
                "tool_choice",
                expected: "one of a string or an object",
                got: value
            )
        }
    }
}
