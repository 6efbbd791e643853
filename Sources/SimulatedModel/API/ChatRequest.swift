/// A chat completion request that the vendor would accept: every field checked, defaults filled in.
///
/// `init(_:in:repeated:)`, in `ChatRequestValidation.swift`, is the only way to one.
package struct ChatRequest: Sendable {
    package struct Message: Sendable, Equatable {
        package let role: String
        package let name: String?
        /// The text parts, joined; empty where the message has only tool calls.
        package let text: String
        /// Bytes of tool calls that an assistant message carries; they are prompt too.
        package let toolCallBytes: Int
    }

    package struct Tool: Sendable {
        package let name: String
        package let parameters: JSONValue
        package let isStrict: Bool
    }

    package enum ToolChoice: Sendable, Equatable {
        case none, auto, required
        case named(String)
    }

    package enum Format: Sendable {
        case text, jsonObject
        case jsonSchema(name: String, schema: JSONValue)
    }

    package enum Effort: String, Sendable, CaseIterable {
        case none, minimal, low, medium, high, xhigh, max

        /// Hidden tokens that a model of the simulator spends before it answers.
        package var tokens: Int {
            switch self {
            case .none: 0
            case .minimal: 16
            case .low: 64
            case .medium: 192
            case .high: 640
            case .xhigh, .max: 1280
            }
        }
    }

    package internal(set) var requestedModel = ""
    package internal(set) var model: SimulatedModelEntry
    package internal(set) var messages: [Message] = []
    package internal(set) var tools: [Tool] = []
    package internal(set) var toolChoice = ToolChoice.none
    package internal(set) var format = Format.text
    /// The caller's cap, or the model's own.
    package internal(set) var completionTokensMax: Int
    package internal(set) var choices = 1
    package internal(set) var stops: [String] = []
    package internal(set) var seed = 0
    package internal(set) var effort = Effort.none
    package internal(set) var serviceTier = "default"
    package internal(set) var streams = false
    package internal(set) var streamsUsage = false
    package internal(set) var obfuscates = true
    /// By `TokenEstimator`, tools and schema included.
    package internal(set) var promptTokens = 0
    /// What the prompt is known by: equal prompts give equal answers.
    package internal(set) var promptDigest = PromptDigest([])
}
