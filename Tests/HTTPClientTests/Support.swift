import EventLoop
import Glibc
import HTTPClient
import TestSupport
import Testing

/// Runs `body` with a client on a loop of its own. The loop traps when the client leaves a watcher
/// or a timer behind, so every test is also a test of `shutdown`.
@discardableResult
func withClient<Value: Sendable>(
    _ options: HTTPClientOptions = HTTPClientOptions(),
    _ body: @escaping @Sendable (HTTPClient, EventLoop) async throws -> Value
) async throws -> Value {
    try await EventLoop.run { loop in
        let client = try HTTPClient(on: loop, options: options)
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(client, loop))
        } catch {
            outcome = .failure(error)
        }
        await client.shutdown()
        return try outcome.get()
    }
}

/// Runs `body` with a peer that follows `script`, and ends both.
@discardableResult
func withPeer<Value>(
    _ script: @escaping @Sendable (PeerConnection) -> Void,
    _ body: (ScriptedPeer) async throws -> Value
) async throws -> Value {
    let peer = try ScriptedPeer(script)
    do {
        let value = try await body(peer)
        await peer.stop()
        return value
    } catch {
        await peer.stop()
        throw error
    }
}

func withNginx(_ body: (Nginx) async throws -> Void) async throws {
    let nginx = try Nginx()
    defer { nginx.stop() }
    try await body(nginx)
}

extension HTTPRequest {
    /// A `GET` with limits that no test reaches.
    static func get(_ url: String) -> HTTPRequest {
        HTTPRequest(url: url, limits: .generous)
    }

    static func post(_ url: String, _ body: String = "{}") -> HTTPRequest {
        HTTPRequest(
            method: "POST",
            url: url,
            headers: [("Content-Type", "application/json")],
            body: Array(body.utf8),
            limits: .generous
        )
    }
}

extension HTTPLimits {
    static var generous: HTTPLimits {
        HTTPLimits(deadline: .now + .seconds(60), responseBytesMax: 64 * 1024 * 1024)
    }
}

extension HTTPClient {
    /// The error of a request that must fail.
    func failure(of request: HTTPRequest) async throws -> HTTPError {
        try await #require(throws: HTTPError.self) { try await self.send(request) }
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A plain client socket that connects, or tries to, and says nothing.
struct HalfOpen {
    private let fd: Int32

    init(to port: UInt16) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(fd, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0 || errno == EINPROGRESS)
    }

    func close() { Glibc.close(fd) }
}
