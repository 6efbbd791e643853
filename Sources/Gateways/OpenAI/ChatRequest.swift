internal import Contract
internal import JSON
internal import Options
package import Pipeline
package import Policy

/// A Chat Completions request, as the model's family wants it.
package struct ChatRequest {
    /// The function, or the schema, by which a strategy is answered.
    package static let proposalName = "propose_strategy"
    private static let proposalSchema = PackageResources.proposal_schema_json.withoutLineEnd

    package let body: [UInt8]

    /// The corresponding call is `POST /v1/chat/completions`.
    ///
    /// - Parameters:
    ///   - prompt: The user's message, as `prompt(for:)` wrote it.
    ///   - outputTokensMax: Tokens that the answer may have.
    package init(
        prompt: [UInt8],
        outputTokensMax: Int,
        model: ModelRow,
        named name: String,
        temperature: Double
    ) {
        // Thousands of these are held at once, each until its answer: the room is what it needs,
        // with a quarter of the user's words for escapes.
        let room = Self.constantBytes + name.utf8.count + prompt.count * 5 / 4
        body = JSONWriter.bytes(reserving: room) { writer in
            writer.beginObject()
            writer.field("model", name)
            Self.write(messages: prompt, to: &writer)
            switch model.dialect {
            case .legacy:
                writer.field("max_tokens", outputTokensMax)
                writer.field("temperature", temperature)
                Self.writeForcedTool(to: &writer)
            case .chat:
                writer.field("max_completion_tokens", outputTokensMax)
                writer.field("temperature", temperature)
                writer.field("store", false)
                Self.writeSchema(to: &writer)
            case .reasoning:
                writer.field("max_completion_tokens", outputTokensMax)
                writer.field("store", false)
                Self.writeSchema(to: &writer)
            }
            writer.endObject()
        }
    }

    /// What asking costs at the most: no token is shorter than a byte of what the model reads, which
    /// is the prompts and the schema, with some words of the API's own around them.
    package static func quote(
        _ prompt: [UInt8],
        outputTokensMax: Int,
        model: ModelRow
    ) -> Quote {
        Quote(
            promptTokensMax: constantBytes + prompt.count,
            outputTokensMax: min(outputTokensMax, model.outputTokensMax ?? .max),
            outputTokensMin: model.dialect == .reasoning
                ? Limits.reasonedTokensMin : Limits.answerTokensMin,
            price: model.price
        )
    }

    private enum Limits {
        /// Tokens of the longest answer that the schema allows with some to spare.
        static let answerTokensMin = 600
        /// The same after a model's own thoughts.
        static let reasonedTokensMin = 2_400
    }

    /// The system prompt as a JSON string: escaped once, not for every call.
    private static let systemContent: [UInt8] = {
        let text = PackageResources.system_txt
        var writer = JSONWriter(reservingCapacity: text.count + 128)
        writer.value(utf8: text.span)
        return writer.finish()
    }()

    /// Bytes of a request beside the model's name and the user's message: the prompt, the schema,
    /// and some 400 of everything around them.
    private static let constantBytes = systemContent.count + proposalSchema.count + 512

    private static func write(messages user: [UInt8], to writer: inout JSONWriter) {
        writer.key("messages")
        writer.beginArray()
        writer.beginObject()
        writer.field("role", "system")
        writer.key("content")
        writer.raw(systemContent)
        writer.endObject()
        writer.beginObject()
        writer.field("role", "user")
        writer.key("content")
        writer.value(utf8: user.span)
        writer.endObject()
        writer.endArray()
    }

    /// Facts and the user's words as one JSON object: a string in JSON cannot end itself, which is
    /// the firmest delimiter there is.
    package static func prompt(for question: Question) -> [UInt8] {
        let facts = question.facts
        var writer = JSONWriter(reservingCapacity: 1_024)
        writer.beginObject()
        writer.key("facts")
        writer.beginObject()
        writer.field("symbol", facts.symbol)
        writer.field("spot", facts.spot.dollars)
        writer.field("as_of", facts.asOf.description)
        if let trend = facts.trend { writer.field("trend", trend.rawValue) }
        if let vix = facts.vix { writer.field("vix", vix) }
        if let tolerance = facts.tolerance { writer.field("risk_tolerance", tolerance.rawValue) }
        if let maxLoss = facts.maxLoss { writer.field("max_loss_usd", maxLoss) }
        writer.key("expiries")
        writer.beginArray()
        for expiry in facts.expiries { writer.value(expiry.description) }
        writer.endArray()
        writer.field("strike_step", facts.strikeStep)
        writer.endObject()
        writer.field("user_text", question.intent)
        writer.endObject()
        return writer.finish()
    }

    private static func writeForcedTool(to writer: inout JSONWriter) {
        writer.key("tools")
        writer.beginArray()
        writer.beginObject()
        writer.field("type", "function")
        writer.key("function")
        writer.beginObject()
        writer.field("name", proposalName)
        writer.field("description", "Answers with one options strategy.")
        writer.field("strict", true)
        writer.key("parameters")
        writer.raw(proposalSchema)
        writer.endObject()
        writer.endObject()
        writer.endArray()
        writer.key("tool_choice")
        writer.beginObject()
        writer.field("type", "function")
        writer.key("function")
        writer.beginObject()
        writer.field("name", proposalName)
        writer.endObject()
        writer.endObject()
        // Strict arguments are promised only for a single call.
        writer.field("parallel_tool_calls", false)
    }

    private static func writeSchema(to writer: inout JSONWriter) {
        writer.key("response_format")
        writer.beginObject()
        writer.field("type", "json_schema")
        writer.key("json_schema")
        writer.beginObject()
        writer.field("name", proposalName)
        writer.field("strict", true)
        writer.key("schema")
        writer.raw(proposalSchema)
        writer.endObject()
        writer.endObject()
    }
}

extension [UInt8] {
    /// A resource file ends in a line feed, which is no part of what it holds.
    fileprivate var withoutLineEnd: [UInt8] { last == UInt8(ascii: "\n") ? dropLast() : self }
}
