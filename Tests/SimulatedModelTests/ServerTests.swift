import Foundation
import SimulatedModel
import TestSupport
import Testing

/// Against the built binary, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct ServerTests {
    @Test func `an answer has the vendor's form and headers`() async throws {
        try await SimulatorProcess.run { simulator in
            let reply = try simulator.complete(["model": "gpt-4-turbo-preview"])
            #expect(reply.status == 200)
            #expect(reply.headers["content-type"] == "application/json")
            #expect(reply.headers["x-request-id"]?.hasPrefix("req_") == true)
            for name in [
                "openai-processing-ms", "openai-version", "openai-organization",
                "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens",
            ] {
                #expect(reply.headers[name] != nil, "\(name)")
            }
            let body = try reply.json()
            #expect(body["object"] == "chat.completion")
            #expect(body["model"] == "gpt-4-0125-preview")
            let usage = try #require(body["usage"])
            let text = try #require(body["choices"]?.array?[0]["message"]?["content"]?.string)
            #expect(
                usage["completion_tokens"]?.integer == TokenEstimator.completionTokens(text)
            )
        }
    }

    @Test func `a stream says what the whole answer says`() async throws {
        try await SimulatorProcess.run { simulator in
            let whole = try simulator.complete().json()
            let fields: JSONValue = [
                "stream": true, "stream_options": ["include_usage": true],
            ]
            let reply = try simulator.complete(fields)
            #expect(reply.headers["content-type"] == "text/event-stream; charset=utf-8")
            #expect(reply.events.last == "[DONE]")
            let chunks = try reply.events.dropLast().map { try JSONParser.parse($0) }
            let text = chunks.compactMap {
                $0["choices"]?.array?.first?["delta"]?["content"]?.string
            }.joined()
            let message = whole["choices"]?.array?.first?["message"]
            #expect(text == message?["content"]?.string)
            #expect(chunks.last?["choices"] == [])
            #expect(chunks.last?["usage"] == whole["usage"])
            #expect(chunks.dropLast().allSatisfy { $0["usage"]?.isNull == true })
            #expect(chunks.allSatisfy { $0["object"] == "chat.completion.chunk" })
        }
    }

    @Test func `streamed arguments join to the same call`() async throws {
        try await SimulatorProcess.run { simulator in
            let whole = try simulator.complete(SimulatorRequests.forcedTool).json()
            var fields = SimulatorRequests.forcedTool.members ?? []
            fields.append(.init("stream", true))
            let reply = try simulator.complete(.object(fields))
            let chunks = try reply.events.dropLast().map { try JSONParser.parse($0) }
            let calls = chunks.compactMap {
                $0["choices"]?.array?.first?["delta"]?["tool_calls"]?.array?.first
            }
            let arguments = calls.compactMap { $0["function"]?["arguments"]?.string }.joined()
            let call = whole["choices"]?.array?.first?["message"]?["tool_calls"]?.array?.first
            #expect(arguments == call?["function"]?["arguments"]?.string)
            #expect(calls.first?["id"] == call?["id"])
            #expect(calls.first?["function"]?["name"] == "propose_strategy")
        }
    }

    @Test func `usage is told per model and per request id`() async throws {
        try await SimulatorProcess.run { simulator in
            let one = try simulator.complete(headers: ["X-Client-Request-Id": "a"]).json()
            _ = try simulator.complete(
                ["model": "gpt-4.1"],
                headers: ["X-Client-Request-Id": "b"]
            )
            _ = try simulator.complete(
                ["model": "gpt-9"],
                headers: ["X-Client-Request-Id": "b"]
            )
            let usage = try simulator.settledUsage()
            #expect(usage["total"]?["calls"] == 3)
            #expect(usage["total"]?["failed"] == 1)
            #expect(usage["models"]?["gpt-4o-2024-08-06"]?["completed"] == 1)
            let row = usage["requests"]?["a"]
            #expect(row?["prompt_tokens"] == one["usage"]?["prompt_tokens"])
            #expect(row?["completion_tokens"] == one["usage"]?["completion_tokens"])
            #expect(usage["requests"]?["b"]?["failed"] == 1)
            let single = try simulator.ask("GET", "/simulator/usage?request_id=b").json()
            #expect(single["requests"]?.members?.map(\.name) == ["b"])
            _ = try simulator.ask("POST", "/simulator/reset")
            #expect(try simulator.usage()["total"]?["calls"] == 0)
        }
    }

    @Test(arguments: [false, true])
    func `a client that goes away is a cut call`(streams: Bool) async throws {
        let environment = ["SIMULATOR_LATENCY_MS": "60000"]
        try await SimulatorProcess.run(environment: environment) { simulator in
            do {
                let body = SimulatorProcess.chat(["stream": .boolean(streams)]).text
                let connection = try RawConnection(to: simulator)
                try connection.send(
                    SimulatorProcess.head(
                        "POST",
                        "/v1/chat/completions",
                        headers: ["X-Client-Request-Id": "gone"],
                        bodyBytes: body.utf8.count
                    ) + body
                )
                while try simulator.usage()["in_flight"] != 1 {}
            }
            let usage = try simulator.settledUsage()
            #expect(usage["total"]?["cut"]?["calls"] == 1)
            #expect(usage["total"]?["completed"] == 0)
            #expect(usage["total"]?["prompt_tokens"] == 0)
            let cut = usage["requests"]?["gone"]?["cut"]
            #expect(cut?["prompt_tokens"]?.integer ?? 0 > 0)
        }
    }

    @Test func `a connection serves one request after another`() async throws {
        try await SimulatorProcess.run { simulator in
            let body = SimulatorProcess.chat().text
            let connection = try RawConnection(to: simulator)
            for _ in 0..<3 {
                let head = SimulatorProcess.head(
                    "POST",
                    "/v1/chat/completions",
                    bodyBytes: body.utf8.count
                ).replacing("Connection: close\r\n", with: "")
                try connection.send(head + body)
                var received = try connection.receive()
                while try !Self.isWhole(received) { received += try connection.receive() }
                #expect(try Reply(received: received).status == 200)
            }
        }
    }

    private static func isWhole(_ received: [UInt8]) throws -> Bool {
        guard received.firstRange(of: Array("\r\n\r\n".utf8)) != nil else { return false }
        let reply = try Reply(received: received)
        return Int(reply.headers["content-length"] ?? "") == reply.body.count
    }

    @Test func `routes, methods, keys and bodies are checked`() async throws {
        try await SimulatorProcess.run { simulator in
            func expect(_ reply: Reply, _ status: Int, _ code: JSONValue) throws {
                let error = try reply.json()["error"]
                for name in ["message", "type", "param", "code"] {
                    #expect(error?[name] != nil, "\(name)")
                }
                #expect(reply.status == status)
                #expect(error?["code"] == code)
            }
            let path = "/v1/chat/completions"
            let body = SimulatorProcess.chat().text
            try expect(simulator.ask("GET", "/v1/nothing"), 404, .null)
            try expect(simulator.ask("GET", path), 405, "method_not_supported")
            try expect(simulator.ask("POST", path, body: "{nope"), 400, .null)
            try expect(
                simulator.ask("POST", path, body: body, authorization: nil),
                401,
                .null
            )
            try expect(
                simulator.ask("POST", path, body: body, authorization: "Bearer none"),
                401,
                "invalid_api_key"
            )
            try expect(simulator.ask("GET", "/v1/models/gpt-9"), 404, "model_not_found")
            #expect(try simulator.ask("GET", "/v1/models", authorization: nil).status == 401)
            let head = SimulatorProcess.head("POST", path, bodyBytes: 17 * 1024 * 1024)
            let connection = try RawConnection(to: simulator)
            try connection.send(head + "{")
            let large = String(decoding: try connection.receive(), as: UTF8.self)
            #expect(large.hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test func `models are listed with the day they go`() async throws {
        let environment = ["SIMULATOR_SHUTDOWN_MODELS": "gpt-4-turbo-preview"]
        try await SimulatorProcess.run(environment: environment) { simulator in
            let list = try simulator.ask("GET", "/v1/models").json()
            let names = try #require(list["data"]?.array).compactMap { $0["id"]?.string }
            #expect(names.contains("gpt-4o"))
            #expect(!names.contains("gpt-4-turbo-preview"))
            let model = try simulator.ask("GET", "/v1/models/gpt-4o").json()
            #expect(model["shutdown_date"] == "2027-01-14")
            #expect(model["object"] == "model")
            #expect(try simulator.ask("GET", "/v1/models/gpt-4-turbo-preview").status == 404)
            #expect(try simulator.complete(["model": "gpt-4-turbo-preview"]).status == 404)
        }
    }

    @Test func `only the keys of a list are accepted when there is one`() async throws {
        let environment = ["SIMULATOR_API_KEYS": "one,two"]
        try await SimulatorProcess.run(environment: environment) { simulator in
            let path = "/v1/models"
            let accepted = try simulator.ask("GET", path, authorization: "Bearer two")
            let refused = try simulator.ask("GET", path)
            #expect(accepted.status == 200)
            #expect(refused.status == 401)
        }
    }

    @Test func `a rate limit refuses with the time to wait`() async throws {
        let environment = ["SIMULATOR_REQUESTS_PER_MINUTE": "2"]
        try await SimulatorProcess.run(environment: environment) { simulator in
            #expect(try simulator.complete().headers["x-ratelimit-limit-requests"] == "2")
            #expect(try simulator.complete().status == 200)
            let refused = try simulator.complete()
            #expect(refused.status == 429)
            let error = try refused.json()["error"]
            #expect(error?["type"] == "requests")
            #expect(error?["code"] == "rate_limit_exceeded")
            #expect(error?["message"]?.string?.contains("Please try again in") == true)
            let wait = try #require(refused.headers["retry-after"].flatMap { Int($0) })
            #expect((1...30).contains(wait))
            #expect(try simulator.complete(["model": "gpt-4.1"]).status == 200)
        }
    }

    @Test func `the port is written to a file`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try await SimulatorProcess.run(arguments: ["--port-file", file.path()]) { simulator in
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text == "\(simulator.port)\n")
        }
    }

    @Test func `SIGTERM ends it at once, whatever the model is at`() async throws {
        let environment = ["SIMULATOR_LATENCY_MS": "600000"]
        try await SimulatorProcess.run(environment: environment) { simulator in
            let body = SimulatorProcess.chat().text
            let connection = try RawConnection(to: simulator)
            try connection.send(
                SimulatorProcess.head(
                    "POST",
                    "/v1/chat/completions",
                    bodyBytes: body.utf8.count
                ) + body
            )
            while try simulator.usage()["in_flight"] != 1 {}
            let start = ContinuousClock.now
            kill(simulator.processID, SIGTERM)
            // The connection ends when the process lets go of it.
            _ = try? connection.receiveAll()
            #expect(start.duration(to: .now) < .seconds(10))
        }
    }
}

