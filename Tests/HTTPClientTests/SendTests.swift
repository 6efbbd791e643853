import EventLoop
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct SendTests {
    @Test func `a GET brings status, headers and body`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.answer("hello", status: "404 Not Found", headers: "X-A: 1\r\nx-a:  2 \r\n")
        } _: { peer in
            let response = try await withClient { client, _ in
                try await client.send(.get(peer.url("/path?query")))
            }
            #expect(response.status == 404)
            #expect(response.version == .http1_1)
            #expect(response.headers["X-a"] == "1")
            #expect(response.headers.values(of: "x-A") == ["1", "2"])
            #expect(response.headers["x"] == nil)
            #expect(response.headers.all.map(\.name) == ["Content-Length", "X-A", "x-a"])
            #expect(response.text == "hello")
            #expect(response.timing.total >= response.timing.firstByte)
            #expect(response.timing.firstByte > .zero)
            #expect(peer.record.requests.first?.line == "GET /path?query HTTP/1.1")
        }
    }

    @Test func `a POST carries its body and headers, and nothing that nobody asked for`()
        async throws
    {
        try await withPeer { connection in
            while connection.readRequest() != nil { connection.answer("") }
        } _: { peer in
            let body = String(repeating: "x", count: 2_000_000)
            try await withClient { client, _ in
                var request = HTTPRequest.post(peer.url(), body)
                request.headers.append(("X-Empty", ""))
                request.constantHeaders = try HTTPConstantHeaders([("Authorization", "Bearer key")])
                _ = try await client.send(request)
                request.headers = []
                request.body = []
                _ = try await client.send(request)
            }
            let first = try #require(peer.record.requests.first)
            #expect(first.line == "POST / HTTP/1.1")
            #expect(first.body == Array(body.utf8))
            #expect(first.values(of: "content-type") == ["application/json"])
            #expect(first.values(of: "x-empty") == [""])
            #expect(first.values(of: "authorization") == ["Bearer key"])
            #expect(first.values(of: "expect") == [])
            #expect(first.values(of: "accept-encoding") == [])
            #expect(first.values(of: "user-agent") == ["gpt4-strategy"])
            let second = try #require(peer.record.requests.last)
            #expect(second.values(of: "content-length") == ["0"])
            #expect(second.values(of: "content-type") == [])
            #expect(second.values(of: "authorization") == ["Bearer key"])
        }
    }

    @Test func `one handle serves each method after the other`() async throws {
        try await withPeer { connection in
            while let request = connection.readRequest() {
                if request.line.hasPrefix("HEAD") {
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
                } else {
                    connection.answer(request.line)
                }
            }
        } _: { peer in
            try await withClient { client, _ in
                for method in [
                    "POST", "GET", "HEAD", "PUT", "DELETE", "GET", "PATCH", "HEAD", "GET",
                ] {
                    let hasBody = ["POST", "PUT", "PATCH"].contains(method)
                    let response = try await client.send(
                        HTTPRequest(
                            method: method,
                            url: peer.url(),
                            body: hasBody ? [1, 2, 3] : nil,
                            limits: .generous
                        )
                    )
                    #expect(response.text == (method == "HEAD" ? "" : "\(method) / HTTP/1.1"))
                    #expect(peer.record.requests.last?.body == (hasBody ? [1, 2, 3] : []))
                }
            }
            #expect(peer.record.connections == 1)
        }
    }

    @Test func `a second request uses the first one's connection`() async throws {
        try await withPeer { connection in
            while connection.readRequest() != nil { connection.answer("ok") }
        } _: { peer in
            let timing = try await withClient { client, _ in
                _ = try await client.send(.post(peer.url()))
                return try await client.send(.post(peer.url())).timing
            }
            #expect(timing.connect == .zero)
            #expect(peer.record.connections == 1)
            #expect(peer.record.requests.count == 2)
        }
    }

    @Test func `an informational answer and trailers are passed over`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.write("3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
            connection.waitForEnd()
        } _: { peer in
            let response = try await withClient { client, _ in
                try await client.send(.get(peer.url()))
            }
            #expect(response.status == 200)
            #expect(response.text == "abcde")
            #expect(response.headers.all.map(\.name) == ["Transfer-Encoding"])
        }
    }

    @Test func `a redirect is an answer, and is not followed`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.answer("", status: "302 Found", headers: "Location: /other\r\n")
        } _: { peer in
            let response = try await withClient { client, _ in
                try await client.send(.get(peer.url()))
            }
            #expect(response.status == 302)
            #expect(peer.record.requests.count == 1)
        }
    }

    @Test
    func `five hundred requests at once go through several shards and keep their answers apart`()
        async throws
    {
        try await withPeer { connection in
            while let request = connection.readRequest() {
                connection.waitForRelease()
                connection.answer(request.line)
            }
        } _: { peer in
            try await withClient { client, _ in
                for round in 0..<2 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<500 {
                            group.addTask {
                                let path = "/\(round)/\(number)"
                                let response = try await client.send(.get(peer.url(path)))
                                #expect(response.text == "GET \(path) HTTP/1.1")
                            }
                        }
                        await peer.until { $0.requests.count == 500 * (round + 1) }
                        #expect(await client.requestsInFlight == 500)
                        peer.release(500)
                        try await group.waitForAll()
                    }
                }
                #expect(await client.requestsInFlight == 0)
            }
            #expect(peer.record.connections == 500, "the second round uses the first one's")
        }
    }

    @Test func `a request above the bound is refused and the others live`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.waitForRelease()
            connection.answer("ok")
        } _: { peer in
            try await withClient(HTTPClientOptions(inFlightMax: 1)) { client, _ in
                async let first = client.send(.get(peer.url()))
                await peer.until { $0.requests.count == 1 }
                let error = try await client.failure(of: .get(peer.url()))
                #expect(error == HTTPError(reason: .tooManyInFlight, requestMayHaveBeenSent: false))
                peer.release()
                #expect(try await first.text == "ok")
            }
        }
    }

    @Test func `connections of a burst are given back when nobody has used them for long`()
        async throws
    {
        try await withPeer { connection in
            while connection.readRequest() != nil {
                connection.waitForRelease()
                connection.answer("ok")
            }
            connection.waitForEnd()
        } _: { peer in
            let options = HTTPClientOptions(
                transfersPerShard: 4,
                idleConnectionLife: .milliseconds(20)
            )
            try await withClient(options) { client, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask { _ = try await client.send(.get(peer.url())) }
                    }
                    await peer.until { $0.requests.count == 20 }
                    peer.release(20)
                    try await group.waitForAll()
                }
                await peer.until { $0.endsSeen == 20 }
                peer.release()
                #expect(try await client.send(.get(peer.url())).text == "ok")
            }
        }
    }
}
