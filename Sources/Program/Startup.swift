package import Configuration

/// What a program has read before it does anything: its settings, and where its secrets come from.
package struct Startup<Variable: ProgramVariable, Settings: Sendable>: Sendable {
    package let settings: Settings
    package let secrets: SecretFiles<Variable>
    private let config: ConfigReader

    /// - Parameter read: Makes the settings of what stands in the environment and in files of secrets.
    package init(
        _ environment: any ConfigProvider,
        read: (ConfigReader) throws(SettingsError) -> Settings
    ) throws(StartFailure) {
        do throws(SettingsError) {
            secrets = try SecretFiles(environment)
            config = try secrets.config()
            settings = try read(config)
        } catch {
            throw StartFailure(error)
        }
    }

    /// What `--show-settings` prints.
    package var inForce: String { Variable.inForce(config) }
}
