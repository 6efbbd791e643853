package import Configuration

/// A variable that cannot be used, and why. Never says what it holds, which may be a secret.
package struct SettingsError: Error, CustomStringConvertible {
    package let description: String

    package init(_ variable: some ProgramVariable, _ reason: String) {
        description = "\(variable.rawValue): \(reason)"
    }
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

    package func seconds(
        _ variable: Variable,
        in range: ClosedRange<Double>
    ) throws(SettingsError) -> Duration {
        guard let value = Double(try text(variable)), range.contains(value) else {
            throw SettingsError(
                variable,
                "expected seconds from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return .milliseconds(Int64((value * 1_000).rounded()))
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
