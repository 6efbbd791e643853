// The vendor's rules for a request, in the order in which it applies them: the names and kinds of
// members, the model, the messages, tools, format, and what this model refuses.

extension ChatRequest {
    /// The members whose text is most of a request, and the same in every one.
    package static let repeatedMembers: Set<String> = ["tools", "response_format"]

    /// - Throws: The vendor's 400 or 404 for the first thing that is wrong.
    package init(
        _ body: [UInt8],
        in catalog: ModelCatalog,
        repeated: RepeatedValues
    )
        throws(APIError)
    {
        let document: JSONValue
        let compact: [String: [UInt8]]
        do {
            (document, compact) = try JSONParser.parse(body, repeated: repeated)
        } catch {
            throw .invalidJSON
        }
        try self.init(document, compact: compact, in: catalog)
    }

    private init(
        _ body: JSONValue,
        compact: [String: [UInt8]],
        in catalog: ModelCatalog
    )
        throws(APIError)
    {
        guard let members = body.members else { throw .invalidJSON }
        for member in members { try ParameterRule.check(member) }
        guard let name = body["model"]?.string else {
            throw APIError(400, "you must provide a model parameter")
        }
        switch catalog.find(name) {
        case .unknown: throw .unknownModel(name)
        case .shutDown: throw .modelShutDown(name)
        case .live(let entry): model = entry
        }
        requestedModel = name
        completionTokensMax = model.completionTokensMax
        guard let messages = body["messages"]?.array else { throw .missing("messages") }
        try readMessages(messages)
        try readTools(body)
        try readFormat(body)
        try readSampling(body)
        try readCap(body)
        countPrompt(tools: compact["tools"] ?? [], format: compact["response_format"] ?? [])
        try checkContext(hasCap: cap(in: body) != nil)
    }

    private mutating func readMessages(_ items: [JSONValue]) throws(APIError) {
        guard !items.isEmpty else {
            throw APIError(
                400,
                code: "empty_array",
                param: "messages",
                """
                Invalid 'messages': empty array. Expected an array with minimum length 1, but got \
                an empty array instead.
                """
            )
        }
        for (i, item) in items.enumerated() {
            messages.append(try Message(item, param: "messages[\(i)]"))
        }
    }

    private mutating func readTools(_ body: JSONValue) throws(APIError) {
        if let items = body["tools"]?.array {
            if items.count > 128 {
                throw APIError(
                    400,
                    code: "array_above_max_length",
                    param: "tools",
                    """
                    Invalid 'tools': array too long. Expected an array with maximum length 128, \
                    but got an array with length \(items.count) instead.
                    """
                )
            }
            for (i, item) in items.enumerated() {
                tools.append(try Tool(item, param: "tools[\(i)]"))
            }
            toolChoice = tools.isEmpty ? .none : .auto
        }
        guard let choice = body["tool_choice"] else { return }
        if tools.isEmpty, choice.string != "none" {
            throw APIError(
                400,
                param: "tool_choice",
                """
                Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are \
                specified.
                """
            )
        }
        toolChoice = try ToolChoice(choice, among: tools)
    }

    private mutating func readFormat(_ body: JSONValue) throws(APIError) {
        guard let given = body["response_format"] else { return }
        guard let type = given["type"] else { throw .missing("response_format.type") }
        switch type.string {
        case "text": format = .text
        case "json_object":
            guard messages.contains(where: { $0.text.lowercased().contains("json") }) else {
                throw APIError(
                    400,
                    param: "messages",
                    """
                    'messages' must contain the word 'json' in some form, to use \
                    'response_format' of type 'json_object'.
                    """
                )
            }
            format = .jsonObject
        case "json_schema": format = try jsonSchema(given)
        default:
            throw .unsupportedValue(
                "response_format.type",
                got: type,
                supported: ["json_object", "json_schema", "text"]
            )
        }
    }

    private func jsonSchema(_ given: JSONValue) throws(APIError) -> Format {
        guard model.acceptsJSONSchema else {
            throw APIError(
                400,
                param: "response_format",
                """
                Invalid parameter: 'response_format' of type 'json_schema' is not supported with \
                this model
                """
            )
        }
        let place = "response_format.json_schema"
        guard let description = given["json_schema"] else { throw .missing(place) }
        guard description.members != nil else {
            throw .wrongType(place, expected: "an object", got: description)
        }
        guard let name = description["name"] else { throw .missing("\(place).name") }
        let schemaName = try functionName(name, param: "\(place).name")
        guard let schema = description["schema"] else { throw .missing("\(place).schema") }
        guard schema.members != nil else {
            throw .wrongType("\(place).schema", expected: "an object", got: schema)
        }
        if description["strict"]?.boolean == true,
            let problem = StrictSchema.firstProblem(in: schema)
        {
            throw APIError(
                400,
                param: "response_format",
                "Invalid schema for response_format '\(schemaName)': \(problem)"
            )
        }
        return .jsonSchema(name: schemaName, schema: schema)
    }

