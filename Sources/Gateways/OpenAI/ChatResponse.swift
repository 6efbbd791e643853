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
        /// Cut off by the limit on its length, with what there is of it.
        case cutShort([UInt8]?)
        case filtered
        /// No choice, no content, or another function than the one asked for.
        case empty
    }

    /// - Parameter function: The one that was asked for.
    package init(_ document: JSONValue, of function: String) throws(JSONError) {
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
        let message = try choice.required("message").object()
        // Some compatible servers send an empty one with every answer.
        let refusal = message.optional("refusal")
        let isRefusal = refusal.map { (try? $0.string()) != "" } ?? false
        let finish = try choice.optional("finish_reason")?.string()
        // What stands beside a refusal may have any shape: nobody reads it.
        let isSaid = !isRefusal && finish != "content_filter"
        outcome = Outcome(
            isSaid ? try Self.text(of: message, function) : nil,
            isRefusal: isRefusal,
            finish: finish
        )
    }

    /// What a stream came to.
    init(modelName: String, usage: TokenUsage?, outcome: Outcome) {
        self.modelName = modelName
        self.usage = usage
        self.outcome = outcome
    }

    private static func text(
        of message: JSONObject,
        _ expected: String
    ) throws(JSONError) -> [UInt8]? {
        if let calls = try message.optional("tool_calls")?.array(),
            let call = calls.first(where: { _ in true })
        {
            let function = try call.object().required("function").object()
            guard try function.required("name").string() == expected else { return nil }
            return Array(try function.required("arguments").string().utf8)
        }
        guard let content = message.optional("content") else { return nil }
        return Array(try content.string().utf8)
    }
}

extension ChatResponse.Outcome {
    /// A forced function call may end with `stop` or `tool_calls`; both are accepted.
    init(_ said: [UInt8]?, isRefusal: Bool, finish: String?) {
        if finish == "content_filter" {
            self = .filtered
        } else if isRefusal {
            self = .refused
        } else if finish == "length" {
            self = .cutShort(said)
        } else {
            self = said.map { .proposal($0) } ?? .empty
        }
    }
}

extension TokenUsage {
    init(_ body: JSONObject) throws(JSONError) {
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
/// of the key or the organisation's name: it is looked at for how long to wait, and not kept.
package struct APIError {
    package let type: String?
    package let code: String?
    /// Its sentence says that no wait can help.
    package let isTooLarge: Bool
    /// It is about `stream` or `stream_options`, which it names as the parameter or in its sentence.
    let refusesStreams: Bool
    /// The sentence up to where it tells how long to wait, and nothing else of it.
    let patience: String?

    package init(_ body: [UInt8]) {
        var parser = JSONParser()
        let error = try? parser.parse(body).object().required("error").object()
        type = (try? error?.optional("type")?.string())?.asWord
        let code = try? error?.optional("code")?.string()
        // Azure's word for it.
        self.code = code == "DeploymentNotFound" ? "model_not_found" : code?.asWord
        let message = (try? error?.optional("message")?.string()) ?? ""
        let parameter = (try? error?.optional("param")?.string()) ?? ""
        refusesStreams = parameter.hasPrefix("stream") || message.contains("stream_options")
        isTooLarge = message.hasPrefix("Request too large")
        patience = message.firstRange(of: "try again in ").map {
            "try again in " + message[$0.upperBound...].prefix(16)
        }
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
