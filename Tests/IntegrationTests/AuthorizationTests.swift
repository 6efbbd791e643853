import Crypto
import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// Tokens, from the entry to the retry stream.
    struct Authorization {
        private static let secret = "0123456789abcdef0123456789abcdef"
        private static let settings = [
            "AUTH_MODE": "hs256", "AUTH_HS256_SECRET": secret, "AUTH_AUDIENCE": "mip",
            "DEFAULT_TIER": "free", "ENABLE_RATE_LIMITING": "true",
        ]

        private func token(_ claims: [String: Any], key: String = secret) throws -> String {
            func url(_ data: Data) -> String {
                data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                    .replacing("=", with: "")
            }
            var all: [String: Any] = ["aud": "mip", "exp": Date().timeIntervalSince1970 + 60]
            all.merge(claims) { $1 }
            let body = try JSONSerialization.data(withJSONObject: all)
            let signed = url(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + url(body)
            let code = HMAC<SHA256>.authenticationCode(
                for: Data(signed.utf8),
                using: SymmetricKey(data: Data(key.utf8))
            )
            return "Bearer \(signed).\(url(Data(code)))"
        }

        @Test func `whoever asks is the user that he names, of the tier that his token claims`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker(Self.settings) { worker in
                    let client = try Orchestrator(stack)
                    func ask(_ id: String, _ token: String?) async throws -> Event {
                        guard let token else { return try await client.ask(id) }
                        return try await client.ask(id, and: ("authorization", token))
                    }
                    let sound = try token(["sub": "user123", "tier": "premium"])
                    let answer = try await ask("a-1", sound)
                    #expect(answer.name == "result")
                    let limits = answer.payload["limits"] as? [String: Any]
                    #expect(limits?["tier"] as? String == "premium")
                    #expect(limits?["requests_left"] as? Int == 199)

                    let refused = [
                        ("a-2", nil, "unauthorized"), ("a-3", "Bearer x.y.z", "unauthorized"),
                        (
                            "a-4",
                            try token(["sub": "user123"], key: String(Self.secret.reversed())),
                            "unauthorized"
                        ), ("a-5", try token(["sub": "user123", "exp": 1]), "unauthorized"),
                        ("a-6", try token(["sub": "user123", "aud": "others"]), "unauthorized"),
                        ("a-7", try token(["sub": "eve", "tier": "enterprise"]), "forbidden"),
                    ]
                    for (id, token, code) in refused {
                        let answer = try await ask(id, token)
                        #expect(answer.name == "rejected" && answer.code == code, "\(id)")
                        #expect(answer.payload["field"] as? String == "authorization")
                    }
                    try await client.untilAllIsDone()
                    try client.redis.ask("CONFIG", "SET", "rdbcompression", "no")
                    // Of a token nothing is left: not in Redis, and not in the log.
                    let parts = sound.split(separator: ".").map(String.init)
                    for part in [parts[1], parts[2]] {
                        #expect(!worker.log.contains(part))
                        for key in try client.redis.ask("KEYS", "*").list.compactMap(\.string) {
                            let dump = try client.redis.ask("DUMP", key)
                            #expect(dump.string?.contains(part) == false, "\(key)")
                        }
                    }
                }
            }
        }

        @Test func `what is handed back goes on without its token, and is answered`() async throws {
            try await Stack.run { stack in
                let client = try Orchestrator(stack)
                try stack.misbehave(#"{"mode":"stall"}"#)
                let sound = try token(["sub": "user123", "tier": "basic"])
                try await stack.withWorker(Self.settings.merging(["DRAIN_TIMEOUT": "0"]) { $1 }) {
                    worker in
                    try client.redis.ask(
                        Orchestrator.adding("h-1", seedPayload, and: ("authorization", sound))
                    )
                    try await eventually("a running request") {
                        try client.redis.ask("HGET", "strategy:{0}:request:h-1", "calling").string
                            != nil
                    }
                    worker.signal(SIGTERM)
                    try await eventually("its end") { worker.exitStatus != nil }
                }
                stack.behave()
                let entries = try client.redis.ask(
                    "XRANGE",
                    "strategy:{0}:requests:retry",
                    "-",
                    "+"
                )
                let words = entries.list.flatMap { $0.list.last?.list ?? [] }.compactMap(\.string)
                #expect(words.contains("sealed") && !words.contains("authorization"))
                try await stack.withWorker(Self.settings) { _ in
                    let answer = try await client.answer(to: "h-1")
                    #expect(answer.name == "result")
                    let limits = answer.payload["limits"] as? [String: Any]
                    #expect(limits?["tier"] as? String == "basic")
                }
            }
        }

        @Test func `a secret that is none, and keys that cannot be read, are refused at start`()
            async throws
        {
            try await Stack.run { stack in
                for (settings, variable) in [
                    (["AUTH_MODE": "hs256", "AUTH_HS256_SECRET": "short"], "AUTH_HS256_SECRET"),
                    (["AUTH_MODE": "jwks", "AUTH_JWKS": "/no/such/file"], "AUTH_JWKS"),
                    (["AUTH_MODE": "some"], "AUTH_MODE"),
                ] {
                    let worker = try WorkerProcess(
                        environment: stack.settings.merging(settings) { $1 }
                    )
                    defer { worker.stop() }
                    try await eventually("its end") { worker.exitStatus != nil }
                    #expect(worker.exitStatus == 78)
                    #expect(worker.log.contains(variable))
                    #expect(!worker.log.contains("short\""))
                }
            }
        }
    }
}
