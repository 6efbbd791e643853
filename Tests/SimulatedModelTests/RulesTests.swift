import SimulatedModel
import Testing

@Suite struct RulesTests {
    private func refusal(_ fields: JSONValue, shutDown: Set<String> = []) -> APIError? {
        let usual: JSONValue = [
            "model": "gpt-4o", "messages": [["role": "user", "content": "x"]],
        ]
        let names = (fields.members ?? []).map(\.name)
        let kept = (usual.members ?? []).filter { !names.contains($0.name) }
        do {
            _ = try ChatRequest(
                .object(kept + (fields.members ?? [])),
                in: ModelCatalog(shutDown: shutDown)
            )
            return nil
        } catch {
            return error
        }
    }

    @Test func `a plain request is accepted for every model, by every name`() {
        let catalog = ModelCatalog()
        #expect(catalog.liveNames.count > 20)
        for (name, entry) in catalog.liveNames {
            #expect(refusal(["model": .string(name)]) == nil)
            #expect(catalog.find(name) == .live(entry))
        }
    }

    @Test(arguments: [
        ("gpt-4-turbo-preview", "gpt-4-0125-preview"), ("gpt-4-turbo", "gpt-4-turbo-2024-04-09"),
        ("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4.1", "gpt-4.1-2025-04-14"), ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ])
    func `an alias is answered by its snapshot`(alias: String, snapshot: String) throws {
        let request = try ChatRequest(
            ["model": .string(alias), "messages": [["role": "user", "content": "x"]]],
            in: ModelCatalog()
        )
        #expect(request.model.snapshot == snapshot)
    }

    @Test func `a model can be gone, with or without its siblings`() {
        let gone: Set<String> = ["gpt-4-turbo-preview", "gpt-4o-2024-08-06"]
        for name in ["gpt-4-turbo-preview", "gpt-4o-2024-08-06", "gpt-4o"] {
            let error = refusal(["model": .string(name)], shutDown: gone)
            #expect(error?.status == 404)
            #expect(error?.code == "model_not_found")
            #expect(error?.message.contains("has been deprecated") == true)
        }
        #expect(refusal(["model": "gpt-4-0125-preview"], shutDown: gone) == nil)
        #expect(refusal(["model": "gpt-4o-2024-11-20"], shutDown: gone) == nil)
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        let fields: JSONValue
        let code: String?
        let param: String?
        let words: String
        var status = 400
        var testDescription: String { fields.text }
    }

    private static let schemaFormat: JSONValue = [
        "type": "json_schema",
        "json_schema": ["name": "s", "schema": ["type": "object"]],
    ]

    private static let tool: JSONValue = [
        "type": "function", "function": ["name": "f", "parameters": ["type": "object"]],
    ]

