import Foundation
import Telemetry
import Testing

/// `promtool check metrics`, which reads text 0.0.4 and lints it. Debian's package `prometheus`.
enum Promtool {
    struct Verdict {
        let exitCode: Int32
        let output: String
    }

    static func check(_ page: [UInt8]) throws -> Verdict {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("metrics-\(UUID().uuidString)")
        try Data(page).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["promtool", "check", "metrics"]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Verdict(
            exitCode: process.terminationStatus,
            output: String(decoding: said, as: UTF8.self)
        )
    }
}

extension PrometheusRegistry {
    func text(_ format: ExpositionFormat) -> String {
        String(decoding: expose(format: format), as: UTF8.self)
    }
}
