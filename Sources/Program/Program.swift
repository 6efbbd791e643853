// Program: what every long-running program of ours has alike: how it reads its variables, serves its
// health and metrics, keeps a connection up, and tells that it cannot start.
// Belongs here: what would else be written twice. Does not: what one program alone is for; arguments,
// the environment and signals, which only executables touch.

package import Configuration
import Glibc

/// The environment variables that a program reads. Durations are seconds.
package protocol ProgramVariable: RawRepresentable<String>, CaseIterable, Sendable {
    /// What holds when it is not set; nil where nothing does, or where that is computed.
    var standard: String? { get }
    /// One line for `--help` and the README.
    var meaning: String { get }
    var isSecret: Bool { get }
}

extension ProgramVariable {
    /// `REDIS_URL` is read by the key `redis.url`.
    package var key: ConfigKey {
        ConfigKey(rawValue.lowercased().split(separator: "_").map(String.init))
    }

    /// The table of `--help`.
    package static var table: String {
        let width = allCases.map(\.rawValue.count).max() ?? 0
        let lines = allCases.map { variable in
            let name = variable.rawValue
            let padding = String(repeating: " ", count: width - name.count)
            let standard = variable.standard.map { " [\($0)]" } ?? ""
            return "  \(name)\(padding)  \(variable.meaning)\(standard)"
        }
        return "ENVIRONMENT VARIABLES\n" + lines.joined(separator: "\n")
    }

    /// What `--help` says behind the table.
    package static var secretsNote: String {
        let secrets = allCases.filter(\.isSecret).map(\.rawValue).joined(separator: ", ")
        return "In place of \(secrets), the same with _FILE behind it names a file that holds it. "
            + "Such files are read again when they change and on SIGHUP; what differs counts for "
            + "new connections and calls."
    }

    /// What is in force and where from, one line a variable. Of a secret, whether it is set.
    package static func inForce(_ config: ConfigReader) -> String {
        allCases.map { variable in
            let text = config.string(forKey: variable.key, isSecret: variable.isSecret)
            // What is set to nothing is not set.
            let set = text?.isEmpty == true ? nil : text
            let value =
                switch (set, variable.isSecret) {
                case (.some, true): "[secret]"
                case (.some(let text), false): text
                case (.none, _): variable.standard ?? ""
                }
            let origin = set == nil ? "default" : "environment"
            return "\(variable.rawValue)=\(value)  # \(origin)"
        }.joined(separator: "\n")
    }
}

/// Why a program cannot start, or go on.
package struct StartFailure: Error, CustomStringConvertible {
    package let exitCode: Int32
    package let description: String

    private init(exitCode: Int32, description: String) {
        self.exitCode = exitCode
        self.description = description
    }

    package init(_ error: SettingsError) {
        self.init(exitCode: EX_CONFIG, description: error.description)
    }

    package static func setting(
        _ variable: some ProgramVariable,
        _ reason: String
    ) -> StartFailure {
        StartFailure(exitCode: EX_CONFIG, description: "\(variable.rawValue): \(reason)")
    }

    package static func service(_ reason: String) -> StartFailure {
        StartFailure(exitCode: EX_UNAVAILABLE, description: reason)
    }

    /// The last word of a process that cannot go on: one line for a person.
    package func tell(as program: String) {
        let line = Array("\(program): \(description)\n".utf8)
        _ = unsafe write(STDERR_FILENO, line, line.count)
    }
}
