import Authorization
import Contract
import Crypto
import JWTKit
import Policy
import Synchronization
import Testing

/// Claims of a token as somebody else signs them.
private struct Claims: JWTPayload {
    var sub: String? = "user123"
    var exp: Double? = 2_000
    var nbf: Double?
    var aud: String? = "mip"
    var iss: String?
    var tier: String?
    var role: String?

    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

private let secret = Array("0123456789abcdef0123456789abcdef".utf8)
private let now: Int64 = 1_000_000

private func signed(_ claims: Claims, with key: [UInt8] = secret) async throws -> String {
    let keys = JWTKeyCollection()
    await keys.add(hmac: HMACKey(from: key), digestAlgorithm: .sha256)
    return try await "Bearer \(keys.sign(claims))"
}

private func verifier(
    audience: String? = "mip",
    issuer: String? = nil
) async throws -> TokenVerifier {
    try await TokenVerifier(
        .hs256(secret: secret),
        audience: audience,
        issuer: issuer,
        nowMs: now
    )
}

struct SharedSecretTests {
    @Test func `a token says who somebody is`() async throws {
        let verifier = try await verifier()
        let plain = try await verifier.verify(signed(Claims()), atMs: now, nowMs: now)
        #expect(plain.subject == "user123" && plain.tier == nil && !plain.isOperator)
        let rich = Claims(tier: "premium", role: "operator")
        let bearer = try await verifier.verify(signed(rich), atMs: now, nowMs: now)
        #expect(bearer.tier == .premium && bearer.isOperator)
        #expect(bearer.expiresAtMs == 2_000_000)
        let endless = try await verifier.verify(signed(Claims(exp: 1e300)), atMs: now, nowMs: now)
        #expect(endless.expiresAtMs > 1 << 40)
    }

    @Test func `a token that was signed here is whose it says, for whom and until when`()
        async throws
    {
        let signer = try await TokenSigner(secret: secret, audience: "mip", issuer: "us")
        let header = try await signer.header(of: "bench-1", expiresAt: 2_000)
        let bearer = try await verifier(issuer: "us").verify(header, atMs: now, nowMs: now)
        #expect(bearer.subject == "bench-1" && bearer.tier == nil && !bearer.isOperator)
        #expect(bearer.expiresAtMs == 2_000_000)
        await #expect(throws: Unauthorized.self) {
            try await verifier(audience: "others").verify(header, atMs: now, nowMs: now)
        }
        await #expect(throws: Unauthorized.self) {
            try await verifier(issuer: "them").verify(header, atMs: now, nowMs: now)
        }
        await #expect(throws: UnusableKeys.self) {
            try await TokenSigner(secret: Array(secret.dropLast()))
        }
    }

    @Test func `what proves nothing says why`() async throws {
        let verifier = try await verifier()
        func refused(_ header: String?) async -> Unauthorized? {
            do throws(Unauthorized) {
                _ = try await verifier.verify(header, atMs: now, nowMs: now)
                return nil
            } catch {
                return error
            }
        }
        let sound = try await signed(Claims())
        #expect(await refused(nil) == .missing)
        #expect(await refused("") == .missing)
        #expect(await refused("Basic abc") == .malformed)
        #expect(await refused("Bearer abc") == .malformed)
        #expect(await refused("Bearer a.b.c") == .malformed)
        #expect(await refused(String(sound.dropFirst(7))) == .malformed)
        #expect(await refused("Bearer " + String(repeating: "a", count: 9_000)) == .malformed)
        #expect(await refused(sound + "x") == .signature)
        let other = Array("another secret of thirty-two bytes".utf8)
        #expect(try await refused(signed(Claims(), with: other)) == .signature)
        #expect(try await refused(signed(Claims(exp: 1_000))) == .expired)
        #expect(try await refused(signed(Claims(exp: nil))) == .incomplete)
        #expect(try await refused(signed(Claims(sub: nil))) == .incomplete)
        #expect(try await refused(signed(Claims(nbf: 1_061))) == .early)
        #expect(try await refused(signed(Claims(nbf: 1_060))) == nil)
        #expect(try await refused(signed(Claims(aud: "others"))) == .audience)
        #expect(try await refused(signed(Claims(aud: nil))) == .audience)
        #expect(try await refused(signed(Claims(tier: "gold"))) == .tier)
    }

    @Test func `a token without a signature is none`() async throws {
        let verifier = try await verifier()
        let header = "eyJhbGciOiJub25lIn0"  // {"alg":"none"}
        let body = try await signed(Claims()).split(separator: ".")[1]
        await #expect(throws: Unauthorized.self) {
            try await verifier.verify("Bearer \(header).\(body).", atMs: now, nowMs: now)
        }
    }

    @Test func `times are judged as of when it was presented`() async throws {
        let verifier = try await verifier()
        let token = try await signed(Claims(exp: 1_500))
        #expect(
            try await verifier.verify(token, atMs: 1_499_999, nowMs: 9_000_000).subject == "user123"
        )
        await #expect(throws: Unauthorized.expired) {
            try await verifier.verify(token, atMs: 1_500_000, nowMs: 1_500_000)
        }
    }

    @Test func `an issuer is asked for where one is set`() async throws {
        let verifier = try await verifier(audience: nil, issuer: "https://id.example")
        let sound = try await signed(Claims(iss: "https://id.example"))
        #expect(try await verifier.verify(sound, atMs: now, nowMs: now).subject == "user123")
        await #expect(throws: Unauthorized.audience) {
            try await verifier.verify(signed(Claims()), atMs: now, nowMs: now)
        }
    }

    @Test func `a short secret is none`() async throws {
        await #expect(throws: UnusableKeys.self) {
            try await TokenVerifier(.hs256(secret: Array("short".utf8)), nowMs: now)
        }
    }
}

