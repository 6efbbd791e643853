// Authorization: who a bearer token says somebody is.
// Belongs here: keys, their rotation, signatures and claims. Does not: where a token comes from, what
// its bearer may do with what, or any log: a token is never written anywhere.

internal import Foundation
internal import JWTKit
package import Policy

/// Verifies bearer tokens: signature, times, audience. One for a process, used by all that ask.
///
///     let verifier = try await TokenVerifier(.hs256(secret: bytes), audience: "mip")
///     let bearer = try await verifier.verify("Bearer eyJ…", atMs: nowMs, nowMs: nowMs)
///     guard bearer.isOperator || bearer.subject == userID else { … }  // 403
///
/// `verify` throws an `Unauthorized` (401), whose `message` may be told to whoever sent the token. The
/// keys of a set are read again every minute, and when a token names a key that is not there, at most
/// every ten seconds. While that fails, those that were known stay in force.
package actor TokenVerifier {
    /// `AUTH_MODE`.
    package enum Mode: String, CaseIterable, Sendable {
        /// Nobody is asked for a token.
        case none
        /// A secret that both sides share: `AUTH_HS256_SECRET`.
        case hs256
        /// The public keys of whoever signs: `AUTH_JWKS`, a file or a URL.
        case jwks
    }

    /// Where the keys come from.
    package enum Keys: Sendable {
        case hs256(secret: [UInt8])
        /// Reads the set of keys, as JSON (RFC 7517, section 5).
        case jwks(@Sendable () async throws -> [UInt8])
    }

    package enum Limits {
        /// Bytes of a token; one of 40 claims has two thousand.
        package static let tokenBytesMax = 8 * 1_024
        /// Bytes of a shared secret: as many as the hash has (RFC 7518, section 3.2).
        package static let secretBytesMin = 32
        /// Between two readings of a set because a token names an unknown key.
        static let rereadMs: Int64 = 10_000
        /// How long a set is believed: so long a key that was withdrawn may still count.
        static let believedMs: Int64 = 60_000
        /// By how much the clock of whoever signs may be ahead.
        static let skewMs: Int64 = 60_000
        /// As far ahead as anybody counts: the year 9999.
        static let latestMs = 253_402_300_799_000.0
    }

    private let source: Keys
    private let audience: String?
    private let issuer: String?
    private let onReread: @Sendable (UnusableKeys?) -> Void
    private var keys = JWTKeyCollection()
    private var names: Set<String> = []
    private var readAtMs: Int64 = 0

    /// - Parameter onReread: Told what came of each further reading of a set: nil where it was read.
    /// - Throws: When there is no key that can be used; the message names what is wrong.
    package init(
        _ source: Keys,
        audience: String? = nil,
        issuer: String? = nil,
        nowMs: Int64,
        onReread: @escaping @Sendable (UnusableKeys?) -> Void = { _ in }
    ) async throws(UnusableKeys) {
        self.source = source
        self.audience = audience
        self.issuer = issuer
        self.onReread = onReread
        switch source {
        case .hs256(let secret): keys = try await Self.keys(of: secret)
        case .jwks: try await reread(nowMs)
        }
    }

    /// Takes another shared secret in place of the one there is: what that one signed is refused.
    package func renew(secret: [UInt8]) async throws(UnusableKeys) {
        guard case .hs256 = source else { return }
        keys = try await Self.keys(of: secret)
    }

    static func keys(
        of secret: [UInt8]
    ) async throws(UnusableKeys) -> JWTKeyCollection {
        guard secret.count >= Limits.secretBytesMin else {
            throw UnusableKeys("the secret has \(secret.count) bytes, at least 32 are needed")
        }
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        return keys
    }

    /// Reads the set of keys again. What cannot be used leaves what was known in force.
    package func reread(_ nowMs: Int64) async throws(UnusableKeys) {
        guard case .jwks(let read) = source else { return }
        readAtMs = nowMs
        do {
            let bytes = try await read()
            let set = try JSONDecoder().decode(JWKS.self, from: Data(bytes))
            let fresh = JWTKeyCollection()
            var known: Set<String> = []
            for key in set.keys {
                guard let name = key.keyIdentifier?.string else {
                    throw UnusableKeys("a key of the set has no kid")
                }
                try await fresh.add(jwk: key)
                known.insert(name)
            }
            guard !known.isEmpty else { throw UnusableKeys("the set has no key") }
            (keys, names) = (fresh, known)
        } catch let error as UnusableKeys {
            throw error
        } catch {
            // What a decoder or a transfer says of keys is for nobody.
            throw UnusableKeys("the set of keys cannot be read")
        }
    }

    /// - Parameters:
    ///   - header: The whole of it: `Bearer eyJ…`. Nil when there was none.
    ///   - atMs: When it was presented, Unix milliseconds: by this its times are judged.
    ///   - nowMs: The present: by this keys grow old.
    package func verify(
        _ header: String?,
        atMs: Int64,
        nowMs: Int64
    ) async throws(Unauthorized) -> Bearer {
        guard let header, !header.isEmpty else { throw .missing }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            header.utf8.count <= Limits.tokenBytesMax
        else { throw .malformed }
        let token = String(parts[1])
        try await learn(of: token, nowMs)
        let body: TokenBody
        do {
            body = try await keys.verify(token, as: TokenBody.self)
        } catch let error as JWTError where error.errorType == .malformedToken {
            throw .malformed
        } catch is DecodingError {
            throw .malformed
        } catch {
            throw .signature
        }
        return try judge(body, atMs)
    }

    /// A key that was made after the set was read is looked for, not too often.
    private func learn(of token: String, _ nowMs: Int64) async throws(Unauthorized) {
        guard case .jwks = source else { return }
        let name: String?
        do {
            let parser = DefaultJWTParser()
            name = try parser.parseHeader(token)
        } catch {
            throw .malformed
        }
        guard let name else { throw .signature }
        let age = nowMs - readAtMs
        if age >= Limits.believedMs || !names.contains(name) && age >= Limits.rereadMs {
            // Whatever comes of it, the token is judged by the keys that are known then.
            do throws(UnusableKeys) {
                try await reread(nowMs)
                onReread(nil)
            } catch {
                onReread(error)
            }
        }
        guard names.contains(name) else { throw .signature }
    }

    private func judge(_ body: TokenBody, _ atMs: Int64) throws(Unauthorized) -> Bearer {
        guard let expiry = body.exp, let subject = body.sub, !subject.isEmpty else {
            throw .incomplete
        }
        guard Double(atMs) < expiry * 1_000 else { throw .expired }
        if let start = body.nbf, Double(atMs + Limits.skewMs) < start * 1_000 { throw .early }
        if let audience, !(body.aud?.values.contains(audience) ?? false) { throw .audience }
        if let issuer, body.iss != issuer { throw .audience }
        var tier: Tier?
        if let name = body.tier {
            guard let known = Tier(rawValue: name) else { throw .tier }
            tier = known
        }
        return Bearer(
            subject: subject,
            tier: tier,
            isOperator: body.isOperator,
            expiresAtMs: Int64(min(expiry * 1_000, Limits.latestMs))
        )
    }
}

