import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    @Test func `HTTP2 is used where TLS offers it, many requests on one connection`() async throws {
        try await withNginx { nginx in
            try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                let texts = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<40 {
                        group.addTask {
                            let response = try await client.send(.get(nginx.url(.good)))
                            #expect(response.version == .http2)
                            return response.text
                        }
                    }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                // The connection's number and the protocol: the same for all.
                #expect(texts.count == 1)
                #expect(texts.first?.hasSuffix(" HTTP/2.0") == true)
            }
        }
    }

    @Test func `a POST and its answer come whole through HTTP2 and HTTP1`() async throws {
        try await withNginx { nginx in
            try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                for server in [Nginx.Server.good, .http1, .plain] {
                    let response = try await client.send(
                        .post(nginx.url(server, "/echo"), String(repeating: "abc", count: 5_000))
                    )
                    #expect(response.text == String(repeating: "abc", count: 5_000))
                    #expect(response.version == (server == .good ? .http2 : .http1_1))
                    #expect(response.timing.tls > .zero || server == .plain)
                }
            }
        }
    }

    @Test func `HTTP2 is not used where it is not wanted`() async throws {
        try await withNginx { nginx in
            let options = HTTPClientOptions(caFile: nginx.caFile, offersHTTP2: false)
            try await withClient(options) { client, _ in
                let response = try await client.send(.get(nginx.url(.good)))
                #expect(response.version == .http1_1)
            }
        }
    }

    /// curl repeats what an HTTP/2 server has not looked at before it retired the connection, but
    /// not in every case; what it does not repeat must be told as lost, and hold up nobody.
    @Test(arguments: [Nginx.Server.good, .http1])
    func `a server that retires its connections is followed to the next`(
        server: Nginx.Server
    ) async throws {
        try await withNginx { nginx in
            try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                let connections = await withTaskGroup(of: Set<String>.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            var connections: Set<String> = []
                            for _ in 0..<Nginx.requestsPerConnection {
                                do throws(HTTPError) {
                                    let response = try await client.send(.get(nginx.url(server)))
                                    connections.insert(response.text)
                                } catch {
                                    let lost = HTTPError.Reason.connectionLost(bytesReceived: 0)
                                    #expect(error.reason == lost && server == .good)
                                }
                            }
                            return connections
                        }
                    }
                    return await group.reduce(into: Set()) { $0.formUnion($1) }
                }
                #expect(connections.count >= 9)
            }
        }
    }

    @Test func `many requests at once under TLS without HTTP2 get a connection each`() async throws
    {
        try await withNginx { nginx in
            try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<40 {
                        group.addTask {
                            let response = try await client.send(.get(nginx.url(.http1, "/sleep")))
                            #expect(response.text == "slept")
                            #expect(response.version == .http1_1)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test(arguments: [Nginx.Server.wrongHost, .selfSigned, .expired])
    func `a certificate that does not vouch is refused before the request is sent`(
        server: Nginx.Server
    ) async throws {
        try await withNginx { nginx in
            let error = try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                try await client.failure(of: .post(nginx.url(server)))
            }
            let failure: HTTPError.TLSFailure? =
                switch server {
                case .wrongHost: .wrongHost
                case .selfSigned: .untrusted
                case .expired: .expired
                case .plain, .good, .http1, .oldTLS: nil
                }
            let expected = try #require(failure)
            #expect(error == HTTPError(reason: .tls(expected), requestMayHaveBeenSent: false))
        }
    }

    @Test func `an authority that the system does not know is refused without a CA file`()
        async throws
    {
        try await withNginx { nginx in
            let error = try await withClient { client, _ in
                try await client.failure(of: .post(nginx.url(.good)))
            }
            #expect(error.reason == .tls(.untrusted))
        }
    }

    @Test func `a CA file that is not there is told`() async throws {
        try await withNginx { nginx in
            let options = HTTPClientOptions(caFile: "/nonexistent.pem")
            let error = try await withClient(options) { client, _ in
                try await client.failure(of: .post(nginx.url(.good)))
            }
            #expect(error.reason == .tls(.certificateAuthoritiesUnreadable))
        }
    }

    @Test func `a server with nothing newer than TLS 1·1 is refused`() async throws {
        try await withNginx { nginx in
            let error = try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                try await client.failure(of: .post(nginx.url(.oldTLS)))
            }
            guard case .tls(.handshake) = error.reason else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func `cancelling one HTTP2 request leaves its neighbours on the connection alive`()
        async throws
    {
        try await withNginx { nginx in
            try await withClient(HTTPClientOptions(caFile: nginx.caFile)) { client, _ in
                let before = try await client.send(.get(nginx.url(.good))).text
                try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            try await client.send(.get(nginx.url(.good, "/sleep"))).text
                        }
                    }
                    await withTaskGroup(of: Void.self) { doomed in
                        for _ in 0..<10 {
                            doomed.addTask {
                                _ = try? await client.send(.get(nginx.url(.good, "/sleep")))
                            }
                        }
                        await Task.yield()
                        doomed.cancelAll()
                    }
                    for try await text in group { #expect(text == "slept") }
                }
                #expect(try await client.send(.get(nginx.url(.good))).text == before)
            }
        }
    }
}
