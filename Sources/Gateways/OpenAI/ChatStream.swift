package import JSON
internal import Policy

/// A Chat Completions answer that comes in server-sent events, put together as it comes.
///
/// Each event is one line, `data: ` and a chunk of JSON, and `data: [DONE]` at the end; what else there
/// is, comments and other fields, is passed over.
package struct ChatStream {
    /// Pieces of text that have come: a model's API sends about one a token.
    package private(set) var pieces = 0
    private let function: String
    private var modelName = ""
    private var usage: TokenUsage?
    private var content: [UInt8] = []
    private var arguments: [UInt8] = []
    /// The function that is called, as far as its name has come.
    private var called = ""
    private var isRefusal = false
    private var finish: String?
    /// The line that has begun.
    private var line: [UInt8] = []
    private var isDone = false

    /// - Parameter function: The one that was asked for.
    package init(of function: String) { self.function = function }

    /// Takes what has arrived, which may begin and end anywhere.
    ///
    /// - Throws: Where it is no chunk of an answer; an error that the API reports on the way is one.
    package mutating func add(
        _ bytes: [UInt8],
        _ parser: inout JSONParser
    ) throws(JSONError) {
        var rest = bytes[...]
        while let end = rest.firstIndex(where: { $0 == .lineFeed || $0 == .carriageReturn }) {
            line += rest[..<end]
            rest = rest[(end + 1)...]
            let whole = line
            line.removeAll(keepingCapacity: true)
            try read(line: whole, &parser)
        }
        line += rest
    }

    private mutating func read(
        line: [UInt8],
        _ parser: inout JSONParser
    ) throws(JSONError) {
        guard !isDone, line.starts(with: Self.data) else { return }
        var chunk = line[Self.data.count...]
        if chunk.first == UInt8(ascii: " ") { chunk = chunk.dropFirst() }
        guard !chunk.elementsEqual(Self.done) else {
            isDone = true
            return
        }
        guard !chunk.isEmpty else { return }
        try read(try parser.parse(Array(chunk)).object())
    }

    private static let data = Array("data:".utf8)
    private static let done = Array("[DONE]".utf8)

    private mutating func read(_ chunk: JSONObject) throws(JSONError) {
        if let model = try chunk.optional("model")?.string(), !model.isEmpty { modelName = model }
        // The last chunk has it, and no choice; those before say null.
        if let found = (try? chunk.optional("usage")?.object()).flatMap({ try? TokenUsage($0) }) {
            usage = found
        }
        let choices = try chunk.required("choices").array()
        guard let first = choices.first(where: { _ in true }) else { return }
        let choice = try first.object()
        if let reason = try choice.optional("finish_reason")?.string() { finish = reason }
        if let delta = try choice.optional("delta")?.object() { try read(delta: delta) }
    }

    private mutating func read(delta: JSONObject) throws(JSONError) {
        if let text = try delta.optional("refusal")?.string(), !text.isEmpty {
            isRefusal = true
            pieces += 1
        }
        if let text = try delta.optional("content")?.string(), !text.isEmpty {
            content += text.utf8
            pieces += 1
        }
        guard let calls = try delta.optional("tool_calls")?.array(),
            let call = calls.first(where: { _ in true }),
            let function = try call.object().optional("function")?.object()
        else { return }
        called += try function.optional("name")?.string() ?? ""
        if let text = try function.optional("arguments")?.string(), !text.isEmpty {
            arguments += text.utf8
            pieces += 1
        }
    }

    /// What it came to.
    ///
    /// - Returns: Nil where it ended before the answer did.
    package consuming func finished() -> ChatResponse? {
        guard let finish else { return nil }
        let said = called.isEmpty ? content : called == function ? arguments : []
        return ChatResponse(
            modelName: modelName,
            usage: usage,
            outcome: .init(said.isEmpty ? nil : said, isRefusal: isRefusal, finish: finish)
        )
    }
}

extension UInt8 {
    fileprivate static var lineFeed: UInt8 { 0x0A }
    fileprivate static var carriageReturn: UInt8 { 0x0D }
}