/// What goes wrong on demand, as a client sees it.
@Suite(.timeLimit(.minutes(2))) struct MisbehaviorTests {
    private static let path = "/v1/chat/completions"

    @Test func `an error is sent as often as asked, with its headers`() async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave([
                "status": 429, "code": "rate_limit_exceeded", "retry_after": "2",
                "retry_after_ms": 1500, "should_retry": true, "times": 2,
            ])
            for _ in 0..<2 {
                let reply = try simulator.complete()
                #expect(reply.status == 429)
                #expect(reply.headers["retry-after"] == "2")
                #expect(reply.headers["retry-after-ms"] == "1500")
                #expect(reply.headers["x-should-retry"] == "true")
                #expect(try reply.json()["error"]?["code"] == "rate_limit_exceeded")
            }
            #expect(try simulator.complete().status == 200)
            let usage = try simulator.usage()
            #expect(usage["total"]?["failed"] == 2)
            #expect(usage["total"]?["completed"] == 1)
        }
    }

    @Test func `a stalled call lasts until the client leaves`() async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave(["mode": "stall", "times": 1])
            do {
                let body = SimulatorProcess.chat().text
                let connection = try RawConnection(to: simulator)
                try connection.send(
                    SimulatorProcess.head("POST", Self.path, bodyBytes: body.utf8.count) + body
                )
                while try simulator.usage()["in_flight"] != 1 {}
                #expect(try simulator.complete().status == 200, "others are served meanwhile")
            }
            #expect(try simulator.settledUsage()["total"]?["cut"]?["calls"] == 1)
        }
    }

    @Test(arguments: [false, true])
    func `a reset is a reset`(streams: Bool) async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave([["mode": "reset", "times": 1]])
            let failure = #expect(throws: RawConnection.Failure.self) {
                try simulator.complete(["stream": .boolean(streams)])
            }
            #expect(failure?.code == ECONNRESET)
            _ = try simulator.behave([["mode": "reset_midway", "times": 1]])
            let midway = #expect(throws: RawConnection.Failure.self) {
                try simulator.complete(["stream": .boolean(streams)])
            }
            #expect(midway?.code == ECONNRESET)
            #expect(try simulator.settledUsage()["total"]?["cut"]?["calls"] == 2)
        }
    }

    @Test func `a truncated answer is shorter than its length`() async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave(["mode": "truncate", "times": 2])
            let reply = try simulator.complete()
            let length = try #require(reply.headers["content-length"].flatMap { Int($0) })
            #expect(reply.body.count == length / 2)
            let stream = try simulator.complete(["stream": true])
            #expect(!stream.events.isEmpty)
            #expect(stream.events.last != "[DONE]")
            #expect(try simulator.settledUsage()["total"]?["cut"]?["calls"] == 2)
        }
    }

    @Test func `a page of HTML, no usage, a refusal`() async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave([
                ["mode": "html", "times": 1], ["mode": "no_usage", "times": 1],
                ["mode": "refusal", "times": 1],
            ])
            let page = try simulator.complete()
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == "text/html")
            #expect(page.text.hasPrefix("<html>"))
            let unpriced = try simulator.complete().json()
            #expect(unpriced["usage"] == nil)
            let message = try simulator.complete().json()["choices"]?.array?.first?["message"]
            #expect(message?["content"]?.isNull == true)
            #expect(message?["refusal"]?.string?.isEmpty == false)
            #expect(try simulator.ask("GET", "/simulator/behavior").json() == ["behaviors": []])
        }
    }

    @Test func `a slow call takes its time, and only that one`() async throws {
        try await SimulatorProcess.run { simulator in
            _ = try simulator.behave([
                "latency_ms": 150, "request_id_prefix": "slow", "times": 1,
            ])
            _ = try simulator.complete(headers: ["X-Client-Request-Id": "fast-1"])
            let start = ContinuousClock.now
            let reply = try simulator.complete(headers: ["X-Client-Request-Id": "slow-1"])
            #expect(reply.status == 200)
            #expect(start.duration(to: .now) >= .milliseconds(150))
            #expect(Int(reply.headers["openai-processing-ms"] ?? "") ?? 0 >= 149)
        }
    }

    @Test func `behaviors can be given at the start and taken back`() async throws {
        let environment = ["SIMULATOR_BEHAVIOR": #"{"status":503}"#]
        try await SimulatorProcess.run(environment: environment) { simulator in
            #expect(try simulator.complete().status == 503)
            _ = try simulator.ask("DELETE", "/simulator/behavior")
            #expect(try simulator.complete().status == 200)
            #expect(try simulator.behave(["mode": "explode"]).status == 400)
        }
    }
}
