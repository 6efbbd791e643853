package import Foundation

/// An `openai-simulator` of the test's own: the built binary on a free port of this machine.
package struct SimulatorProcess: Sendable {
    /// Where it listens, on 127.0.0.1.
    package let port: Int
    package let processID: Int32

    /// A key that it accepts.
    package static let key = "sk-sim-test"

    /// What `OPENAI_BASE_URL` is to be.
    package var baseURL: String { "http://127.0.0.1:\(port)/v1" }
    /// Above the API's path: for `/simulator/usage` and its like.
    package var origin: String { "http://127.0.0.1:\(port)" }

    /// It ended, or said something else, instead of where it listens.
    package struct DidNotStart: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs `body` while a simulator listens, and ends it whatever happens.
    ///
    /// - Parameter environment: `SIMULATOR_…` variables; nothing else of ours reaches it.
    package static func run<Value>(
        environment: [String: String] = [:],
        arguments: [String] = [],
        _ body: (SimulatorProcess) async throws -> Value
    ) async throws -> Value {
        let process = Process()
        process.executableURL = try BuiltProducts.url(of: "openai-simulator")
        process.arguments = ["--port", "0"] + arguments
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        defer { end(process) }
        let port = try port(from: output.fileHandleForReading)
        return try await body(
            SimulatorProcess(port: port, processID: process.processIdentifier)
        )
    }

    /// The simulator says one line when it is ready, so reading it is all the waiting there is.
    private static func port(from output: FileHandle) throws -> Int {
        var said = Data()
        while !said.contains(UInt8(ascii: "\n")) {
            let more = output.availableData
            if more.isEmpty { break }
            said += more
        }
        let line = String(decoding: said, as: UTF8.self)
        let afterHost = line.split(separator: ":").last ?? ""
        guard let port = Int(afterHost.prefix { $0.isNumber }), port > 0 else {
            throw DidNotStart(description: "openai-simulator said '\(line)'")
        }
        return port
    }

    private static func end(_ process: Process) {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }
}

/// Where the build put its binaries.
package enum BuiltProducts {
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// `STRATEGY_BIN_DIR`, or the folder of the test bundle, which lies beside the binaries.
    package static var folder: URL {
        if let named = ProcessInfo.processInfo.environment["STRATEGY_BIN_DIR"] {
            return URL(filePath: named, directoryHint: .isDirectory)
        }
        return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    }

    package static func url(of product: String) throws -> URL {
        let url = folder.appending(path: product)
        guard FileManager.default.isExecutableFile(atPath: url.path()) else {
            throw Missing(
                description: "\(url.path()) is not built; set STRATEGY_BIN_DIR, or build first"
            )
        }
        return url
    }
}