    private mutating func readSampling(_ body: JSONValue) throws(APIError) {
        if model.family == .reasoning {
            for name in ["temperature", "top_p"] {
                if let value = body[name], let number = value.number, number != 1 {
                    throw .onlyDefault(name, got: value)
                }
            }
            for name in ["presence_penalty", "frequency_penalty"] {
                if let value = body[name], let number = value.number, number != 0 {
                    throw .unsupportedParameter(name)
                }
            }
            for name in ["stop", "logit_bias", "top_logprobs"] {
                if let value = body[name], !value.isNull { throw .unsupportedParameter(name) }
            }
            effort = body["reasoning_effort"]?.string.flatMap(Effort.init) ?? .medium
        } else {
            for name in ["reasoning_effort", "verbosity"] {
                if let value = body[name], !value.isNull { throw .unsupportedParameter(name) }
            }
        }
        if body["logprobs"]?.boolean == true { throw .notSimulated("logprobs") }
        if let modalities = body["modalities"]?.array, modalities != ["text"] {
            throw .notSimulated("modalities")
        }
        choices = body["n"]?.integer ?? 1
        seed = body["seed"]?.integer ?? 0
        streams = body["stream"]?.boolean ?? false
        if let tier = body["service_tier"]?.string, tier != "auto" { serviceTier = tier }
        try readStops(body["stop"])
        try readStreamOptions(body["stream_options"])
    }

    private mutating func readStops(_ value: JSONValue?) throws(APIError) {
        switch value {
        case nil, .null: break
        case .string(let text): stops = [text]
        case .array(let items):
            guard (1...4).contains(items.count) else {
                throw APIError(
                    400,
                    code: "array_above_max_length",
                    param: "stop",
                    """
                    Invalid 'stop': array too long. Expected an array with maximum length 4, but \
                    got an array with length \(items.count) instead.
                    """
                )
            }
            for (i, item) in items.enumerated() {
                guard let text = item.string else {
                    throw .wrongType("stop[\(i)]", expected: "a string", got: item)
                }
                stops.append(text)
            }
        case let other?: throw .wrongType("stop", expected: "a string or an array", got: other)
        }
    }

    private mutating func readStreamOptions(_ value: JSONValue?) throws(APIError) {
        guard let value, !value.isNull else { return }
        guard streams else {
            throw APIError(
                400,
                param: "stream_options",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled."
            )
        }
        for option in value.members ?? [] {
            let place = "stream_options.\(option.name)"
            guard let flag = option.value.boolean else {
                throw .wrongType(place, expected: "a boolean", got: option.value)
            }
            switch option.name {
            case "include_usage": streamsUsage = flag
            case "include_obfuscation": obfuscates = flag
            default:
                throw APIError(
                    400,
                    code: "unknown_parameter",
                    param: place,
                    "Unknown parameter: '\(place)'."
                )
            }
        }
    }

    private func cap(in body: JSONValue) -> Int? {
        body["max_completion_tokens"]?.integer ?? body["max_tokens"]?.integer
    }

    private mutating func readCap(_ body: JSONValue) throws(APIError) {
        let old = body["max_tokens"]?.integer
        if old != nil, model.family == .reasoning {
            throw APIError(
                400,
                code: "unsupported_parameter",
                param: "max_tokens",
                """
                Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                'max_completion_tokens' instead.
                """
            )
        }
        if old != nil, body["max_completion_tokens"]?.integer != nil {
            throw APIError(
                400,
                code: "invalid_parameter_combination",
                param: "max_tokens",
                """
                Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.
                """
            )
        }
        guard let cap = cap(in: body) else { return }
        if cap > model.completionTokensMax {
            let name = old == nil ? "max_completion_tokens" : "max_tokens"
            throw APIError(
                400,
                code: "invalid_value",
                param: name,
                """
                \(name) is too large: \(cap). This model supports at most \
                \(model.completionTokensMax) completion tokens, whereas you provided \(cap).
                """
            )
        }
        completionTokensMax = cap
    }

    private mutating func countPrompt(tools: [UInt8], format: [UInt8]) {
        promptTokens = TokenEstimator.promptTokens(
            messages: messages,
            toolsBytes: tools.count,
            formatBytes: format.count
        )
        var prompt = tools + format
        for message in messages {
            prompt.append(contentsOf: message.role.utf8)
            prompt.append(contentsOf: message.text.utf8)
        }
        promptDigest = PromptDigest(prompt)
    }

    private mutating func checkContext(hasCap: Bool) throws(APIError) {
        let limit = model.contextTokensMax
        if promptTokens >= limit {
            throw APIError(
                400,
                code: "context_length_exceeded",
                param: "messages",
                """
                This model's maximum context length is \(limit) tokens. However, your messages \
                resulted in \(promptTokens) tokens. Please reduce the length of the messages.
                """
            )
        }
        if hasCap, promptTokens + completionTokensMax > limit {
            throw APIError(
                400,
                code: "context_length_exceeded",
                param: "messages",
                """
                This model's maximum context length is \(limit) tokens. However, you requested \
                \(promptTokens + completionTokensMax) tokens (\(promptTokens) in the messages, \
                \(completionTokensMax) in the completion). Please reduce the length of the \
                messages or completion.
                """
            )
        }
        completionTokensMax = min(completionTokensMax, limit - promptTokens)
    }
}

extension APIError {
    fileprivate static func unsupportedParameter(_ name: String) -> APIError {
        APIError(
            400,
            code: "unsupported_parameter",
            param: name,
            "Unsupported parameter: '\(name)' is not supported with this model."
        )
    }

    fileprivate static func onlyDefault(_ name: String, got: JSONValue) -> APIError {
        APIError(
            400,
            code: "unsupported_value",
            param: name,
            """
            Unsupported value: '\(name)' does not support \(got.text) with this model. Only the \
            default (1) value is supported.
            """
        )
    }
}
