import ArgumentParser
import Authorization
import Glibc

/// Tokens for the users of a bench, where `AUTH_MODE` asks for them and a secret is shared. No argument
/// holds that secret, for every user of a machine can read those.
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
        let given: (place: String, secret: String)
        if let file = tokenSecretFile {
            guard let bytes = InputFile.read(file, bytesMax: Limits.bytesMax) else {
                complain("--token-secret-file \(file) cannot be read, or has more than 4 KiB")
                throw ExitCode.noInput
            }
            given = ("--token-secret-file \(file)", Self.line(bytes))
        } else if let text = Self.variable("AUTH_HS256_SECRET") {
            given = ("AUTH_HS256_SECRET", text)
        } else {
            return nil
        }
        do throws(UnusableKeys) {
            return try await TokenSigner(
                secret: Array(given.secret.utf8),
                audience: audience ?? Self.variable("AUTH_AUDIENCE"),
                issuer: issuer ?? Self.variable("AUTH_ISSUER")
            )
        } catch {
            complain("\(given.place): \(error)")
            throw ExitCode.usage
        }
    }

    /// The file's text without the line's end behind it.
    private static func line(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    private static func variable(_ name: String) -> String? {
        let text = unsafe getenv(name).map { unsafe String(cString: $0) }
        return text?.isEmpty == true ? nil : text
    }
}
