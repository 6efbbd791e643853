import ArgumentParser
import Authorization

/// Tokens for the users of a bench, where `AUTH_MODE` asks for them and a secret is shared.
struct BenchTokens: ParsableArguments {
    @Option(
        help: """
            File with the secret that tokens are signed with, where AUTH_MODE is hs256: each \
            user gets one. [the variable AUTH_HS256_SECRET]
            """
    )
    var tokenSecretFile: String?

    @Option(help: "Audience that those tokens name. [the variable AUTH_AUDIENCE]")
    var audience: String?

    @Option(help: "Issuer that they name. [the variable AUTH_ISSUER]")
    var issuer: String?

    private enum Limits {
        static let bytesMax = 4 * 1_024
    }

    /// Nil where there is no secret: entries go without tokens.
    func signer() async throws -> TokenSigner? {
        guard
            let given = try GivenSecret.read(
                file: tokenSecretFile,
                "--token-secret-file",
                orVariable: "AUTH_HS256_SECRET",
                bytesMax: Limits.bytesMax
            )
        else { return nil }
        // A file ends with a line's end, which the service takes off as well.
        var secret = given.text
        while secret.last?.isNewline == true { secret.removeLast() }
        do throws(UnusableKeys) {
            return try await TokenSigner(
                secret: Array(secret.utf8),
                audience: audience ?? GivenSecret.variable("AUTH_AUDIENCE"),
                issuer: issuer ?? GivenSecret.variable("AUTH_ISSUER")
            )
        } catch {
            complain("\(given.place): \(error)")
            throw ExitCode.usage
        }
    }
}
