import SimulatedModel

/// Requests such as our worker sends, and the facts in them.
enum SimulatorRequests {
    static func facts(
        trend: String = "bullish",
        spot: Double = 450,
        step: Double = 1,
        maxLoss: Double = 1000,
        tolerance: String = "medium"
    ) -> JSONValue {
        [
            "symbol": "SPY", "spot": .number(spot), "as_of": "2026-11-24T15:30:00Z",
            "trend": .string(trend), "vix": 18.5, "risk_tolerance": .string(tolerance),
            "max_loss_usd": .number(maxLoss),
            "expiries": ["2026-12-04", "2026-12-18", "2027-01-15", "2027-06-18"],
            "strike_step": .number(step),
        ]
    }

    static func messages(_ facts: JSONValue) -> JSONValue {
        let user: JSONValue = ["facts": facts, "user_text": "income from {SPY}, as JSON"]
        return [
            ["role": "system", "content": "You write one options strategy. Answer in JSON."],
            ["role": "user", "content": .string(user.text)],
        ]
    }

    static let forcedTool: JSONValue = [
        "model": "gpt-4-turbo-preview", "messages": messages(facts()), "max_tokens": 2000,
        "temperature": 0.3,
        "tools": [
            [
                "type": "function",
                "function": [
                    "name": "propose_strategy", "strict": true, "parameters": proposalSchema,
                ],
            ]
        ],
        "tool_choice": ["type": "function", "function": ["name": "propose_strategy"]],
        "parallel_tool_calls": false,
    ]

    static func schemaRequest(
        _ schema: JSONValue,
        facts: JSONValue,
        model: String = "gpt-4o"
    )
        -> JSONValue
    {
        [
            "model": .string(model), "messages": messages(facts), "max_completion_tokens": 4000,
            "store": false,
            "response_format": [
                "type": "json_schema",
                "json_schema": ["name": "answer", "strict": true, "schema": schema],
            ],
        ]
    }

    static let proposalSchema: JSONValue = object([
        ("decision", choice("trade", "no_trade", "refuse")),
        ("strategy_name", ["type": "string"]),
        ("outlook", choice("bullish", "mildly_bullish", "neutral", "bearish", "volatile")),
        (
            "legs",
            array(
                object([
                    ("side", choice("buy", "sell")), ("type", choice("call", "put", "stock")),
                    ("strike", ["type": ["number", "null"]]),
                    ("expiration", ["type": ["string", "null"]]), ("ratio", ["type": "integer"]),
                    ("limit_premium_per_share", ["type": ["number", "null"]]),
                ])
            )
        ),
        ("quantity", ["type": "integer"]), ("rationale", ["type": "string"]),
        ("risks", array(["type": "string"])),
        (
            "claimed",
            object([
                ("max_profit_usd", ["type": ["number", "null"]]),
                ("max_loss_usd", ["type": ["number", "null"]]),
                ("breakevens", array(["type": "number"])),
            ])
        ),
    ])

    static func object(_ properties: [(String, JSONValue)]) -> JSONValue {
        [
            "type": "object", "additionalProperties": false,
            "required": .array(properties.map { .string($0.0) }),
            "properties": .object(properties.map { .init($0.0, $0.1) }),
        ]
    }

    static func array(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }

    static func choice(_ values: JSONValue...) -> JSONValue {
        ["type": "string", "enum": .array(values)]
    }
}

extension ChatRequest {
    /// The request that this JSON is the body of.
    init(_ body: JSONValue, in catalog: ModelCatalog) throws(APIError) {
        try self.init(
            Array(body.text.utf8),
            in: catalog,
            repeated: RepeatedValues(names: Self.repeatedMembers)
        )
    }
}