    @Test(arguments: [
        Wrong(
            fields: ["model": "gpt-9"],
            code: "model_not_found",
            param: nil,
            words: "The model `gpt-9` does not exist",
            status: 404
        ),
        Wrong(
            fields: ["messages": []],
            code: "empty_array",
            param: "messages",
            words: "empty array"
        ),
        Wrong(
            fields: ["messages": "hello"],
            code: "invalid_type",
            param: "messages",
            words: "expected an array, but got a string"
        ),
        Wrong(
            fields: ["messages": [["role": "boss", "content": "x"]]],
            code: "invalid_value",
            param: "messages[0].role",
            words: "Invalid value: 'boss'"
        ),
        Wrong(
            fields: ["messages": [["role": "user"]]],
            code: "missing_required_parameter",
            param: "messages[0].content",
            words: "Missing required parameter"
        ),
        Wrong(
            fields: ["messages": [["role": "tool", "content": "x"]]],
            code: "missing_required_parameter",
            param: "messages[0].tool_call_id",
            words: "Missing required parameter"
        ),
        Wrong(
            fields: ["temperature": "hot"],
            code: "invalid_type",
            param: "temperature",
            words: "expected a decimal, but got a string"
        ),
        Wrong(
            fields: ["temperature": 3],
            code: "decimal_above_max_value",
            param: "temperature",
            words: "Expected a value <= 2, but got 3 instead."
        ),
        Wrong(
            fields: ["max_tokens": 0],
            code: "integer_below_min_value",
            param: "max_tokens",
            words: "Expected a value >= 1"
        ),
        Wrong(
            fields: ["max_tokens": 1.5],
            code: "invalid_type",
            param: "max_tokens",
            words: "expected an integer"
        ),
        Wrong(
            fields: ["max_token": 5],
            code: "unknown_parameter",
            param: "max_token",
            words: "Unknown parameter: 'max_token'."
        ),
        Wrong(
            fields: ["model": "gpt-4-turbo", "max_tokens": 4097],
            code: "invalid_value",
            param: "max_tokens",
            words: "This model supports at most 4096 completion tokens"
        ),
        Wrong(
            fields: ["max_tokens": 5, "max_completion_tokens": 5],
            code: "invalid_parameter_combination",
            param: "max_tokens",
            words: "at the same time"
        ),
        Wrong(
            fields: ["model": "gpt-4-turbo", "response_format": schemaFormat],
            code: nil,
            param: "response_format",
            words: """
                Invalid parameter: 'response_format' of type 'json_schema' is not supported with \
                this model
                """
        ),
        Wrong(
            fields: ["model": "gpt-4o-2024-05-13", "response_format": schemaFormat],
            code: nil,
            param: "response_format",
            words: "is not supported with this model"
        ),
        Wrong(
            fields: ["response_format": ["type": "json_object"]],
            code: nil,
            param: "messages",
            words: "must contain the word 'json' in some form"
        ),
        Wrong(
            fields: ["response_format": ["type": "yaml"]],
            code: "invalid_value",
            param: "response_format.type",
            words: "Invalid value: 'yaml'"
        ),
        Wrong(
            fields: ["model": "gpt-6-luna", "max_tokens": 10],
            code: "unsupported_parameter",
            param: "max_tokens",
            words: "Use 'max_completion_tokens' instead."
        ),
        Wrong(
            fields: ["model": "gpt-6-luna", "temperature": 0.3],
            code: "unsupported_value",
            param: "temperature",
            words: "does not support 0.3 with this model"
        ),
        Wrong(
            fields: ["model": "gpt-5.6-sol", "stop": "x"],
            code: "unsupported_parameter",
            param: "stop",
            words: "is not supported with this model"
        ),
        Wrong(
            fields: ["reasoning_effort": "low"],
            code: "unsupported_parameter",
            param: "reasoning_effort",
            words: "is not supported with this model"
        ),
        Wrong(
            fields: ["tool_choice": "auto"],
            code: nil,
            param: "tool_choice",
            words: "only allowed when 'tools' are specified"
        ),
        Wrong(
            fields: [
                "tools": [tool], "tool_choice": ["type": "function", "function": ["name": "g"]],
            ],
            code: nil,
            param: "tool_choice",
            words: "Tool choice 'g' not found"
        ),
        Wrong(
            fields: [
                "tools": [["type": "function", "function": ["name": "no spaces"]]]
            ],
            code: "invalid_value",
            param: "tools[0].function.name",
            words: "^[a-zA-Z0-9_-]"
        ),
        Wrong(
            fields: [
                "tools": [
                    [
                        "type": "function",
                        "function": [
                            "name": "f", "strict": true, "parameters": ["type": "object"],
                        ],
                    ]
                ]
            ],
            code: "invalid_function_parameters",
            param: "tools[0].function.parameters",
            words: "Invalid schema for function 'f': In context=(), 'additionalProperties'"
        ),
        Wrong(
            fields: [
                "response_format": [
                    "type": "json_schema",
                    "json_schema": ["name": "s", "strict": true, "schema": ["type": "object"]],
                ]
            ],
            code: nil,
            param: "response_format",
            words: "Invalid schema for response_format 's': In context=()"
        ),
        Wrong(
            fields: ["stream_options": ["include_usage": true]],
            code: nil,
            param: "stream_options",
            words: "only allowed when 'stream' is enabled"
        ),
        Wrong(
            fields: ["safety_identifier": .string(String(repeating: "x", count: 65))],
            code: "string_above_max_length",
            param: "safety_identifier",
            words: "string too long"
        ),
        Wrong(
            fields: ["stop": ["1", "2", "3", "4", "5"]],
            code: "array_above_max_length",
            param: "stop",
            words: "maximum length 4"
        ),
        Wrong(
            fields: ["logprobs": true],
            code: "unsupported_value",
            param: "logprobs",
            words: "does not simulate"
        ),
    ])
    func `what the vendor refuses is refused in its words`(wrong: Wrong) {
        let error = refusal(wrong.fields)
        #expect(error?.status == wrong.status)
        #expect(error?.type == "invalid_request_error")
        #expect(error?.code == wrong.code)
        #expect(error?.param == wrong.param)
        #expect(error?.message.contains(wrong.words) == true, "\(error?.message ?? "accepted")")
    }

