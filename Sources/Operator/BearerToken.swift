import ArgumentParser
import Secrets

/// The bearer token that goes with what a command asks for, where `AUTH_MODE` wants one.
struct BearerToken: ParsableArguments {
    @Option(
        name: .customLong("token-file"),
        help: "File with the bearer token that AUTH_MODE asks for. [the variable AUTH_TOKEN]"
    )
    var file: String?

    private enum Limits {
        /// As many as the service reads.
        static let bytesMax = 8 * 1_024
    }

    /// What stands in the field `authorization`; nil where there is no token.
    ///
    /// What is wrong with it is told without a word of it.
    func field() throws -> Secret? {
        guard
            let given = try GivenSecret.read(
                file: file,
                "--token-file",
                orVariable: "AUTH_TOKEN",
                bytesMax: Limits.bytesMax
            )
        else { return nil }
        var words = given.text.split(whereSeparator: \.isWhitespace)
        if words.first?.lowercased() == "bearer" { words.removeFirst() }
        guard words.count == 1, words[0].utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            words[0].utf8.count <= Limits.bytesMax
        else {
            complain("\(given.place): expected one bearer token, and nothing else")
            throw ExitCode.usage
        }
        return Secret("Bearer \(words[0])")
    }
}
