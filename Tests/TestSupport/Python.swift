import Foundation
import Glibc

/// Python with packages that judge what we compute.
///
/// They live in a virtual environment of their own, made once per user and machine under the
/// temporary directory. Without Python or the packages the tests fail: an oracle that may be
/// absent proves nothing.
package enum Python {
    package struct Missing: Error {
        let packages: [String]
        let output: String
    }

    package static func interpreter(with packages: [String]) throws -> String {
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
        guard status == 0 else { throw Missing(packages: packages, output: output) }
        return home.appendingPathComponent("bin/python").path
    }

    package static func run(_ program: String, _ arguments: [String]) throws -> (Int32, String) {
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
