import Foundation
import TestSupport

/// A program that is run to its end.
enum Program {
    /// - Parameters:
    ///   - arguments: A path, or a name on `PATH`, and what follows it.
    ///   - environment: All that it sees; nil is what we see.
    /// - Returns: Its exit status, and all that it printed.
    static func run(
        _ arguments: [String],
        input: String = "",
        environment: [String: String]? = nil,
        folder: URL? = nil
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        // One that should have ended by itself and did not must not hold the test up for ever.
        process.arguments = ["timeout", "--kill-after=1", "20"] + arguments
        if let environment { process.environment = environment }
        if let folder { process.currentDirectoryURL = folder }
        let (said, told) = (Pipe(), Pipe())
        process.standardOutput = said
        process.standardError = said
        process.standardInput = told
        try process.run()
        try told.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try told.fileHandleForWriting.close()
        let output = said.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
