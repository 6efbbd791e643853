import Foundation
import Gateways
import JSON
import Policy
import TestSupport
import Testing

struct ChatResponseTests {
    private func read(_ text: String) throws -> ChatResponse {
        var parser = JSONParser()
        return try ChatResponse(try parser.parse(Array(text.utf8)), of: "propose_strategy")
    }

    /// An answer with one choice of this message.
    private func answer(_ message: String, finish: String = "\"stop\"") -> String {
        """
        {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4-turbo-2024-04-09",
        "choices":[{"index":0,"message":\(message),"logprobs":null,"finish_reason":\(finish)}],
        "usage":{"prompt_tokens":898,"completion_tokens":228,"total_tokens":1126}}
        """
    }

    private func call(_ name: String, _ arguments: String = "{}") -> String {
        """
        {"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1",
        "type":"function","function":{"name":"\(name)","arguments":"\(arguments)"}}]}
        """
    }

    @Test(arguments: ["\"stop\"", "\"tool_calls\"", "\"function_call\"", "null"])
    func `a tool call is a proposal, whichever way it is said to have ended`(finish: String) throws
    {
        let response = try read(answer(call("propose_strategy", "{\\\"a\\\":1}"), finish: finish))
        #expect(response.outcome == .proposal(Array(#"{"a":1}"#.utf8)))
        #expect(response.modelName == "gpt-4-turbo-2024-04-09")
        #expect(response.usage == TokenUsage(promptTokens: 898, completionTokens: 228))
    }

    @Test func `content is a proposal`() throws {
        let message = #"{"role":"assistant","content":"{}","refusal":null,"annotations":[]}"#
        #expect(try read(answer(message)).outcome == .proposal(Array("{}".utf8)))
        let empty = #"{"role":"assistant","content":"{}","tool_calls":[]}"#
        #expect(try read(answer(empty)).outcome == .proposal(Array("{}".utf8)))
    }

    @Test func `a refusal is one, also beside content`() throws {
        let message = #"{"role":"assistant","content":"{}","refusal":"I cannot"}"#
        #expect(try read(answer(message)).outcome == .refused)
        let odd = #"{"role":"assistant","content":[7],"refusal":"I cannot"}"#
        #expect(try read(answer(odd)).outcome == .refused)
        let filtered = #"{"role":"assistant","content":[7]}"#
        #expect(try read(answer(filtered, finish: "\"content_filter\"")).outcome == .filtered)
    }

    @Test func `what was cut short or filtered is no proposal`() throws {
        let message = call("propose_strategy")
        #expect(
            try read(answer(message, finish: "\"length\"")).outcome == .cutShort(Array("{}".utf8))
        )
        #expect(try read(answer(message, finish: "\"content_filter\"")).outcome == .filtered)
    }

    @Test func `nothing, and another function, are empty`() throws {
        let none = #"{"role":"assistant","content":null}"#
        #expect(try read(answer(none)).outcome == .empty)
        #expect(try read(answer(call("rm_rf"))).outcome == .empty)
        #expect(try read(#"{"model":"m","choices":[]}"#).outcome == .empty)
    }

    @Test func `absent usage is absent, and never zeros`() throws {
        #expect(try read(#"{"model":"m","choices":[]}"#).usage == nil)
        #expect(try read(#"{"model":"m","choices":[],"usage":null}"#).usage == nil)
    }

    @Test func `usage that cannot be read is as good as none: the answer beside it was paid for`()
        throws
    {
        for count in ["-1", "1e300", "\"many\""] {
            let text =
                #"{"model":"m","choices":[],"usage":{"prompt_tokens":\#(count),"completion_tokens":1}}"#
            #expect(try read(text).usage == nil)
        }
    }

    @Test func `details of usage are read where they are`() throws {
        let text = """
            {"model":"m","choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,
            "total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0,
            "cache_write_tokens":80},"completion_tokens_details":{"reasoning_tokens":128}}}
            """
        let expected = TokenUsage(
            promptTokens: 2_006,
            cachedTokens: 1_920,
            cacheWriteTokens: 80,
            completionTokens: 300
        )
        #expect(try read(text).usage == expected)
    }

    @Test(arguments: [
        "null", "[]", "{}", #"{"model":"m"}"#, #"{"choices":[]}"#, #"{"model":1,"choices":[]}"#,
        #"{"model":"m","choices":{}}"#, #"{"model":"m","choices":[1]}"#,
        #"{"model":"m","choices":[{}]}"#, #"{"model":"m","choices":[{"message":"hi"}]}"#,
        #"{"model":"m","choices":[{"message":{"content":7}}]}"#,
        #"{"model":"m","choices":[{"message":{"tool_calls":[{}]}}]}"#,
        #"{"model":"m","choices":[{"message":{"tool_calls":"x"}}]}"#,
        #"{"model":"m","choices":[{"message":{"tool_calls":[{"function":{"name":"f"}}]},"finish_reason":7}]}"#,
        #"{"error":{"message":"x","type":"server_error","param":null,"code":null}}"#,
    ])
    func `an answer of another shape is an error`(text: String) {
        #expect(throws: JSONError.self) { try read(text) }
    }

    @Test func `an answer with any bytes changed is read or refused, and never traps`() {
        var dice = Dice(seed: 10)
        let whole = Array(answer(call("propose_strategy", "{\\\"a\\\":1}")).utf8)
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0...dice.roll(5) { bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256)) }
            var parser = JSONParser()
            if let document = try? parser.parse(bytes) {
                _ = try? ChatResponse(document, of: "propose_strategy")
            }
            _ = APIError(bytes)
        }
    }
}

struct APIErrorTests {
    private func error(_ text: String) -> APIError { APIError(Array(text.utf8)) }

    @Test func `type and code are read, the message is nowhere`() {
        let found = error(
            """
            {"error":{"message":"Incorrect API key provided: sk-abc***xyz","type":
            "invalid_request_error","param":null,"code":"invalid_api_key"}}
            """
        )
        #expect(found.type == "invalid_request_error" && found.code == "invalid_api_key")
        var dumped = ""
        dump(found, to: &dumped)
        #expect(!dumped.contains("sk-abc"))
    }

    @Test(arguments: [
        "", "<html>502</html>", "{}", #"{"error":"overloaded"}"#, #"{"error":{}}"#,
        #"{"error":{"type":null,"code":429}}"#,
        #"{"error":{"type":"Key sk-abc is wrong","code":"sk-AbC-9"}}"#,
        #"{"error":{"type":"","code":"org-XYZ"}}"#,
    ])
    func `what is no word of theirs is not passed on`(text: String) {
        #expect(error(text).type == nil && error(text).code == nil)
    }
}
