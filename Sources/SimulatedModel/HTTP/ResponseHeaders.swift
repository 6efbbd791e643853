internal import HTTPTypes
internal import Hummingbird

/// The headers that the vendor sends.
enum ResponseHeaders {
    private static let requestID = name("x-request-id")
    private static let processing = name("openai-processing-ms")
    private static let rateLimits = [
        name("x-ratelimit-limit-requests"), name("x-ratelimit-limit-tokens"),
        name("x-ratelimit-remaining-requests"), name("x-ratelimit-remaining-tokens"),
        name("x-ratelimit-reset-requests"), name("x-ratelimit-reset-tokens"),
    ]
    private static let constant: HTTPFields = {
        var fields = HTTPFields()
        fields[name("openai-organization")] = Organization.id
        fields[name("openai-version")] = "2020-10-01"
        return fields
    }()

    /// A header's name. Ours are literals, and literals that are names; a script's may be anything.
    static func name(_ text: String) -> HTTPField.Name {
        HTTPField.Name(text) ?? .init(parsed: "x-simulator-bad-name") ?? .contentType
    }

    static func fields(
        contentType: String,
        requestID id: String,
        elapsed: Duration,
        limits: RateLimits.State?
    ) -> HTTPFields {
        var fields = constant
        fields[.contentType] = contentType
        fields[requestID] = id
        fields[processing] = "\(Int((elapsed / .milliseconds(1)).rounded()))"
        guard let limits else { return fields }
        let values = [
            "\(limits.requests.perMinute)", "\(limits.tokens.perMinute)",
            "\(limits.requests.remaining)", "\(limits.tokens.remaining)",
            GoDuration.text(limits.requests.reset), GoDuration.text(limits.tokens.reset),
        ]
        for (name, value) in zip(rateLimits, values) {
            fields.append(HTTPField(name: name, value: value))
        }
        return fields
    }
}

extension Response {
    init(_ status: HTTPResponse.Status, _ headers: HTTPFields, json: [UInt8]) {
        self.init(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json))
        )
    }

    init(_ error: APIError, requestID: String, elapsed: Duration, limits: RateLimits.State? = nil) {
        var fields = ResponseHeaders.fields(
            contentType: "application/json",
            requestID: requestID,
            elapsed: elapsed,
            limits: limits
        )
        for header in error.headers {
            fields[ResponseHeaders.name(header.name)] = header.value
        }
        self.init(HTTPResponse.Status(code: error.status), fields, json: error.body)
    }
}
