internal import JSON
package import Pipeline
package import Policy

/// A Chat Completions request, as the model's family wants it.
package struct ChatRequest {
    package let body: [UInt8]

    /// The corresponding call is `POST /v1/chat/completions`.
    ///
    /// - Parameters:
    ///   - prompt: The user's message, as `QuestionText` wrote it.
    ///   - complaints: What was wrong with the answer before; empty the first time.
    ///   - outputTokensMax: Tokens that the answer may have, the model's own thoughts among them.
    ///   - canary: What tells our instructions apart when they come back.
    ///   - identifier: Who asks, as a hash; worked out and sent where the model takes it.
    ///   - isStreamed: Whether the answer comes in pieces, with its usage at the end.
    package init(
        form: Question.Form,
        prompt: [UInt8],
        complaints: [String] = [],
        outputTokensMax: Int,
        model: ModelRow,
        named name: String,
        temperature: Double,
        canary: String,
        identifier: @autoclosure () -> String,
        isStreamed: Bool = false
    ) {
        let prompts = Prompts.of(form)
        let system = prompts.system(with: canary)
        // Thousands of these are held at once, each until its answer: the room is what it needs,
        // with a quarter of the user's message for escapes.
        let room = Self.constantBytes(prompts) + name.utf8.count + prompt.count * 5 / 4
        body = JSONWriter.bytes(reserving: room) { writer in
            writer.beginObject()
            writer.field("model", name)
            Self.write(system, prompt, complaints, to: &writer)
            if isStreamed { Self.writeStreaming(to: &writer) }
            switch model.dialect {
            case .legacy:
                writer.field("max_tokens", outputTokensMax)
                writer.field("temperature", temperature)
                Self.write(tool: prompts, to: &writer)
            case .chat:
                writer.field("max_completion_tokens", outputTokensMax)
                writer.field("temperature", temperature)
                writer.field("store", false)
                writer.field("safety_identifier", identifier())
                Self.write(schema: prompts, to: &writer)
            case .reasoning:
                writer.field("max_completion_tokens", outputTokensMax)
                writer.field("reasoning_effort", "low")
                writer.field("store", false)
                writer.field("safety_identifier", identifier())
                Self.write(schema: prompts, to: &writer)
            }
            writer.endObject()
        }
    }

    /// What asking costs at the most: no token is shorter than a byte of what the model reads, which
    /// is the prompts and the schema, with some words of the API's own around them.
    ///
    /// - Parameter promptBytes: Of the user's message.
    package static func quote(
        _ form: Question.Form,
        promptBytes: Int,
        outputTokensMax: Int,
        model: ModelRow
    ) -> Quote {
        // What a model thinks is billed, and counts in the limit on its answer.
        let (least, most) =
            model.dialect == .reasoning ? (Limits.thoughtsMin, Limits.thoughtsMax) : (0, 0)
        let (tokens, over) = outputTokensMax.addingReportingOverflow(most)
        return Quote(
            promptTokensMax: constantBytes(Prompts.of(form)) + promptBytes,
            outputTokensMax: min(over ? .max : tokens, model.outputTokensMax ?? .max),
            outputTokensMin: form.answerTokens.least + least,
            price: model.price
        )
    }

    private enum Limits {
        /// Tokens that a model needs to think at low effort, and that it may have: what the dearest of
        /// them costs for the latter is two cents.
        static let thoughtsMin = 1_024
        static let thoughtsMax = 2_048
    }

    /// Bytes of a request beside the model's name and the user's message: the prompt with its canary,
    /// the schema, and some 500 of everything around them.
    private static func constantBytes(_ prompts: Prompts) -> Int {
        prompts.system.count + prompts.schema.count + 768
    }

    private static func write(
        _ system: [UInt8],
        _ user: [UInt8],
        _ complaints: [String],
        to writer: inout JSONWriter
    ) {
        writer.key("messages")
        writer.beginArray()
        writer.beginObject()
        writer.field("role", "system")
        writer.key("content")
        writer.raw(system)
        writer.endObject()
        writer.beginObject()
        writer.field("role", "user")
        writer.key("content")
        writer.value(utf8: user.span)
        writer.endObject()
        if !complaints.isEmpty {
            writer.beginObject()
            writer.field("role", "user")
            writer.field("content", text(of: complaints))
            writer.endObject()
        }
        writer.endArray()
    }

    /// Asked anew: what was wrong, and no word of the answer itself.
    private static func text(of complaints: [String]) -> String {
        complaints.reduce(Prompts.repair) { $0 + "\n- " + $1 }
    }

    /// Bytes of what is said when it is asked anew.
    package static func bytes(of complaints: [String]) -> Int {
        complaints.isEmpty ? 0 : text(of: complaints).utf8.count
    }

    private static func writeStreaming(to writer: inout JSONWriter) {
        writer.field("stream", true)
        writer.key("stream_options")
        writer.beginObject()
        writer.field("include_usage", true)
        writer.endObject()
    }

    private static func write(tool prompts: Prompts, to writer: inout JSONWriter) {
        writer.key("tools")
        writer.beginArray()
        writer.beginObject()
        writer.field("type", "function")
        writer.key("function")
        writer.beginObject()
        writer.field("name", prompts.functionName)
        writer.field("description", prompts.purpose)
        writer.field("strict", true)
        writer.key("parameters")
        writer.raw(prompts.schema)
        writer.endObject()
        writer.endObject()
        writer.endArray()
        writer.key("tool_choice")
        writer.beginObject()
        writer.field("type", "function")
        writer.key("function")
        writer.beginObject()
        writer.field("name", prompts.functionName)
        writer.endObject()
        writer.endObject()
        // Strict arguments are promised only for a single call.
        writer.field("parallel_tool_calls", false)
    }

    private static func write(schema prompts: Prompts, to writer: inout JSONWriter) {
        writer.key("response_format")
        writer.beginObject()
        writer.field("type", "json_schema")
        writer.key("json_schema")
        writer.beginObject()
        writer.field("name", prompts.functionName)
        writer.field("strict", true)
        writer.key("schema")
        writer.raw(prompts.schema)
        writer.endObject()
        writer.endObject()
    }
}
