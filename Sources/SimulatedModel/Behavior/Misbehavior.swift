/// One thing that goes wrong on demand, for some calls, some number of times.
///
/// Set over HTTP as one JSON object, or an array of them:
///
/// | member | meaning |
/// |---|---|
/// | `mode` | what happens, see `Mode`; `error` when there is a `status` and no mode |
/// | `status`, `code`, `type`, `message`, `param` | the error; what is absent is the vendor's |
/// | `retry_after`, `retry_after_ms`, `should_retry` | headers of the error, sent as written |
/// | `latency_ms` | `"median[,p99]"` or a number, instead of the simulator's own |
/// | `tokens` | `length`: how many tokens of the answer are left (half of them when absent) |
/// | `model` | only calls that name this model, by snapshot or alias |
/// | `request_id_prefix` | only calls whose `X-Client-Request-Id` starts so |
/// | `key` | only calls with this key |
/// | `times` | how many calls; without it until it is cleared |
/// | `after` | how many such calls go well before |
/// | `share` | which share of such calls, 0 to 1; all when absent |
/// | `for_ms` | for how long, from when it is set |
package struct Misbehavior: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// The call is answered with an error and not billed.
        case error
        /// The call is answered, as slowly as `latency_ms` says.
        case slow
        /// Nothing is ever answered; the connection stays open.
        case stall
        /// Half the answer arrives, then nothing more; the connection stays open.
        case stallMidway = "stall_midway"
        /// The connection is reset (RST) before an answer.
        case reset
        /// The connection is reset in the middle of the answer.
        case resetMidway = "reset_midway"
        /// Half the answer arrives, then the connection is closed in good order.
        case truncate
        /// The model's JSON is cut in the middle, though it says that it has finished.
        case malformed
        /// The body of the response is an HTML page, with status 200.
        case html
        /// The model's JSON comes inside a Markdown fence.
        case fenced
        /// The model refuses: `refusal` is set, `content` is null.
        case refusal
        /// The answer ends early with `finish_reason` `length`.
        case length
        /// The answer ends early with `finish_reason` `content_filter`.
        case contentFilter = "content_filter"
        /// The answer has no `usage`.
        case noUsage = "no_usage"
        /// The answer's `usage` tells of one token in and one out.
        case wrongUsage = "wrong_usage"
        /// The model answers in prose, though a schema or a function was asked for.
        case prose
        /// The answer is as it should be, under `content-type: text/plain`.
        case wrongType = "wrong_type"
        /// The answer comes in one piece, though a stream was asked for.
        case unstreamed
        /// The answer comes in twenty pieces, evenly over `latency_ms`.
        case drip
        /// The model does what the user's text says: it repeats it, and its own instructions, wherever it
        /// may write, and takes numbers from it.
        case obeysInjection = "obeys_injection"
    }

    package var mode: Mode
    package var error: APIError?
    package var latency: Latency?
    package var tokens: Int?
    package var model: String?
    package var requestIDPrefix: String?
    package var times: Int?
    package var key: String?
    package var after = 0
    package var share = 1.0
    package var forMs: Int?
    /// When it ends, where that was said.
    package var until: ContinuousClock.Instant?

    /// Whether this is about such a call.
    package func matches(
        model entry: SimulatedModelEntry?,
        named name: String?,
        requestID: String?,
        key: String?
    )
        -> Bool
    {
        if let wanted = self.key, wanted != key { return false }
        if let until, ContinuousClock.now >= until { return false }
        if let model {
            guard
                name == model || entry?.snapshot == model || entry?.aliases.contains(model) == true
            else { return false }
        }
        if let requestIDPrefix {
            guard let requestID, requestID.hasPrefix(requestIDPrefix) else { return false }
        }
        return true
    }
}

extension Misbehavior {
    private static let members: Set<String> = [
        "mode", "status", "code", "type", "message", "param", "retry_after", "retry_after_ms",
        "should_retry", "latency_ms", "tokens", "model", "request_id_prefix", "times", "key",
        "after", "share", "for_ms",
    ]

    /// Reads one; throws a 400 that names the member that is wrong.
    package init(_ json: JSONValue) throws(APIError) {
        guard let given = json.members else {
            throw .wrongType("behavior", expected: "an object", got: json)
        }
        for member in given where !Self.members.contains(member.name) {
            throw APIError(
                400,
                code: "unknown_parameter",
                param: member.name,
                "Unknown parameter: '\(member.name)'."
            )
        }
        let hasError = json["status"] != nil || json["code"] != nil
        if let name = json["mode"] {
            guard let mode = name.string.flatMap(Mode.init) else {
                throw .unsupportedValue(
                    "mode",
                    got: name,
                    supported: Mode.allCases.map(\.rawValue)
                )
            }
            self.mode = mode
        } else {
            mode = hasError ? .error : .slow
        }
        error = mode == .error ? try APIError(scripted: json) : nil
        if let value = json["latency_ms"] {
            guard let latency = Latency(value.string ?? value.text) else {
                throw APIError(
                    400,
                    param: "latency_ms",
                    "'latency_ms' must be 'median' or 'median,p99' in milliseconds."
                )
            }
            self.latency = latency
        } else if mode == .slow || mode == .drip {
            throw .missing("latency_ms")
        }
        tokens = try Self.count(json, "tokens", min: 0)
        times = try Self.count(json, "times", min: 1)
        model = try Self.text(json, "model")
        requestIDPrefix = try Self.text(json, "request_id_prefix")
        key = try Self.text(json, "key")
        after = try Self.count(json, "after", min: 0) ?? 0
        forMs = try Self.count(json, "for_ms", min: 1)
        until = forMs.map { .now + .milliseconds($0) }
        if let value = json["share"] {
            guard let share = value.number, (0...1).contains(share) else {
                throw .wrongType("share", expected: "a number from 0 to 1", got: value)
            }
            self.share = share
        }
    }

