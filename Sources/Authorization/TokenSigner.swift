internal import JWTKit

/// Signs bearer tokens by the secret that the service shares with whoever signs them: for load tests,
/// whose users nobody else knows.
package struct TokenSigner: Sendable {
    private let keys: JWTKeyCollection
    private let audience: String?
    private let issuer: String?

    /// - Parameters:
    ///   - secret: `AUTH_HS256_SECRET`.
    ///   - audience: Whom its tokens are for; anybody when nil.
    ///   - issuer: Who they say has signed them.
    /// - Throws: When the secret is too short.
    package init(
        secret: [UInt8],
        audience: String? = nil,
        issuer: String? = nil
    ) async throws(UnusableKeys) {
        keys = try await TokenVerifier.keys(of: secret)
        self.audience = audience
        self.issuer = issuer
    }

    /// - Parameter expiresAt: Unix seconds.
    /// - Returns: `Bearer eyJ…`, as an entry's field `authorization` has it.
    package func header(
        of subject: String,
        expiresAt: Double
    ) async throws(UnusableKeys) -> String {
        let body = TokenBody(
            sub: subject,
            exp: expiresAt,
            nbf: nil,
            iss: issuer,
            aud: audience.map { TokenBody.Audience($0) },
            tier: nil,
            role: nil,
            roles: nil
        )
        do {
            return try await "Bearer \(keys.sign(body))"
        } catch {
            throw UnusableKeys("a token cannot be signed")
        }
    }
}
