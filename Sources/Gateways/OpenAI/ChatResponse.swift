package import JSON
package import Policy

/// What a Chat Completions answer says, read as far as we need it.
package struct ChatResponse {
    package let modelName: String
    package let usage: TokenUsage?
    package let outcome: Outcome

    package enum Outcome: Equatable {
        case proposal([UInt8])
        case refused
        /// Cut off by the limit on its length.
        case cutShort
        case filtered
        /// No choice, no content, or another function than the one asked for.
        case empty
    }

    package init(_ document: JSONValue) throws(JSONError) {
        let body = try document.object()
        modelName = try body.required("model").string()
        // A usage that cannot be read is as good as none: the answer beside it was paid for.
        usage = (try? body.optional("usage")?.object()).flatMap { try? TokenUsage($0) }
        let choices = try body.required("choices").array()
        guard let first = choices.first(where: { _ in true }) else {
            outcome = .empty
            return
        }
        let choice = try first.object()
        outcome = try Self.outcome(
            of: choice.required("message").object(),
            finish: choice.optional("finish_reason")?.string()
        )
    }

    /// A forced function call may end with `stop` or `tool_calls`; both are accepted.
    private static func outcome(
        of message: JSONObject,
        finish: String?
    ) throws(JSONError) -> Outcome {
        if finish == "content_filter" { return .filtered }
        // Some compatible servers send an empty one with every answer.
        if let refusal = message.optional("refusal"), (try? refusal.string()) != "" {
            return .refused
        }
        if finish == "length" { return .cutShort }
        if let calls = try message.optional("tool_calls")?.array(),
            let call = calls.first(where: { _ in true })
        {
            let function = try call.object().required("function").object()
            guard try function.required("name").string() == ChatRequest.proposalName else {
                return .empty
            }
            return .proposal(Array(try function.required("arguments").string().utf8))
        }
        guard let content = message.optional("content") else { return .empty }
        return .proposal(Array(try content.string().utf8))
    }
}

extension TokenUsage {
    fileprivate init(_ body: JSONObject) throws(JSONError) {
        let prompt = try body.optional("prompt_tokens_details")?.object()
        self.init(
            promptTokens: try body.required("prompt_tokens").count(),
            cachedTokens: try prompt?.optional("cached_tokens")?.count() ?? 0,
            cacheWriteTokens: try prompt?.optional("cache_write_tokens")?.count() ?? 0,
            completionTokens: try body.required("completion_tokens").count()
        )
    }
}

extension JSONValue {
    /// A number of tokens: more than a hundred million is a mistake, not a count.
    fileprivate func count() throws(JSONError) -> Int { Int(try int64(in: 0...100_000_000)) }
}

/// The body of a refusal: `{"error":{"message","type","param","code"}}`. Its message may hold a piece
/// of the key or the organisation's name, so it is not even read.
package struct APIError {
    package let type: String?
    package let code: String?

    package init(_ body: [UInt8]) {
        var parser = JSONParser()
        let error = try? parser.parse(body).object().required("error").object()
        type = (try? error?.optional("type")?.string())?.asWord
        code = (try? error?.optional("code")?.string())?.asWord
    }
}

extension String {
    /// A code is one word of theirs; anything else might be a sentence with a secret in it.
    fileprivate var asWord: String? {
        let isWord = utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        return isWord && (1...64).contains(utf8.count) ? self : nil
    }
}