/// Keys of an issuer, as it publishes them, and a reader that counts.
private final class Issuer: Sendable {
    private let published = Mutex<(set: String, reads: Int)>(("", 0))
    var reads: Int { published.withLock { $0.reads } }

    func publish(_ keys: [(name: String, key: ES256PrivateKey)]) throws {
        let set = try keys.map { name, key in
            let (x, y) = try #require(key.parameters.map { ($0.x, $0.y) })
            func url(_ text: String) -> String {
                text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            }
            return #"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"\#(name)","#
                + #""x":"\#(url(x))","y":"\#(url(y))"}"#
        }
        published.withLock { $0.set = #"{"keys":[\#(set.joined(separator: ","))]}"# }
    }

    func publish(text: String) { published.withLock { $0.set = text } }

    var keys: TokenVerifier.Keys {
        .jwks { [self] in
            published.withLock { published in
                published.reads += 1
                return Array(published.set.utf8)
            }
        }
    }

    func signed(_ name: String, _ key: ES256PrivateKey) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: JWKIdentifier(string: name))
        return try await "Bearer \(keys.sign(Claims(), kid: JWKIdentifier(string: name)))"
    }
}

struct KeySetTests {
    @Test func `keys rotate: a new one is found, an old one is forgotten`() async throws {
        let (old, new, issuer) = (ES256PrivateKey(), ES256PrivateKey(), Issuer())
        try issuer.publish([("old", old)])
        let verifier = try await TokenVerifier(issuer.keys, audience: "mip", nowMs: now)
        let before = try await issuer.signed("old", old)
        let after = try await issuer.signed("new", new)
        #expect(try await verifier.verify(before, atMs: now, nowMs: now).subject == "user123")
        try issuer.publish([("new", new)])
        // Not again so soon, lest unknown names make us ask and ask.
        await #expect(throws: Unauthorized.signature) {
            try await verifier.verify(after, atMs: now, nowMs: now + 9_999)
        }
        #expect(issuer.reads == 1)
        let bearer = try await verifier.verify(after, atMs: now, nowMs: now + 10_000)
        #expect(bearer.subject == "user123" && issuer.reads == 2)
        await #expect(throws: Unauthorized.signature) {
            try await verifier.verify(before, atMs: now, nowMs: now + 10_000)
        }
    }

    @Test func `a key that was withdrawn counts for a minute at the most`() async throws {
        let (old, new, issuer) = (ES256PrivateKey(), ES256PrivateKey(), Issuer())
        try issuer.publish([("old", old)])
        let verifier = try await TokenVerifier(issuer.keys, audience: "mip", nowMs: now)
        let token = try await issuer.signed("old", old)
        try issuer.publish([("new", new)])
        _ = try await verifier.verify(token, atMs: now, nowMs: now + 59_999)
        await #expect(throws: Unauthorized.signature) {
            try await verifier.verify(token, atMs: now, nowMs: now + 60_000)
        }
    }

    @Test func `a set that cannot be read leaves what was known, and at start there is none`()
        async throws
    {
        let (key, issuer) = (ES256PrivateKey(), Issuer())
        try issuer.publish([("a", key)])
        let verifier = try await TokenVerifier(issuer.keys, audience: "mip", nowMs: now)
        let token = try await issuer.signed("a", key)
        for text in ["", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"EC"}]}"#] {
            issuer.publish(text: text)
            await #expect(throws: UnusableKeys.self) { try await verifier.reread(now) }
            await #expect(throws: UnusableKeys.self) {
                try await TokenVerifier(issuer.keys, nowMs: now)
            }
        }
        #expect(try await verifier.verify(token, atMs: now, nowMs: now).subject == "user123")
    }

    @Test func `what came of each further reading is told`() async throws {
        let (key, issuer) = (ES256PrivateKey(), Issuer())
        try issuer.publish([("a", key)])
        let told = Mutex<[Bool]>([])
        let verifier = try await TokenVerifier(
            issuer.keys,
            audience: "mip",
            nowMs: now,
            onReread: { failure in told.withLock { $0.append(failure == nil) } }
        )
        let token = try await issuer.signed("a", key)
        for minute in 1...3 {
            issuer.publish(text: "")
            if minute == 3 { try issuer.publish([("a", key)]) }
            let nowMs = now + Int64(minute) * 60_000
            // In force all the while.
            #expect(try await verifier.verify(token, atMs: now, nowMs: nowMs).subject == "user123")
        }
        #expect(told.withLock { $0 } == [false, false, true])
    }

    @Test func `a token names its key, and is signed by that one`() async throws {
        let (key, other, issuer) = (ES256PrivateKey(), ES256PrivateKey(), Issuer())
        try issuer.publish([("a", key)])
        let verifier = try await TokenVerifier(issuer.keys, audience: "mip", nowMs: now)
        for token in [try await issuer.signed("a", other), try await signed(Claims())] {
            await #expect(throws: Unauthorized.signature) {
                try await verifier.verify(token, atMs: now, nowMs: now)
            }
        }
    }
}