    @Test func `no model and no messages are missing`() throws {
        let noModel = #expect(throws: APIError.self) {
            try ChatRequest(["messages": []], in: ModelCatalog())
        }
        #expect(noModel?.message == "you must provide a model parameter")
        let noMessages = #expect(throws: APIError.self) {
            try ChatRequest(["model": "gpt-4o"], in: ModelCatalog())
        }
        #expect(noMessages?.param == "messages")
        #expect(noMessages?.code == "missing_required_parameter")
    }

    @Test func `a prompt longer than the context is refused`() {
        let long = String(repeating: "word ", count: 15_000)
        let error = refusal([
            "model": "gpt-3.5-turbo", "messages": [["role": "user", "content": .string(long)]],
        ])
        #expect(error?.code == "context_length_exceeded")
        #expect(error?.message.contains("maximum context length is 16385 tokens") == true)
        let capped = refusal([
            "model": "gpt-3.5-turbo", "max_tokens": 4096,
            "messages": [["role": "user", "content": .string(String(long.prefix(60_000)))]],
        ])
        #expect(capped?.code == "context_length_exceeded")
        #expect(capped?.message.contains("4096 in the completion") == true)
    }

    @Test func `the worker's two kinds of request are accepted`() throws {
        _ = try ChatRequest(SimulatorRequests.forcedTool, in: ModelCatalog())
        for model in ["gpt-4o", "gpt-4.1-mini", "gpt-6-luna"] {
            _ = try ChatRequest(
                SimulatorRequests.schemaRequest(
                    SimulatorRequests.proposalSchema,
                    facts: SimulatorRequests.facts(),
                    model: model
                ),
                in: ModelCatalog()
            )
        }
    }

    @Test func `a long key is starred in the middle, a short one is shown`() {
        let long = APIError.incorrectKey("sk-proj-abcdefgh1234")
        #expect(long.message.contains("provided: sk-proj-********1234."))
        #expect(APIError.incorrectKey("none").message.contains("provided: none."))
        #expect(long.status == 401)
        #expect(long.code == "invalid_api_key")
    }
}

@Suite struct ScriptTests {
    private let model = ModelCatalog().entries[0]

