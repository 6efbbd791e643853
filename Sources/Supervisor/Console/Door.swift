package import Authorization

/// Who a token lets in: the console's own, an operator's, a user's.
package struct Door: Sendable {
    private let token: ConsoleToken?
    private let verifier: TokenVerifier?
    private let nowMs: @Sendable () -> Int64

    /// - Parameters:
    ///   - token: Nil where operators have none of their own.
    ///   - verifier: Nil where nobody is asked for a bearer token.
    ///   - nowMs: Unix milliseconds here, by which bearer tokens are judged.
    package init(
        _ token: ConsoleToken?,
        _ verifier: TokenVerifier?,
        nowMs: @escaping @Sendable () -> Int64
    ) {
        self.token = token
        self.verifier = verifier
        self.nowMs = nowMs
    }

    /// There is a token that opens it.
    package var canOpen: Bool { token != nil || verifier != nil }

    /// Whom a token lets in.
    package enum Visitor: Equatable, Sendable {
        /// With the console's token, which names nobody.
        case console
        /// With a bearer token of this one, and how long that goes on.
        case person(String, left: Duration)
        /// A user, who may look at what is his own.
        case user(String)
    }

    /// Why it lets nobody in; may be told to whoever sent it.
    package struct Closed: Error, Sendable {
        package let message: String
    }

    package func visitor(with given: some StringProtocol) async throws(Closed) -> Visitor {
        if let token, token.matches(given) { return .console }
        guard let verifier else { throw Closed(message: "this is not the token") }
        let now = nowMs()
        let bearer: Bearer
        do throws(Unauthorized) {
            bearer = try await verifier.verify("Bearer \(given)", atMs: now, nowMs: now)
        } catch {
            throw Closed(message: error.message)
        }
        guard bearer.isOperator else { return .user(bearer.subject) }
        return .person(bearer.subject, left: .milliseconds(bearer.expiresAtMs - now))
    }
}
