import EventLoop
import Foundation
import Redis
import TestSupport
import Testing

/// `rediss://`, where this build has TLS (`HIREDIS_TLS=1`). Where it has not, ConnectionTests check
/// that it is a clear error.
@Suite(.enabled(if: RedisLibrary.hasTLS, "this build has no TLS")) struct TLSTests {
    @Test func `a server with a certificate of the trusted authority is talked to`() async throws {
        let server = try await TLSServer()
        for host in ["localhost", "127.0.0.1"] {
            try await withConnection(
                to: "rediss://\(host):\(server.tlsPort)",
                options: briskOptions { $0.tlsAuthorities = server.authorities }
            ) { connection, _ in
                try await connection.whenReady(within: .seconds(20))
                let value = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                try await connection.send(RedisCommand("SET", "k", .bytes(value)))
                #expect(try await connection.send(RedisCommand("GET", "k")) == .string(value))
                let echoes = (0..<5_000).map { RedisCommand("ECHO", .number($0)) }
                #expect(try await connection.pipeline(echoes).map(\.int) == (0..<5_000).map { $0 })
            }
        }
    }

    @Test func `a certificate of an unknown authority, or of another host, is refused`()
        async throws
    {
        let known = try await TLSServer()
        let elsewhere = try await TLSServer(names: "DNS:elsewhere.example,IP:127.0.0.9")
        for (host, server, authorities) in [
            ("localhost", known, nil), ("localhost", elsewhere, elsewhere.authorities),
            ("127.0.0.1", elsewhere, elsewhere.authorities),
        ] {
            let history = History()
            try await withConnection(
                to: "rediss://\(host):\(server.tlsPort)",
                options: briskOptions { $0.tlsAuthorities = authorities },
                history: history
            ) { _, loop in
                try await loop.until { history.losses.count >= 2 }
            }
            #expect(!history.all.contains(.ready(generation: 1)))
            for loss in history.losses { #expect("\(loss)".contains("certificate"), "\(loss)") }
        }
    }

    @Test func `a server that speaks no TLS is refused`() async throws {
        let server = try await RedisServer()
        let history = History()
        try await withConnection(to: "rediss://127.0.0.1:\(server.port)", history: history) {
            _,
            loop in
            try await loop.until { !history.losses.isEmpty }
        }
        #expect(!history.all.contains(.ready(generation: 1)))
    }
}

/// A redis-server with a TLS port and a certificate, of an authority of its own, for this machine or another.
private final class TLSServer: Sendable {
    let tlsPort: Int
    var authorities: String { directory.path("ca.crt") }
    private let directory: TemporaryDirectory
    private let server: RedisServer

    init(names: String = "DNS:localhost,IP:127.0.0.1") async throws {
        directory = try TemporaryDirectory()
        tlsPort = try freePort()
        try Data("subjectAltName=\(names)\n".utf8)
            .write(to: directory.url.appendingPathComponent("names"))
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        for arguments in [
            ["req", "-x509", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.crt"]
                + key,
            ["req", "-new", "-subj", "/CN=server", "-keyout", "s.key", "-out", "s.csr"] + key,
            [
                "x509", "-req", "-in", "s.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "names", "-out", "s.crt",
            ],
        ] {
            let openssl = try ChildProcess(
                ["env", "-C", directory.url.path, "openssl"] + arguments,
                log: directory.url.appendingPathComponent("log")
            )
            let status = openssl.reap()
            try #require(status == 0)
        }
        server = try await RedisServer(extra: [
            "--tls-port", "\(tlsPort)", "--tls-auth-clients", "no",
            "--tls-cert-file", directory.path("s.crt"), "--tls-key-file", directory.path("s.key"),
            "--tls-ca-cert-file", directory.path("ca.crt"),
        ])
    }
}
