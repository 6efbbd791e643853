// Gateways: the pipeline's ports made real, over Redis and the model's API.
// Belongs here: what turns a typed value of ours into bytes of theirs and back; Lua, prompts, prices.
// Does not: the order of the stages, decisions about money or time, or where configuration is from.

/// A secret that cannot be printed by accident: every way of describing it says only that it is one.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { "[secret]" }
    package var debugDescription: String { "[secret]" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// The text itself, for the one header or command that needs it.
    package func reveal() -> String { text }
}