    /// One object, or an array of them.
    package static func list(_ json: JSONValue) throws(APIError) -> [Misbehavior] {
        var list: [Misbehavior] = []
        for item in json.array ?? [json] { list.append(try Misbehavior(item)) }
        return list
    }

    private static func count(_ json: JSONValue, _ name: String, min: Int) throws(APIError) -> Int?
    {
        guard let value = json[name], !value.isNull else { return nil }
        guard let count = value.integer, count >= min else {
            throw .wrongType(name, expected: "an integer of at least \(min)", got: value)
        }
        return count
    }

    private static func text(_ json: JSONValue, _ name: String) throws(APIError) -> String? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let text = value.string else {
            throw .wrongType(name, expected: "a string", got: value)
        }
        return text
    }

    /// The same as JSON, for `GET /simulator/behavior`.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [.init("mode", .string(mode.rawValue))]
        if let error {
            members.append(.init("status", .integer(error.status)))
            members.append(.init("code", error.code.map(JSONValue.string) ?? .null))
        }
        if let latency {
            let p99 = latency.p99Ms.map { ",\(JSONValue.number($0).text)" } ?? ""
            let text = JSONValue.number(latency.medianMs).text + p99
            members.append(.init("latency_ms", .string(text)))
        }
        if let tokens { members.append(.init("tokens", .integer(tokens))) }
        if let model { members.append(.init("model", .string(model))) }
        if let requestIDPrefix {
            members.append(.init("request_id_prefix", .string(requestIDPrefix)))
        }
        if share < 1 { members.append(.init("share", .number(share))) }
        if after > 0 { members.append(.init("after", .integer(after))) }
        if let forMs { members.append(.init("for_ms", .integer(forMs))) }
        members.append(.init("times", times.map(JSONValue.integer) ?? .null))
        return .object(members)
    }
}

extension APIError {
    /// An error as a script asks for it, completed with what the vendor says in that case.
    package init(scripted json: JSONValue) throws(APIError) {
        let code = json["code"]?.string
        let status = json["status"]?.integer ?? Self.usualStatus(code: code)
        guard (400...599).contains(status) else {
            throw APIError(400, param: "status", "'status' must be from 400 to 599.")
        }
        self.init(
            status,
            type: json["type"]?.string ?? Self.usualType(status: status, code: code),
            code: code ?? (status == 429 ? "rate_limit_exceeded" : nil),
            param: json["param"]?.string,
            json["message"]?.string ?? Self.usualMessage(status: status, code: code)
        )
        for (member, header) in [
            ("retry_after", "retry-after"), ("retry_after_ms", "retry-after-ms"),
            ("should_retry", "x-should-retry"),
        ] {
            guard let value = json[member] else { continue }
            headers.append(Header(name: header, value: value.string ?? value.text))
        }
    }

    private static func usualStatus(code: String?) -> Int {
        switch code {
        case "invalid_api_key": 401
        case "unsupported_country_region_territory": 403
        case "model_not_found": 404
        case "rate_limit_exceeded", "insufficient_quota", "credit_balance_exhausted", "slow_down":
            429
        case "server_is_overloaded": 503
        case "server_error": 500
        default: 400
        }
    }

    private static func usualType(status: Int, code: String?) -> String {
        switch (status, code) {
        case (429, "insufficient_quota"), (429, "credit_balance_exhausted"): "insufficient_quota"
        case (429, "slow_down"): "rate_limit_error"
        case (429, _): "requests"
        case (500, _), (502, _), (504, _): "server_error"
        case (503, _): "service_unavailable_error"
        case (403, _): "request_forbidden"
        default: "invalid_request_error"
        }
    }

    private static func usualMessage(status: Int, code: String?) -> String {
        switch (status, code) {
        case (_, "insufficient_quota"), (_, "credit_balance_exhausted"):
            """
            You exceeded your current quota, please check your plan and billing details. For more \
            information on this error, read the docs: \
            https://platform.openai.com/docs/guides/error-codes/api-errors.
            """
        case (_, "slow_down"):
            "Your traffic is ramping up too fast. Please reduce your request rate and try again."
        case (_, "model_not_found"):
            "The requested model does not exist or you do not have access to it."
        case (_, "context_length_exceeded"):
            "This model's maximum context length is 128000 tokens. Please reduce the length."
        case (429, _):
            """
            Rate limit reached for requests in organization \(Organization.id) on requests per min \
            (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms. Visit \
            https://platform.openai.com/account/rate-limits to learn more.
            """
        case (403, _): "Country, region, or territory not supported"
        case (500, _):
            "The server had an error while processing your request. Sorry about that!"
        case (503, _): "The server is currently overloaded with other requests. Try again later."
        case (408, _): "Request timed out."
        case (409, _): "The request conflicted with another one. Please try again."
        default: "The request failed with status \(status)."
        }
    }
}

/// The organization that every accepted key of the simulator belongs to.
package enum Organization {
    package static let id = "org-openaisimulator00000"
}
