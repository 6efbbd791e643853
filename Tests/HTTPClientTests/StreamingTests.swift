import EventLoop
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamingTests {
    @Test func `the head is there before the body, and chunks as they come`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n")
            for chunk in ["one", "two"] {
                connection.waitForRelease()
                connection.write("3\r\n\(chunk)\r\n")
            }
            connection.waitForRelease()
            connection.write("0\r\n\r\n")
        } _: { peer in
            try await withClient { client, _ in
                let chunks = try await client.withResponse(.post(peer.url())) {
                    head,
                    body async throws(HTTPError) in
                    #expect(head.status == 200)
                    #expect(head.version == .http1_1)
                    #expect(head.headers["x-a"] == "b")
                    var chunks: [String] = []
                    peer.release()
                    for try await chunk in body {
                        chunks.append(String(decoding: chunk, as: UTF8.self))
                        peer.release()
                    }
                    return chunks
                }
                #expect(chunks == ["one", "two"])
                #expect(await client.requestsInFlight == 0)
            }
        }
    }

    @Test func `a reader that does not read stops the sender, and gets all of it in the end`()
        async throws
    {
        let size = 40_000_000
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            let block = [UInt8](repeating: 7, count: 64_000)
            for _ in 0..<(size / block.count) where !connection.write(block) { return }
        } _: { peer in
            let options = HTTPClientOptions(streamBufferBytesMax: 32 * 1024)
            try await withClient(options) { client, loop in
                var request = HTTPRequest.get(peer.url())
                request.limits.stall = .milliseconds(250)
                let total = try await client.withResponse(request) {
                    _,
                    body async throws(HTTPError) in
                    // Not read for longer than the stall limit: the slow one is us.
                    try? await loop.sleep(for: .milliseconds(500))
                    // What has left the sender is in our buffer and the kernel's two.
                    #expect(peer.record.bytesWritten < size / 2)
                    var total = 0
                    for try await chunk in body {
                        #expect(chunk.count <= 32 * 1024 + HTTPClient.Limits.receiveBufferBytes)
                        total += chunk.count
                    }
                    return total
                }
                #expect(total == size)
            }
        }
    }

    @Test func `a body that breaks off gives what came and then the error`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        } _: { peer in
            try await withClient { client, _ in
                var came = 0
                let outcome: Result<Void, HTTPError> = await {
                    do throws(HTTPError) {
                        try await client.withResponse(.post(peer.url())) {
                            _,
                            body async throws(HTTPError) in
                            for try await chunk in body { came += chunk.count }
                        }
                        return .success(())
                    } catch {
                        return .failure(error)
                    }
                }()
                #expect(came == 3)
                let lost = HTTPError(
                    reason: .connectionLost(bytesReceived: 3),
                    requestMayHaveBeenSent: true
                )
                #expect(throws: lost) { try outcome.get() }
            }
        }
    }

    @Test func `a request that fails before its head never reaches the reader`() async throws {
        try await withClient { client, _ in
            await #expect(throws: HTTPError(reason: .badURL, requestMayHaveBeenSent: false)) {
                try await client.withResponse(.get("nowhere")) { _, _ async throws(HTTPError) in
                    Issue.record("there is no answer")
                }
            }
            #expect(await client.requestsInFlight == 0)
        }
    }

    @Test func `leaving early breaks the transfer off`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
            connection.waitForEnd()
        } _: { peer in
            try await withClient { client, _ in
                let first = try await client.withResponse(.post(peer.url())) {
                    _,
                    body async throws(HTTPError) in
                    for try await chunk in body { return chunk }
                    return []
                }
                #expect(first == Array("abc".utf8))
                await peer.until { $0.endsSeen == 1 }
                #expect(await client.requestsInFlight == 0)
            }
        }
    }

    @Test func `cancelling closes the connection even when nobody is waiting for a chunk`()
        async throws
    {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
            connection.waitForEnd()
            connection.waitForRelease()
        } _: { peer in
            try await withClient { client, _ in
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await client.withResponse(.post(peer.url())) {
                            _,
                            body async throws(HTTPError) in
                            peer.release()
                            await peer.until { $0.endsSeen == 1 }
                            for try await _ in body {}
                        }
                    }
                    await peer.until { $0.bytesWritten > 40 }
                    group.cancelAll()
                    await #expect(
                        throws: HTTPError(reason: .cancelled, requestMayHaveBeenSent: true)
                    ) { try await group.waitForAll() }
                }
            }
        }
    }

    @Test func `a shutdown ends a stream that is being read`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
            connection.waitForEnd()
        } _: { peer in
            try await withClient { client, _ in
                await #expect(
                    throws: HTTPError(reason: .shutDown, requestMayHaveBeenSent: true)
                ) {
                    try await client.withResponse(.post(peer.url())) {
                        _,
                        body async throws(HTTPError) in
                        var isFirst = true
                        for try await _ in body {
                            if isFirst { await client.shutdown() }
                            isFirst = false
                        }
                    }
                }
            }
        }
    }
}
