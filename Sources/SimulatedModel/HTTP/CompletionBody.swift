/// The JSON of an answer, whole or in chunks, as `CreateChatCompletionResponse` and
/// `CreateChatCompletionStreamResponse` describe it.
package struct CompletionBody: Sendable {
    package let id: String
    /// Seconds since 1970.
    package let created: Int
    /// The dated snapshot.
    package let model: String
    package let serviceTier: String
    package let answer: Answer
    package let tokens: CallTokens
    /// False only when a script withholds it.
    package let hasUsage: Bool

    package init(
        id: String,
        created: Int,
        request: ChatRequest,
        answer: Answer,
        tokens: CallTokens,
        hasUsage: Bool
    ) {
        self.id = id
        self.created = created
        model = request.model.snapshot
        serviceTier = request.serviceTier
        self.answer = answer
        self.tokens = tokens
        self.hasUsage = hasUsage
    }

    private static let fingerprint = "fp_simulator"

    /// The body of an answer that is not streamed.
    package var whole: [UInt8] {
        var writer = head("chat.completion", reserving: 1024)
        writer.raw(",\"choices\":[")
        for (i, choice) in answer.choices.enumerated() {
            if i > 0 { writer.raw(",") }
            writer.raw("{\"index\":")
            writer.integer(i)
            writer.raw(",\"message\":{\"role\":\"assistant\",\"content\":")
            writer.message(choice.saying)
            writer.raw(",\"annotations\":[]},\"logprobs\":null,\"finish_reason\":")
            writer.string(choice.finishReason.rawValue)
            writer.raw("}")
        }
        writer.raw("]")
        if hasUsage {
            writer.raw(",\"usage\":")
            writer.usage(tokens)
        }
        writer.raw("}")
        return writer.bytes
    }

    private func head(_ object: String, reserving capacity: Int) -> JSONWriter {
        var writer = JSONWriter(reserving: capacity)
        writer.raw("{\"id\":")
        writer.string(id)
        writer.raw(",\"object\":\"")
        writer.raw(object)
        writer.raw("\",\"created\":")
        writer.integer(created)
        writer.raw(",\"model\":")
        writer.string(model)
        writer.raw(",\"service_tier\":")
        writer.string(serviceTier)
        writer.raw(",\"system_fingerprint\":\"")
        writer.raw(Self.fingerprint)
        writer.raw("\"")
        return writer
    }

    /// One server-sent event and how many tokens have been generated with it.
    package struct Event: Sendable {
        package let bytes: [UInt8]
        package let tokens: Int
    }

    /// The events of a streamed answer, `[DONE]` included.
    ///
    /// - Parameter withUsage: Ends with a chunk that has no choices but the usage; every other
    ///   chunk then says `"usage":null`.
    package func events(withUsage: Bool, obfuscated: Bool, dice: Dice) -> [Event] {
        var dice = dice
        var events: [Event] = []
        var generated = answer.reasoningTokens
        func add(_ index: Int, _ finishReason: String?, _ delta: (inout JSONWriter) -> Void) {
            var writer = chunkHead()
            writer.raw("[{\"index\":")
            writer.integer(index)
            writer.raw(",\"delta\":{")
            delta(&writer)
            writer.raw("},\"logprobs\":null,\"finish_reason\":")
            writer.stringOrNull(finishReason)
            writer.raw("}]")
            if withUsage { writer.raw(",\"usage\":null") }
            if obfuscated {
                // The vendor's padding hides the lengths of tokens from who counts packets.
                writer.raw(",\"obfuscation\":")
                writer.string(Identifier.letters(8 + Int(dice.next() % 8), dice: &dice))
            }
            writer.raw("}\n\n")
            events.append(Event(bytes: writer.bytes, tokens: generated))
        }
        for (i, choice) in answer.choices.enumerated() {
            generated += choice.headTokens
            add(i, nil) { $0.firstDelta(choice.saying) }
            for piece in TokenEstimator.pieces(choice.text) {
                generated += 1
                add(i, nil) { $0.delta(piece, of: choice.saying) }
            }
            add(i, choice.finishReason.rawValue) { _ in }
        }
        if withUsage, hasUsage {
            var writer = chunkHead()
            writer.raw("[],\"usage\":")
            writer.usage(tokens)
            writer.raw("}\n\n")
            events.append(Event(bytes: writer.bytes, tokens: generated))
        }
        events.append(Event(bytes: Array("data: [DONE]\n\n".utf8), tokens: generated))
        return events
    }

    private func chunkHead() -> JSONWriter {
        var writer = JSONWriter(reserving: 320)
        writer.raw("data: ")
        writer.raw(head("chat.completion.chunk", reserving: 320).bytes)
        writer.raw(",\"choices\":")
        return writer
    }
}

extension JSONWriter {
    /// What follows `"content":` in a message.
    fileprivate mutating func message(_ saying: Answer.Saying) {
        switch saying {
        case .content(let text):
            string(text)
            raw(",\"refusal\":null")
        case .refusal(let text):
            raw("null,\"refusal\":")
            string(text)
        case .toolCall(let id, let name, let arguments):
            raw("null,\"refusal\":null,\"tool_calls\":[{\"id\":")
            string(id)
            raw(",\"type\":\"function\",\"function\":{\"name\":")
            string(name)
            raw(",\"arguments\":")
            string(arguments)
            raw("}}]")
        }
    }

    fileprivate mutating func firstDelta(_ saying: Answer.Saying) {
        raw("\"role\":\"assistant\",\"content\":")
        switch saying {
        case .content: raw("\"\",\"refusal\":null")
        case .refusal: raw("null,\"refusal\":\"\"")
        case .toolCall(let id, let name, _):
            raw("null,\"tool_calls\":[{\"index\":0,\"id\":")
            string(id)
            raw(",\"type\":\"function\",\"function\":{\"name\":")
            string(name)
            raw(",\"arguments\":\"\"}}],\"refusal\":null")
        }
    }

    fileprivate mutating func delta(_ piece: Substring, of saying: Answer.Saying) {
        switch saying {
        case .content:
            raw("\"content\":")
            string(piece)
        case .refusal:
            raw("\"refusal\":")
            string(piece)
        case .toolCall:
            raw("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":")
            string(piece)
            raw("}}]")
        }
    }

    fileprivate mutating func usage(_ tokens: CallTokens) {
        raw("{\"prompt_tokens\":")
        integer(tokens.prompt)
        raw(",\"completion_tokens\":")
        integer(tokens.completion)
        raw(",\"total_tokens\":")
        integer(tokens.prompt + tokens.completion)
        raw(",\"prompt_tokens_details\":{\"cached_tokens\":")
        integer(tokens.cached)
        if tokens.cacheWrites > 0 {
            raw(",\"cache_write_tokens\":")
            integer(tokens.cacheWrites)
        }
        raw(",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":")
        integer(tokens.reasoning)
        raw(
            """
            ,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}
            """
        )
    }
}
