import Foundation
import TestSupport
import Testing

/// Runs a Python script of `Oracle/` on lines that the engine wrote; the script is the judge.
enum Oracle {
    static func judge(
        _ script: String,
        packages: [String],
        lines: [String],
        arguments: [String] = []
    ) throws {
        let python = try Python.interpreter(with: packages)
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("oracle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("cases.txt")
        try (lines.joined(separator: "\n") + "\n").write(
            to: file,
            atomically: true,
            encoding: .utf8
        )
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Oracle/\(script)")
        let (status, output) = try Python.run(python, [path.path, file.path] + arguments)
        print("\(script): \(output)")
        #expect(status == 0, "\(script) disagrees, see above")
    }
}
