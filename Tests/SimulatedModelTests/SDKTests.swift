import Foundation
import SimulatedModel
import TestSupport
import Testing

/// The vendor's own Python SDK against the simulator, every body checked by the vendor's schemas.
@Suite(.timeLimit(.minutes(5))) struct SDKTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    @Test func `the vendor's SDK finds what it expects`() async throws {
        let python = try Self.python()
        try await SimulatorProcess.run { simulator in
            let (status, output) = try Self.run(
                python.path(),
                [
                    Self.folder.appending(path: "sdk_check.py").path(), simulator.baseURL,
                    Self.folder.appending(path: "chat_schemas.json").path(),
                ]
            )
            #expect(status == 0, "\(output.suffix(4000))")
            #expect(output.components(separatedBy: "ok ").count == 11, "\(output.suffix(4000))")
        }
    }

    @Test func `every parameter of the vendor's schema has a rule, and no other`() throws {
        let file = Self.folder.appending(path: "chat_schemas.json")
        let schemas = try JSONParser.parse(String(contentsOf: file, encoding: .utf8))
        let definitions = try #require(schemas["$defs"])
        func properties(of name: String) -> [String] {
            let schema = definitions[name]
            let parts = schema?["allOf"]?.array ?? (schema.map { [$0] } ?? [])
            return parts.flatMap { part -> [String] in
                let own = part["properties"]?.members?.map(\.name) ?? []
                guard let reference = part["$ref"]?.string?.split(separator: "/").last else {
                    return own
                }
                return own + properties(of: String(reference))
            }
        }
        let published = Set(properties(of: "CreateChatCompletionRequest"))
        #expect(published.count > 30)
        #expect(Set(ParameterRule.table.keys) == published)
    }

    /// `STRATEGY_PYTHON`, which must have what `requirements.txt` names; else a virtual environment
    /// of those versions, made once a machine.
    private static func python() throws -> URL {
        if let given = ProcessInfo.processInfo.environment["STRATEGY_PYTHON"] {
            return URL(filePath: given)
        }
        let requirements = folder.appending(path: "requirements.txt")
        let versions = try String(contentsOf: requirements, encoding: .utf8)
            .replacing("==", with: "-").split(separator: "\n").joined(separator: "_")
        let environment = FileManager.default.temporaryDirectory
            .appending(path: "gpt4-strategy-\(versions)")
        let python = environment.appending(path: "bin/python3")
        let ready = environment.appending(path: "ready")
        if FileManager.default.fileExists(atPath: ready.path()) { return python }
        // The mark comes last: a run that was broken off leaves none, and the next starts again.
        let (made, why) = try run("/usr/bin/env", ["python3", "-m", "venv", environment.path()])
        try #require(made == 0, "python3 -m venv: \(why)")
        let (installed, how) = try run(
            python.path(),
            ["-m", "pip", "install", "--quiet", "-r", requirements.path()]
        )
        try #require(installed == 0, "pip install: \(how)")
        try Data().write(to: ready)
        return python
    }

    private static func run(_ path: String, _ arguments: [String]) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
