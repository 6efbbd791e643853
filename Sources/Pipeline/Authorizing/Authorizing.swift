internal import Contract

/// The stage at the door: whoever asks is the user that the request names.
package struct Authorizing: Sendable {
    private let authority: (any Authority)?

    /// - Parameter authority: Nil where nobody is asked for a token.
    package init(authority: (any Authority)? = nil) { self.authority = authority }

    enum Verdict<Value: Sendable>: Sendable {
        case permitted(Value)
        indirect case refused(Rejection)
    }

    func check(_ accepted: Accepted) async throws(CancellationError) -> Verdict<Accepted> {
        guard let authority else { return .permitted(accepted) }
        switch try await authority.permit(
            accepted.entry.credentials,
            for: accepted.identity,
            atMs: accepted.times.addedMs
        ) {
        case .granted(let tier, let seal):
            return .permitted(accepted.permitted(tier: tier, seal: seal))
        case .refused(let rejection): return .refused(rejection)
        }
    }

    /// Usage is shown to its user alone.
    func check(_ asked: AcceptedUsage) async throws(CancellationError) -> Verdict<AcceptedUsage> {
        guard let authority else { return .permitted(asked) }
        switch try await authority.permit(
            asked.entry.credentials,
            for: asked.identity,
            atMs: asked.times.addedMs
        ) {
        case .granted(let tier, let seal):
            return .permitted(asked.permitted(tier: tier, seal: seal))
        case .refused(let rejection): return .refused(rejection)
        }
    }

    /// A batch is its user's alone: one token speaks for no other.
    func check(_ batch: AcceptedBatch) async throws(CancellationError) -> Verdict<AcceptedBatch> {
        guard let authority else { return .permitted(batch) }
        switch try await authority.permit(
            batch.entry.credentials,
            for: batch.identity,
            atMs: batch.times.addedMs
        ) {
        case .refused(let rejection): return .refused(rejection)
        case .granted(let tier, let seal):
            var seals: [RequestID: String] = [:]
            for (index, member) in batch.request.members.enumerated() {
                guard member.userID == batch.request.userID else {
                    return .refused(
                        Rejection(
                            .forbidden,
                            "the token is another user's",
                            field: "/requests/\(index)/user_id"
                        )
                    )
                }
                let identity = Identity(
                    requestID: member.requestID,
                    user: member.userID,
                    payloadHash: PayloadHash(of: member.payload)
                )
                seals[member.requestID] = try await authority.seal(identity, as: tier)
            }
            return .permitted(batch.permitted(tier: tier, seal: seal, members: seals))
        }
    }
}
