import Contract
import Desk
import Foundation
import Logging
import Program
import Supervisor
import Telemetry
import TestSupport
import Testing

/// Who may see and do what over HTTP.
struct ConsoleTests {
    private static let own = "a-token-of-the-console"

    /// The console of a supervisor with both kinds of tokens, over a Redis of its own.
    private func withConsole(
        _ door: Door? = nil,
        _ body: @escaping @Sendable (Console, Ward) async throws -> Void
    ) async throws {
        let both = Door(
            ConsoleToken(Self.own),
            try await Tokens.verifier(),
            nowMs: { Tokens.nowMs }
        )
        try await withWard { ward in
            let streams = StreamsView(ward.connection, prefix: "strategy", partitions: 1)
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let console = Console(
                door ?? both,
                isSecure: false,
                FleetWatch(
                    streams,
                    holder: "first",
                    ward.overview,
                    ward.metrics.fleet,
                    log: log
                ),
                DeskActions(streams, log: log),
                metricsPage: { _ in Page(status: 200, contentType: "text/plain", body: []) },
                usage: { user, _ in Reply(200, "text/plain", Array(user.utf8)) },
                log: log
            )
            try await body(console, ward)
        }
    }

    private static func ask(
        _ console: Console,
        _ path: String,
        _ token: String?,
        method: String = "GET"
    ) async -> Reply {
        await console.reply(
            to: Exchange(
                method: method,
                path: path,
                headers: token.map { ["authorization": "Bearer \($0)"] } ?? [:]
            )
        )
    }

    private static func text(_ reply: Reply) -> String {
        guard case .bytes(let bytes) = reply.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `an operator's token opens all that the console's own opens`() async throws {
        let tokens = [
            Self.own, try Tokens.signed(["sub": "ann", "role": "operator"]),
            try Tokens.signed(["sub": "ann", "roles": ["reader", "operator"]]),
        ]
        try await withConsole { console, ward in
            for token in tokens {
                for path in ["/", "/metrics", "/api/now", "/api/dead", "/user/u1/usage"] {
                    #expect(await Self.ask(console, path, token).status == 200, "\(path)")
                }
                let paused = await Self.ask(console, "/api/pause", token, method: "POST")
                #expect(paused.status == 202)
            }
            // Who it was stands beside what was done.
            let orders = try await ward.entries(Ward.keys.control)
            #expect(orders.map { $0["by"] } == ["console", "console:ann", "console:ann"])
        }
    }

    @Test func `a user's token opens his own usage, and nothing else`() async throws {
        let token = try Tokens.signed(["sub": "u 1", "tier": "enterprise", "role": "trader"])
        try await withConsole { console, ward in
            let usage = await Self.ask(console, "/user/u%201/usage", token)
            #expect(usage.status == 200 && Self.text(usage) == "u 1")
            let others = [
                ("GET", "/user/u2/usage"), ("GET", "/user/u%201"), ("GET", "/"),
                ("GET", "/metrics"),
                ("GET", "/api/now"), ("GET", "/api/live"), ("GET", "/api/dead"),
                ("GET", "/api/requests/r1"), ("POST", "/api/pause"), ("POST", "/api/dead/replay"),
                ("POST", "/user/u%201/usage"), ("GET", "/api/user/u%201/usage"),
            ]
            for (method, path) in others {
                let reply = await Self.ask(console, path, token, method: method)
                #expect(reply.status == 403, "\(method) \(path)")
            }
            let orders = try await ward.length(Ward.keys.control)
            #expect(orders == 0)
        }
    }

    @Test func `without a token, and with one that proves nothing, nobody comes in`() async throws {
        let expired = try Tokens.signed(["sub": "u1", "exp": 1])
        let other = try Tokens.signed(["sub": "u1", "role": "operator", "aud": "others"])
        let sound = try Tokens.signed(["sub": "u1", "role": "operator"])
        let forged = String(sound.dropLast(4)) + "AAAA"
        try await withConsole { console, _ in
            let wrong: [(String?, String)] = [
                (nil, "sign in"), (expired, "had expired"), (other, "audience"),
                (forged, "not signed"), ("a-token-of-the-consolE", "JSON Web Token"),
            ]
            for (token, said) in wrong {
                for path in ["/user/u1/usage", "/metrics", "/api/now"] {
                    let reply = await Self.ask(console, path, token)
                    #expect(reply.status == 401, "\(path) \(said)")
                    #expect(Self.text(reply).contains(said), "\(Self.text(reply))")
                    #expect(reply.headers.contains { $0.name == "www-authenticate" })
                }
                #expect(await Self.ask(console, "/api/pause", token, method: "POST").status == 401)
            }
        }
    }

    @Test func `signed in with a bearer token, an operator is who it says, until it ends`()
        async throws
    {
        let ann = try Tokens.signed(["sub": "ann", "role": "operator"])
        let user = try Tokens.signed(["sub": "u1"])
        try await withConsole { console, _ in
            func login(_ token: String) async throws -> Reply {
                let body = try JSONSerialization.data(
                    withJSONObject: ["token": token, "name": "bob"]
                )
                return await console.reply(
                    to: Exchange(
                        method: "POST",
                        path: "/login",
                        headers: ["content-type": "application/json"],
                        address: "10.0.0.1",
                        body: Array(body)
                    )
                )
            }
            let reply = try await login(ann)
            let cookie = try #require(reply.headers.first { $0.name == "set-cookie" }?.value)
            #expect(reply.status == 204)
            let seconds = try #require(cookie.firstMatch(of: /Max-Age=(\d+)/).flatMap { Int($0.1) })
            #expect((1...60).contains(seconds))
            let session = String(cookie.prefix { $0 != ";" })
            let paused = await console.reply(
                to: Exchange(
                    method: "POST",
                    path: "/api/pause",
                    headers: ["cookie": session, "x-requested-with": "console"]
                )
            )
            #expect(paused.status == 202)
            #expect(try await login(user).status == 403)
            #expect(try await login("wrong").status == 401)
        }
    }

    @Test func `without either kind only health answers; with bearer tokens alone they do`()
        async throws
    {
        try await withConsole(Door(nil, nil, nowMs: { 0 })) { console, _ in
            #expect(await Self.ask(console, "/metrics", "x").status == 403)
        }
        let door = Door(nil, try await Tokens.verifier(), nowMs: { Tokens.nowMs })
        let ann = try Tokens.signed(["sub": "ann", "role": "operator"])
        try await withConsole(door) { console, _ in
            #expect(await Self.ask(console, "/metrics", ann).status == 200)
            #expect(await Self.ask(console, "/metrics", Self.own).status == 401)
        }
    }
}