/// Who a token says somebody is: its claims, verified. Nothing of the token itself.
package struct Bearer: Equatable, Sendable {
    /// `sub`: the user.
    package let subject: String
    /// `tier`, when it says one: it stands above the user's profile.
    package let tier: Tier?
    /// `role` is `operator`, or `roles` has it: may look at everybody's.
    package let isOperator: Bool
    /// `exp`, Unix milliseconds.
    package let expiresAtMs: Int64
}

/// Why a token proves nothing. Its sentence may be told to whoever sent it.
package enum Unauthorized: Error, Equatable, Sendable {
    case missing, malformed, signature, incomplete, expired, early, audience, tier

    package var message: String {
        switch self {
        case .missing: "a bearer token is needed"
        case .malformed: "expected Bearer and a signed JSON Web Token of at most 8 KiB"
        case .signature: "the token is not signed by a key that is known here"
        case .incomplete: "the token must have the claims sub and exp"
        case .expired: "the token had expired"
        case .early: "the token is not valid yet"
        case .audience: "the token is meant for another audience, or from another issuer"
        case .tier: "the claim tier is none of free, basic, premium, enterprise"
        }
    }
}

/// Why there is no key to verify with.
package struct UnusableKeys: Error, CustomStringConvertible, Sendable {
    package let description: String
    init(_ description: String) { self.description = description }
}