    @Test func `a behavior is used as often as it says, for whom it says`() throws {
        let script = Script()
        try script.append(
            try Misbehavior.list([
                ["mode": "stall", "request_id_prefix": "job-7", "times": 1],
                ["status": 500, "model": "gpt-4-turbo", "times": 2],
                ["mode": "refusal"],
            ])
        )
        func take(_ name: String, _ id: String?) -> Misbehavior.Mode? {
            script.take(model: model, named: name, requestID: id, key: nil)?.mode
        }
        #expect(take("gpt-4-turbo", "job-71") == .stall)
        #expect(take("gpt-4-turbo", "job-71") == .error)
        #expect(take(model.snapshot, nil) == .error, "a snapshot answers to its alias")
        #expect(take("gpt-4-turbo", nil) == .refusal)
        #expect(take("gpt-4-turbo", nil) == .refusal)
        #expect(script.inForce.count == 1)
        script.clear()
        #expect(take("gpt-4-turbo", nil) == nil)
    }

    @Test(
        arguments: [
            (429, nil, "requests", "rate_limit_exceeded"), (500, nil, "server_error", nil),
            (503, "server_is_overloaded", "service_unavailable_error", "server_is_overloaded"),
            (429, "insufficient_quota", "insufficient_quota", "insufficient_quota"),
            (429, "slow_down", "rate_limit_error", "slow_down"),
            (nil, "model_not_found", "invalid_request_error", "model_not_found"),
        ] as [(Int?, String?, String, String?)]
    )
    func `an error is completed with the vendor's own words`(
        status: Int?,
        code: String?,
        type: String,
        codeSent: String?
    ) throws {
        var members: [JSONValue.Member] = []
        if let status { members.append(.init("status", .integer(status))) }
        if let code { members.append(.init("code", .string(code))) }
        let error = try #require(try Misbehavior(.object(members)).error)
        #expect(error.type == type)
        #expect(error.code == codeSent)
        #expect(!error.message.isEmpty)
    }

    @Test(arguments: [
        "[1]", #"{"mode":"explode"}"#, #"{"status":200}"#, #"{"mode":"stall","time":1}"#,
        #"{"mode":"stall","times":0}"#, #"{"latency_ms":"fast"}"#, "{}",
        #"{"mode":"length","tokens":"5"}"#,
    ])
    func `a behavior that cannot be meant is refused`(text: String) throws {
        let json = try JSONParser.parse(text)
        #expect(throws: APIError.self) { try Misbehavior.list(json) }
    }

    @Test func `settings come from variables, and a wrong one is named`() throws {
        let settings = try Settings(environment: [
            "SIMULATOR_LATENCY_MS": "200,900", "SIMULATOR_SEED": "7",
            "SIMULATOR_SHUTDOWN_MODELS": "gpt-4-turbo, gpt-4o", "SIMULATOR_API_KEYS": "a,b",
            "SIMULATOR_BEHAVIOR": #"[{"mode":"stall","times":1},{"status":500}]"#,
        ])
        #expect(settings.latency == Latency(medianMs: 200, p99Ms: 900))
        #expect(settings.seed == 7)
        #expect(settings.shutdownModels == ["gpt-4-turbo", "gpt-4o"])
        #expect(settings.apiKeys == ["a", "b"])
        #expect(settings.script.map(\.mode) == [.stall, .error])
        for (name, value) in [
            ("SIMULATOR_LATENCY_MS", "soon"), ("SIMULATOR_SEED", "-1"),
            ("SIMULATOR_BEHAVIOR", "{"), ("SIMULATOR_BEHAVIOR", "@/no/such/file"),
            ("SIMULATOR_REQUESTS_PER_MINUTE", "0"),
        ] {
            let failure = #expect(throws: Settings.Failure.self) {
                try Settings(environment: [name: value])
            }
            #expect(failure?.description.contains(name) == true)
        }
    }

    @Test func `the help names every variable`() {
        for name in [
            "HOST", "PORT", "LATENCY_MS", "SEED", "SHUTDOWN_MODELS", "API_KEYS",
            "REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE", "PROSE_TOKENS", "BEHAVIOR", "LOG_LEVEL",
        ] {
            #expect(Settings.help.contains("SIMULATOR_\(name) "))
        }
    }
}
