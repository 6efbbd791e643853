package import Configuration
internal import Gateways

/// The environment, with what stands in files: for every secret variable `NAME`, `NAME_FILE` may name
/// the file that holds it, as orchestrators of containers mount their secrets.
package struct SecretFiles<Variable: ProgramVariable>: Sendable {
    private let environment: any ConfigProvider
    private let paths: [(variable: Variable, path: String)]

    /// - Throws: Where a secret is given twice.
    package init(_ environment: any ConfigProvider) throws(SettingsError) {
        self.environment = environment
        let config = ConfigReader(provider: environment)
        var paths: [(variable: Variable, path: String)] = []
        for variable in Variable.allCases where variable.isSecret {
            guard let path = config.string(forKey: variable.fileKey), !path.isEmpty else {
                continue
            }
            guard config.string(forKey: variable.key, isSecret: true) ?? "" == "" else {
                throw SettingsError(variable, "set it or \(variable.fileName), not both")
            }
            paths.append((variable, path))
        }
        self.paths = paths
    }

    /// Reads the files: what holds now.
    package func config() throws(SettingsError) -> ConfigReader {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (variable, path) in paths {
            let text = try Self.text(of: variable, in: path)
            values[AbsoluteConfigKey(variable.key)] = ConfigValue(.string(text), isSecret: true)
        }
        return ConfigReader(providers: [InMemoryProvider(values: values), environment])
    }

    /// What tells one state of the files from another, without reading them.
    func stamps() -> [FileText.Stamp?] { paths.map { FileText.stamp($0.path) } }

    /// Of one secret: a list of endpoints has some thousand.
    private static var bytesMax: Int { 65_536 }

    /// Editors and `echo` end a file by a line's end, which is no part of the secret.
    private static func text(
        of variable: Variable,
        in path: String
    ) throws(SettingsError) -> String {
        var bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileText.read(path)
        } catch {
            throw SettingsError(file: variable, error.description)
        }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
            bytes.removeLast()
        }
        guard !bytes.isEmpty else { throw SettingsError(file: variable, "\(path) is empty") }
        guard bytes.count <= Self.bytesMax else {
            throw SettingsError(file: variable, "\(path) is larger than \(Self.bytesMax) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError(file: variable, "\(path) is not UTF-8")
        }
        return text
    }
}

extension ProgramVariable {
    /// `OPENAI_API_KEY_FILE`.
    fileprivate var fileName: String { rawValue + "_FILE" }
    fileprivate var fileKey: ConfigKey { ConfigKey(key.components + ["file"]) }
}

extension SettingsError {
    fileprivate init(file variable: some ProgramVariable, _ reason: String) {
        self.init(name: variable.fileName, reason)
    }
}
