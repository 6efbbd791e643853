import Foundation
import Testing

/// Runs a Python script of `Oracle/` on lines that the engine wrote; the script is the judge.
///
/// The scripts' packages live in a virtual environment of their own, made once per user and
/// machine under the temporary directory. Without Python or the packages the tests fail: an
/// oracle that may be absent proves nothing.
enum Oracle {
    static func judge(
        _ script: String,
        packages: [String],
        lines: [String],
        arguments: [String] = []
    ) throws {
        let python = try interpreter(with: packages)
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
        let (status, output) = try run(python, [path.path, file.path] + arguments)
        print("\(script): \(output)")
        #expect(status == 0, "\(script) disagrees, see above")
    }

    private static func interpreter(with packages: [String]) throws -> String {
        let home = FileManager.default.temporaryDirectory
            .appendingPathComponent("gpt4-strategy-oracle-\(getuid())")
        // Several tests, or several checkouts, may come here at once.
        let script = """
            set -e
            exec 9>"$1.lock"; flock 9
            [ -x "$1/bin/python" ] || python3 -m venv "$1"
            shift_home="$1"; shift
            for package in "$@"; do
                [ -e "$shift_home/$package.installed" ] && continue
                "$shift_home/bin/pip" -q --disable-pip-version-check install "$package"
                touch "$shift_home/$package.installed"
            done
            """
        let (status, output) = try run(
            "/bin/bash",
            ["-c", script, "oracle", home.path] + packages
        )
        try #require(status == 0, "no Python with \(packages): \(output)")
        return home.appendingPathComponent("bin/python").path
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> (Int32, String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
