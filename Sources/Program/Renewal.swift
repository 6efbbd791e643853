package import Authorization
package import Gateways
package import Logging
package import Postgres
package import Redis
package import Secrets

/// Takes over secrets into what already uses them; whatever else differs waits for a restart, and is
/// told of.
package struct Renewal<Variable: ProgramVariable>: Sendable {
    private let log: Logger

    package init(log: Logger) { self.log = log }

    package func redis(_ known: RedisEndpoint, as fresh: RedisEndpoint, _ variable: Variable) {
        if !known.renewPassword(as: fresh) { tellOfRestart(variable) }
    }

    package func database(
        _ known: PostgresAddress?,
        as fresh: PostgresAddress?,
        _ variable: Variable
    ) {
        switch (known, fresh) {
        case (let known?, let fresh?) where known.renewPassword(as: fresh): break
        case (nil, nil): break
        default: tellOfRestart(variable)
        }
    }

    /// - Throws: Where tokens cannot be signed with the new secret; the known one stays in force.
    package func tokens(
        _ known: TokenSettings,
        as fresh: TokenSettings,
        in verifier: TokenVerifier?,
        _ variable: Variable
    ) async throws(SettingsError) {
        guard let verifier, known.mode == .hs256 else { return }
        let secret = fresh.secret.reveal()
        guard known.secret.reveal() != secret else { return }
        do throws(UnusableKeys) {
            try await verifier.renew(secret: Array(secret.utf8))
            known.secret.renew(secret)
        } catch {
            throw SettingsError(variable, error.description)
        }
    }

    /// What is used once, at start.
    package func fixed(_ known: Secret?, as fresh: Secret?, _ variable: Variable) {
        if known != fresh { tellOfRestart(variable) }
    }

    package func tellOfRestart(_ variable: Variable) {
        log.warning(
            "more than its secret has changed: that counts after a restart",
            metadata: ["variable": "\(variable.rawValue)"]
        )
    }
}
