package import Configuration
package import Policy
package import Postgres
package import Redis

/// A variable that cannot be used, and why. Never says what it holds, which may be a secret.
package struct SettingsError: Error, CustomStringConvertible {
    package let description: String

    package init(_ variable: some ProgramVariable, _ reason: String) {
        self.init(name: variable.rawValue, reason)
    }

    init(name: String, _ reason: String) { description = "\(name): \(reason)" }
}

/// The variables as they are set, or their defaults; what is set to nothing is not set.
package struct Values<Variable: ProgramVariable> {
    private let config: ConfigReader

    package init(_ config: ConfigReader) { self.config = config }

    package func optional(_ variable: Variable) -> String? {
        let value = config.string(forKey: variable.key, isSecret: variable.isSecret)
        return value?.isEmpty == true ? nil : value
    }

    package func text(_ variable: Variable) throws(SettingsError) -> String {
        guard let text = optional(variable) ?? variable.standard else {
            throw SettingsError(variable, "is required")
        }
        return text
    }

    package func integer(
        _ variable: Variable,
        in range: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let value = Int(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    package func number(
        _ variable: Variable,
        in range: ClosedRange<Double>
    ) throws(SettingsError) -> Double {
        try number(variable, in: range, called: "a number")
    }

    package func seconds(
        _ variable: Variable,
        in range: ClosedRange<Double>
    ) throws(SettingsError) -> Duration {
        let value = try number(variable, in: range, called: "seconds")
        return .milliseconds(Int64((value * 1_000).rounded()))
    }

    private func number(
        _ variable: Variable,
        in range: ClosedRange<Double>,
        called name: String
    ) throws(SettingsError) -> Double {
        guard let value = Double(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected \(name) from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    package func flag(_ variable: Variable) throws(SettingsError) -> Bool {
        switch try text(variable).lowercased() {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: throw SettingsError(variable, "expected true or false")
        }
    }

    package func choice<Choice>(
        _ variable: Variable,
        _ choices: [Choice],
        _ name: (Choice) -> String
    ) throws(SettingsError) -> Choice {
        let text = try text(variable).lowercased()
        guard let choice = choices.first(where: { name($0) == text }) else {
            throw SettingsError(
                variable,
                "expected one of \(choices.map(name).joined(separator: ", "))"
            )
        }
        return choice
    }
}

// MARK: - What several programs must agree on

extension Values {
    package func priorityWeights(
        _ variable: Variable
    ) throws(SettingsError) -> PriorityWeights {
        guard let weights = PriorityWeights(try text(variable)) else {
            throw SettingsError(
                variable,
                "expected high, normal and low with whole numbers from 1 to 1000, as in "
                    + "high:16,normal:4,low:1"
            )
        }
        return weights
    }
}

// MARK: - What every program asks of Redis

extension Values {
    /// What all keys begin with. Braces in it would decide their slot in place of the partition.
    package func streamPrefix(_ variable: Variable) throws(SettingsError) -> String {
        let prefix = try text(variable)
        guard !prefix.isEmpty, !prefix.contains("{"), !prefix.contains("}") else {
            throw SettingsError(variable, "expected a name without braces")
        }
        return prefix
    }

    /// - Parameter url: Wins over the other two where it is set.
    package func redisEndpoint(
        url: Variable,
        host: Variable,
        port: Variable
    ) throws(SettingsError) -> RedisEndpoint {
        guard let text = optional(url) else {
            return RedisEndpoint(
                host: try self.text(host),
                port: try integer(port, in: 1...65_535)
            )
        }
        do throws(RedisEndpointError) {
            return try RedisEndpoint(url: text)
        } catch {
            throw SettingsError(url, "\(error)")
        }
    }

    /// - Returns: Nil where it is not set.
    package func database(_ url: Variable) throws(SettingsError) -> PostgresAddress? {
        guard let text = optional(url) else { return nil }
        do throws(PostgresAddressError) {
            return try PostgresAddress(url: text)
        } catch {
            throw SettingsError(url, "\(error)")
        }
    }

    package func healthAddress(
        host: Variable,
        port: Variable,
        portFile: Variable,
        tls: HealthServer.Address.TLS? = nil
    ) throws(SettingsError) -> HealthServer.Address {
        HealthServer.Address(
            host: try text(host),
            port: try integer(port, in: 0...65_535),
            portFile: optional(portFile),
            tls: tls
        )
    }
}
