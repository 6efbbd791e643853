import Foundation
import Gateways
import JSON
import Policy
import TestSupport
import Testing

struct ChatStreamTests {
    private static let function = "propose_strategy"

    private func chunk(_ delta: String, finish: String = "null", usage: String = "null") -> String {
        """
        data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-2025-04-14",\
        "choices":[{"index":0,"delta":\(delta),"logprobs":null,"finish_reason":\(finish)}],\
        "usage":\(usage)}


        """
    }

    /// A function call in pieces, as the vendor sends it.
    private var call: String {
        chunk(
            #"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"x","type":"function","#
                + #""function":{"name":"propose_strategy","arguments":""}}]}"#
        ) + chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}"#)
            + chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"\"é\"}"}}]}"#)
            + chunk("{}", finish: "\"tool_calls\"") + end
    }

    private let end = """
        : a comment
        data: {"model":"gpt-4.1-2025-04-14","choices":[],"usage":{"prompt_tokens":90,"completion_tokens":7}}

        data: [DONE]


        """

    private func content(_ text: String, finish: String = "\"stop\"") -> String {
        chunk(#"{"role":"assistant","content":"","refusal":null}"#)
            + chunk(#"{"content":"\#(text)"}"#) + chunk("{}", finish: finish) + end
    }

    private func read(_ pieces: [[UInt8]]) throws -> ChatStream {
        var stream = ChatStream(of: Self.function)
        var parser = JSONParser()
        for piece in pieces { try stream.add(piece, &parser) }
        return stream
    }

    private func read(_ text: String) throws -> ChatResponse? {
        try read([Array(text.utf8)]).finished()
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func `the same comes of it wherever it is cut`(lineEnd: String) throws {
        let bytes = Array(call.replacing("\n", with: lineEnd).utf8)
        for cut in 0...bytes.count {
            let stream = try read([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(stream.pieces == 2)
            let answer = try #require(stream.finished())
            #expect(answer.outcome == .proposal(Array(#"{"a":"é"}"#.utf8)))
            #expect(answer.modelName == "gpt-4.1-2025-04-14")
            #expect(answer.usage == TokenUsage(promptTokens: 90, completionTokens: 7))
        }
        let single = try read(bytes.map { [$0] })
        #expect(try #require(single.finished()).outcome == .proposal(Array(#"{"a":"é"}"#.utf8)))
    }

    @Test func `content is a proposal, and how it ended is told apart`() throws {
        #expect(try read(content("{}"))?.outcome == .proposal(Array("{}".utf8)))
        #expect(
            try read(content("{", finish: "\"length\""))?.outcome == .cutShort(Array("{".utf8))
        )
        #expect(try read(content("{}", finish: "\"content_filter\""))?.outcome == .filtered)
        #expect(try read(content(""))?.outcome == .empty)
        let refusal = chunk(#"{"refusal":"I can"}"#) + chunk(#"{"refusal":"not"}"#)
        #expect(try read(refusal + chunk("{}", finish: "\"stop\""))?.outcome == .refused)
        #expect(try read(call.replacing(Self.function, with: "rm_rf"))?.outcome == .empty)
    }

    @Test func `usage is absent where none comes, and never zeros`() throws {
        let text = chunk(#"{"content":"{}"}"#) + chunk("{}", finish: "\"stop\"")
        let answer = try #require(try read(text))
        #expect(answer.usage == nil && answer.outcome == .proposal(Array("{}".utf8)))
    }

    @Test func `an answer that ends before it has ended is none`() throws {
        #expect(try read("") == nil)
        #expect(try read(chunk(#"{"content":"{}"}"#)) == nil)
        #expect(try read(chunk(#"{"content":"{}"}"#) + "data: [DONE]\n\n") == nil)
    }

    @Test(arguments: [
        #"data: {"error":{"message":"sk-hush","type":"server_error"}}"#, "data: {", "data: 7",
        #"data: {"choices":7}"#, #"data: {"choices":[{"delta":{"content":7}}]}"#,
        #"data: {"choices":[{"delta":{"tool_calls":[{"function":7}]}}]}"#,
    ])
    func `what is no chunk is an error`(line: String) {
        #expect(throws: JSONError.self) { try read(line + "\n\n") }
    }

    @Test func `a stream with any bytes changed is read or refused, and never traps`() {
        var dice = Dice(seed: 11)
        let whole = Array(call.utf8)
        for _ in 0..<2_000 {
            var bytes = whole
            for _ in 0...dice.roll(5) { bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256)) }
            let cut = dice.roll(bytes.count)
            if let stream = try? read([Array(bytes[..<cut]), Array(bytes[cut...])]) {
                #expect(stream.pieces <= 2)
                _ = stream.finished()
            }
        }
    }
}
