import ArgumentParser
import Glibc
import Secrets

/// The bearer token that goes with what a command asks for, where `AUTH_MODE` wants one. No argument
/// holds it, for every user of a machine can read those.
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
        let given: (place: String, text: String)
        if let file {
            guard let bytes = InputFile.read(file, bytesMax: Limits.bytesMax) else {
                complain("--token-file \(file) cannot be read, or has more than 8 KiB")
                throw ExitCode.noInput
            }
            given = ("--token-file \(file)", String(decoding: bytes, as: UTF8.self))
        } else if let text = unsafe getenv("AUTH_TOKEN").map({ unsafe String(cString: $0) }),
            !text.isEmpty
        {
            given = ("AUTH_TOKEN", text)
        } else {
            return nil
        }
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
