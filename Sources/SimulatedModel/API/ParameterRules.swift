/// What each top-level member of a chat completion request may hold.
///
/// The authority is `CreateChatCompletionRequest` of the vendor's OpenAPI document (info.version
/// 2.3.0); a test keeps the names in step with it. Structured members are checked further in
/// `ChatRequestValidation.swift`.
package enum ParameterRule: Sendable {
    case boolean
    case integer(min: Int?, max: Int?)
    case decimal(min: Double, max: Double)
    case string(lengthMax: Int?)
    case oneOf([String])
    case object, array
    /// Checked where it is read: it may be of more than one kind.
    case structured
    /// Accepted by the vendor, refused here rather than ignored: the answer would be wrong.
    case notSimulated

    package static let table: [String: (rule: ParameterRule, isNullable: Bool)] = [
        "audio": (.notSimulated, true),
        "frequency_penalty": (.decimal(min: -2, max: 2), true),
        "function_call": (.notSimulated, false),
        "functions": (.notSimulated, false),
        "logit_bias": (.object, true),
        "logprobs": (.boolean, true),
        "max_completion_tokens": (.integer(min: 1, max: nil), true),
        "max_tokens": (.integer(min: 1, max: nil), true),
        "messages": (.array, false),
        "metadata": (.object, true),
        "modalities": (.array, true),
        "model": (.string(lengthMax: nil), false),
        "moderation": (.notSimulated, true),
        "n": (.integer(min: 1, max: 128), true),
        "parallel_tool_calls": (.boolean, false),
        "prediction": (.notSimulated, true),
        "presence_penalty": (.decimal(min: -2, max: 2), true),
        "prompt_cache_key": (.string(lengthMax: nil), true),
        "prompt_cache_options": (.object, false),
        "prompt_cache_retention": (.oneOf(["in_memory", "24h"]), true),
        "reasoning_effort": (.oneOf(ChatRequest.Effort.allCases.map(\.rawValue)), true),
        "response_format": (.object, false),
        "safety_identifier": (.string(lengthMax: 64), true),
        "seed": (.integer(min: nil, max: nil), true),
        "service_tier": (.oneOf(["auto", "default", "flex", "scale", "priority", "fast"]), true),
        "stop": (.structured, true),
        "store": (.boolean, true),
        "stream": (.boolean, true),
        "stream_options": (.object, true),
        "temperature": (.decimal(min: 0, max: 2), true),
        "tool_choice": (.structured, false),
        "tools": (.array, false),
        "top_logprobs": (.integer(min: 0, max: 20), true),
        "top_p": (.decimal(min: 0, max: 1), true),
        "user": (.string(lengthMax: nil), false),
        "verbosity": (.oneOf(["low", "medium", "high"]), true),
        "web_search_options": (.notSimulated, false),
    ]

    /// Throws what the vendor answers to a member that does not fit.
    package static func check(_ member: JSONValue.Member) throws(APIError) {
        guard let (rule, isNullable) = table[member.name] else {
            throw APIError(
                400,
                code: "unknown_parameter",
                param: member.name,
                "Unknown parameter: '\(member.name)'."
            )
        }
        if member.value.isNull, isNullable { return }
        try rule.check(member.value, param: member.name)
    }

    private func check(_ value: JSONValue, param: String) throws(APIError) {
        switch self {
        case .boolean:
            guard value.boolean != nil else {
                throw .wrongType(param, expected: "a boolean", got: value)
            }
        case .integer(let min, let max):
            guard let whole = value.integer else {
                throw .wrongType(param, expected: "an integer", got: value)
            }
            if let min, whole < min {
                throw .outOfRange(param, "integer", isBelow: true, limit: "\(min)", got: value)
            }
            if let max, whole > max {
                throw .outOfRange(param, "integer", isBelow: false, limit: "\(max)", got: value)
            }
        case .decimal(let min, let max):
            guard let real = value.number else {
                throw .wrongType(param, expected: "a decimal", got: value)
            }
            if real < min {
                throw .outOfRange(
                    param,
                    "decimal",
                    isBelow: true,
                    limit: JSONValue.number(min).text,
                    got: value
                )
            }
            if real > max {
                throw .outOfRange(
                    param,
                    "decimal",
                    isBelow: false,
                    limit: JSONValue.number(max).text,
                    got: value
                )
            }
        case .string(let lengthMax): try checkText(value, lengthMax: lengthMax, param: param)
        case .oneOf(let names):
            guard let text = value.string else {
                throw .wrongType(param, expected: "one of \(names)", got: value)
            }
            guard names.contains(text) else {
                throw .unsupportedValue(param, got: value, supported: names)
            }
        case .object:
            guard value.members != nil else {
                throw .wrongType(param, expected: "an object", got: value)
            }
        case .array:
            guard value.array != nil else {
                throw .wrongType(param, expected: "an array", got: value)
            }
        case .structured: break
        case .notSimulated: throw .notSimulated(param)
        }
    }

    private func checkText(_ value: JSONValue, lengthMax: Int?, param: String) throws(APIError) {
        guard let text = value.string else {
            throw .wrongType(param, expected: "a string", got: value)
        }
        if let lengthMax, text.unicodeScalars.count > lengthMax {
            throw APIError(
                400,
                code: "string_above_max_length",
                param: param,
                """
                Invalid '\(param)': string too long. Expected a string with maximum length \
                \(lengthMax), but got a string with length \(text.unicodeScalars.count) instead.
                """
            )
        }
    }
}

extension APIError {
    fileprivate static func outOfRange(
        _ param: String,
        _ kind: String,
        isBelow: Bool,
        limit: String,
        got: JSONValue
    ) -> APIError {
        APIError(
            400,
            code: "\(kind)_\(isBelow ? "below_min" : "above_max")_value",
            param: param,
            """
            Invalid '\(param)': \(kind) \(isBelow ? "below minimum" : "above maximum") value. \
            Expected a value \(isBelow ? ">=" : "<=") \(limit), but got \(got.text) instead.
            """
        )
    }
}
