import ArgumentParser
import Glibc

/// A secret that a command is given in a file, or else in a variable. No argument holds it, for every user
/// of a machine can read those.
struct GivenSecret {
    /// `--token-file PATH`, or the variable's name: for what is said of it, without a word of it.
    let place: String
    let text: String

    /// - Returns: Nil where there is neither.
    static func read(
        file: String?,
        _ option: String,
        orVariable name: String,
        bytesMax: Int
    ) throws -> GivenSecret? {
        guard let file else {
            return variable(name).map { GivenSecret(place: name, text: $0) }
        }
        guard let bytes = InputFile.read(file, bytesMax: bytesMax) else {
            complain("\(option) \(file) cannot be read, or has more than \(bytesMax / 1_024) KiB")
            throw ExitCode.noInput
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            complain("\(option) \(file) is not UTF-8")
            throw ExitCode.usage
        }
        return GivenSecret(place: "\(option) \(file)", text: text)
    }

    /// Nil where it is not set, or empty.
    static func variable(_ name: String) -> String? {
        let text = unsafe getenv(name).map { unsafe String(cString: $0) }
        return text?.isEmpty == true ? nil : text
    }
}
