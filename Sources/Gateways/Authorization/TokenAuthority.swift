package import Authorization
package import Contract
internal import EventLoop
package import HTTPClient
package import Pipeline
package import Policy
internal import Redis
package import Secrets

/// The `Authority` port over bearer tokens and the fleet's seal.
package final class TokenAuthority: Authority {
    private let verifier: TokenVerifier
    private let keeper: SealKeeper
    private let clock: any StoreClock

    package init(verifier: TokenVerifier, keeper: SealKeeper, clock: any StoreClock) {
        self.verifier = verifier
        self.keeper = keeper
        self.clock = clock
    }

    package func permit(
        _ credentials: RequestEntry.Credentials,
        for identity: Identity,
        atMs: Int64
    ) async throws(CancellationError) -> Permission {
        switch try await judge(credentials, for: identity, atMs: atMs) {
        case .proved(let tier, let seal): .granted(tier: tier?.rawValue, seal: seal)
        case .refused(let rejection): .refused(rejection)
        }
    }

    /// What credentials prove.
    package enum Judgement: Sendable {
        /// Their claims, and the same as they go on, sealed.
        case proved(tier: Tier?, seal: String)
        case refused(Rejection)
    }

    /// - Parameter atMs: When they were presented, Unix milliseconds.
    package func judge(
        _ credentials: RequestEntry.Credentials,
        for identity: Identity,
        atMs: Int64
    ) async throws(CancellationError) -> Judgement {
        let seal = try await keeper.seal()
        // What was verified before is not asked for a token again: it holds none any more.
        if let text = credentials.sealed, let opened = seal.open(text, identity) {
            return .proved(tier: opened.tier, seal: text)
        }
        let bearer: Bearer
        do throws(Unauthorized) {
            bearer = try await verifier.verify(
                credentials.authorization,
                atMs: atMs,
                nowMs: clock.nowMs()
            )
        } catch {
            return .refused(Rejection(.unauthorized, error.message, field: "authorization"))
        }
        guard bearer.subject == identity.user else {
            return .refused(
                Rejection(.forbidden, "the token is another user's", field: "authorization")
            )
        }
        return .proved(tier: bearer.tier, seal: seal.close(bearer.tier, identity))
    }

    package func seal(
        _ identity: Identity,
        as tier: String?
    ) async throws(CancellationError) -> String {
        try await keeper.seal().close(tier.flatMap(Tier.init), identity)
    }
}

/// What an operator has set about tokens.
package struct TokenSettings: Sendable {
    package let mode: TokenVerifier.Mode
    package let secret: Secret
    /// A file, or a URL.
    package let keys: String?
    package let audience: String?
    package let issuer: String?

    package init(
        mode: TokenVerifier.Mode,
        secret: Secret,
        keys: String?,
        audience: String?,
        issuer: String?
    ) {
        self.mode = mode
        self.secret = secret
        self.keys = keys
        self.audience = audience
        self.issuer = issuer
    }

    private enum Limits {
        static let fetch = Duration.seconds(5)
        /// Bytes of a set of keys: a hundred of them.
        static let keysBytesMax = 256 * 1024
    }

    /// - Parameters:
    ///   - http: Fetches the set of keys where it is behind a URL.
    ///   - watch: Told what becomes of the set.
    /// - Returns: Nil where nobody is asked for a token.
    package func verifier(
        by http: HTTPClient?,
        nowMs: Int64,
        watch: KeysWatch
    ) async throws(UnusableKeys) -> TokenVerifier? {
        switch mode {
        case .none: return nil
        case .hs256:
            return try await TokenVerifier(
                .hs256(secret: Array(secret.reveal().utf8)),
                audience: audience,
                issuer: issuer,
                nowMs: nowMs
            )
        case .jwks:
            return try await TokenVerifier(
                .jwks(source(http)),
                audience: audience,
                issuer: issuer,
                nowMs: nowMs,
                onReread: { watch.saw($0) }
            )
        }
    }

    private func source(_ http: HTTPClient?) -> @Sendable () async throws -> [UInt8] {
        let place = keys ?? ""
        guard let http, place.hasPrefix("https://") || place.hasPrefix("http://") else {
            return { try FileText.read(place) }
        }
        return {
            let request = HTTPRequest(
                url: place,
                headers: [("Accept", "application/json")],
                limits: HTTPLimits(
                    deadline: .now + Limits.fetch,
                    connect: Limits.fetch,
                    responseBytesMax: Limits.keysBytesMax
                )
            )
            let response = try await http.send(request)
            guard response.status == 200 else { throw KeysUnavailable() }
            return response.body
        }
    }
}

private struct KeysUnavailable: Error {}