struct SealTests {
    private let seal = Seal(key: Array(repeating: 7, count: 32))

    private func identity(
        _ id: String = "r1",
        user: String = "u1",
        payload: String = "{}"
    ) throws
        -> Identity
    {
        Identity(
            requestID: try #require(RequestID(Array(id.utf8))),
            user: user,
            payloadHash: PayloadHash(of: Array(payload.utf8))
        )
    }

    @Test(arguments: [nil, .free, .enterprise] as [Tier?])
    func `what was sealed is opened for the same request alone`(tier: Tier?) throws {
        let text = seal.close(tier, try identity())
        let opened = try #require(seal.open(text, try identity()))
        #expect(opened.tier == tier)
        #expect(seal.open(text, try identity("r2")) == nil)
        #expect(seal.open(text, try identity(user: "u2")) == nil)
        #expect(seal.open(text, try identity(payload: "[]")) == nil)
        #expect(Seal(key: Array(repeating: 8, count: 32)).open(text, try identity()) == nil)
    }

    @Test func `nobody raises his tier`() throws {
        let text = seal.close(.free, try identity())
        #expect(seal.open("enterprise" + text.dropFirst(4), try identity()) == nil)
        for text in ["", ".", "free", "free.", "free.00", String(text.dropLast()), text + "0"] {
            #expect(seal.open(text, try identity()) == nil)
        }
    }
}
