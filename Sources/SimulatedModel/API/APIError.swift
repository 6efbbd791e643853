/// A refusal in the vendor's form: `{"error":{"message","type","param","code"}}`, all four present.
package struct APIError: Error, Sendable, Equatable {
    package var status: Int
    package var type: String
    package var code: String?
    package var param: String?
    package var message: String
    /// Headers beside the usual ones, such as `retry-after`.
    package var headers: [Header] = []

    package struct Header: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package init(
        _ status: Int,
        type: String = "invalid_request_error",
        code: String? = nil,
        param: String? = nil,
        _ message: String
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.message = message
    }

    package var body: [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.raw("{\"error\":{\"message\":")
        writer.string(message)
        writer.raw(",\"type\":")
        writer.string(type)
        writer.raw(",\"param\":")
        writer.stringOrNull(param)
        writer.raw(",\"code\":")
        writer.stringOrNull(code)
        writer.raw("}}")
        return writer.bytes
    }
}

// The vendor's own words, where the specification, the SDKs' tests or public reports have them.
extension APIError {
    package static let invalidJSON = APIError(
        400,
        """
        We could not parse the JSON body of your request. (HINT: This likely means you aren't \
        using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was \
        sent was not valid JSON. If you have trouble figuring out how to fix this, please contact \
        us through our help center at help.openai.com.)
        """
    )

    package static let missingKey = APIError(
        401,
        """
        You didn't provide an API key. You need to provide your API key in an Authorization header \
        using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with \
        blank username) if you're accessing the API from your browser and are prompted for a \
        username and password. You can obtain an API key from \
        https://platform.openai.com/account/api-keys.
        """
    )

    /// The vendor echoes the key with its middle starred; so a caller that forwards this leaks it.
    package static func incorrectKey(_ key: String) -> APIError {
        let shown =
            key.count > 12
            ? "\(key.prefix(8))\(String(repeating: "*", count: key.count - 12))\(key.suffix(4))"
            : key
        return APIError(
            401,
            code: "invalid_api_key",
            """
            Incorrect API key provided: \(shown). You can find your API key at \
            https://platform.openai.com/account/api-keys.
            """
        )
    }

    package static func unknownModel(_ name: String) -> APIError {
        APIError(
            404,
            code: "model_not_found",
            "The model `\(name)` does not exist or you do not have access to it."
        )
    }

    package static func modelShutDown(_ name: String) -> APIError {
        APIError(
            404,
            code: "model_not_found",
            """
            The model `\(name)` has been deprecated, learn more here: \
            https://platform.openai.com/docs/deprecations
            """
        )
    }

    package static func unknownRoute(_ method: String, _ path: String) -> APIError {
        APIError(404, "Invalid URL (\(method) \(path))")
    }

    package static func wrongMethod(_ method: String, _ path: String, allowed: String) -> APIError {
        var error = APIError(
            405,
            code: "method_not_supported",
            """
            Not allowed to \(method) on \(path). (HINT: Perhaps you meant to use a different HTTP \
            method?)
            """
        )
        error.headers = [Header(name: "Allow", value: allowed)]
        return error
    }

    package static let bodyTooLarge = APIError(
        413,
        code: "request_too_large",
        "The request body is larger than \(Limits.bodyBytesMax) bytes."
    )

    package static func missing(_ param: String) -> APIError {
        APIError(
            400,
            code: "missing_required_parameter",
            param: param,
            "Missing required parameter: '\(param)'."
        )
    }

    package static func wrongType(_ param: String, expected: String, got: JSONValue) -> APIError {
        APIError(
            400,
            code: "invalid_type",
            param: param,
            """
            Invalid type for '\(param)': expected \(expected), but got \(got.kindWithArticle) \
            instead.
            """
        )
    }

    package static func unsupportedValue(
        _ param: String,
        got: JSONValue,
        supported: [String]
    )
        -> APIError
    {
        let quoted = supported.map { "'\($0)'" }
        let list =
            quoted.count > 1
            ? quoted.dropLast().joined(separator: ", ") + ", and " + (quoted.last ?? "")
            : quoted.first ?? ""
        return APIError(
            400,
            code: "invalid_value",
            param: param,
            "Invalid value: '\(got.string ?? got.text)'. Supported values are: \(list)."
        )
    }

    package static func notSimulated(_ param: String) -> APIError {
        APIError(
            400,
            code: "unsupported_value",
            param: param,
            "'\(param)' is part of the API, but openai-simulator does not simulate it."
        )
    }
}

/// What bounds the simulator, and why.
package enum Limits {
    /// The longest context is 1,050,000 tokens of about four bytes, plus escapes and schemas.
    package static let bodyBytesMax = 16 * 1024 * 1024
    /// Pending connections while the accepting loop is busy; the kernel's own limit is often 4,096.
    package static let backlog = 4096
    /// Calls told apart by `X-Client-Request-Id` in the usage report: some 40 MB when full.
    package static let requestsListedMax = 200_000
    /// Behaviors set at a time.
    package static let behaviorsMax = 1024
    /// Prompt prefixes remembered for cached-token accounting: 16 bytes each.
    package static let cachedPrefixesMax = 65_536
}
