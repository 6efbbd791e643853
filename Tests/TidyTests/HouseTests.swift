import Foundation
import Testing

/// The form of the house: what stands where, and how long it is.
struct HouseTests {
    @Test func `every target says what belongs in it, and what does not`() {
        for target in Project.targets {
            let files = Project.files(below: "Sources/\(target)") { name in
                [".swift", ".h"].contains { name.hasSuffix($0) }
            }
            let named = files.first { $0.lines.first?.hasPrefix("// \(target): ") == true }
            let first = files.first {
                $0.path.hasSuffix("/\(target).swift") || $0.path.hasSuffix("/Main.swift")
            }
            let head = (named ?? first)?.lines.prefix { $0.hasPrefix("//") } ?? []
            #expect(head.count >= 2, "\(target)")
            let says = head.joined(separator: " ").lowercased()
            #expect(says.contains(/\b(not|no|nothing)\b/), "\(target)")
        }
    }

    @Test func `no file is longer than 450 lines`() {
        for folder in ["Sources", "Tests"] {
            for file in Project.swiftFiles(below: folder) {
                #expect(file.lines.count <= 451, "\(file.path): \(file.lines.count)")
            }
        }
    }

    @Test func `no function is longer than 70 lines`() {
        var seen = 0
        for folder in ["Sources", "Tests"] {
            for file in Project.swiftFiles(below: folder) {
                for (line, length) in Self.functions(file) {
                    seen += 1
                    #expect(length <= 70, "\(file.path):\(line): \(length) lines")
                }
            }
        }
        #expect(seen > 500)
    }

    /// Where each function begins, counted from 1, and how many lines it has. The code is formatted,
    /// so a function ends with the brace that stands under its first letter.
    private static func functions(_ file: SourceFile) -> [(line: Int, length: Int)] {
        let beginning =
            /^(\s*)(?:@\S+ |[a-z]+(?:\(set\))? )*(?:func |init[?(<]|deinit\b|subscript\b)/
        return file.code.enumerated().compactMap { index, line in
            guard let match = line.firstMatch(of: beginning) else { return nil }
            let indent = String(match.1)
            if line.contains("{"), line.hasSuffix("}") { return (index + 1, 1) }
            for (offset, later) in file.code[(index + 1)...].enumerated() {
                if later == indent + "}" { return (index + 1, offset + 2) }
                // A requirement of a protocol, or a function of one line.
                let isOutside = !later.isEmpty && !later.hasPrefix(indent)
                let isNext = later.hasPrefix(indent) && later.dropFirst(indent.count).first == "}"
                if isOutside || isNext { return nil }
                if later.firstMatch(of: beginning).map({ String($0.1) == indent }) == true {
                    return nil
                }
            }
            return nil
        }
    }

    @Test func `everything is packaged, nothing published, and no test looks under the covers`() {
        for file in Project.swiftFiles(below: "Sources") {
            #expect(
                file.places(
                    of:
                        /^\s*(public|open) (class|struct|enum|actor|protocol|func|var|let|init|typealias)\b/
                ).isEmpty
            )
        }
        for folder in ["Sources", "Tests"] {
            for file in Project.swiftFiles(below: folder) {
                #expect(file.places(of: /^\s*@testable import/).isEmpty)
            }
        }
    }

    @Test func `nothing is left for later`() {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK"]
        for folder in ["Sources", "Tests"] {
            for file in Project.swiftFiles(below: folder) {
                for word in words {
                    let found = file.lines.filter { $0.contains(word) }
                    #expect(found.isEmpty, "\(file.path)")
                }
            }
        }
    }

    @Test func `the top level holds what one expects there`() throws {
        let allowed: Set<String> = [
            ".ci", ".gitignore", ".swift-format", "LICENSE", "Makefile", "Package.resolved",
            "Package.swift", "README.md", "Sources", "Tests", "deploy", "migrations", "streams.md",
        ]
        let (status, output) = try run(["git", "-C", Project.root.path, "ls-files"])
        // Without git there is only what was unpacked, and nothing to hold against it.
        guard status == 0 else { return }
        let top = Set(output.split(separator: "\n").compactMap { $0.split(separator: "/").first })
        #expect(top.subtracting(allowed.map { $0[...] }).isEmpty)
    }

    @Test func `the features that the manifest turns on are the compiler's`() throws {
        let manifest = Project.text("Package.swift")
        let wanted = manifest.matches(of: /enableUpcomingFeature\("(\w+)"\)/).map { String($0.1) }
        #expect(wanted.count >= 6)
        let (status, output) = try run(["swiftc", "-print-supported-features"])
        try #require(status == 0, "\(output)")
        let read = try JSONSerialization.jsonObject(with: Data(output.utf8))
        let features = ((read as? [String: Any])?["features"] as? [String: Any])?["upcoming"]
        let known = (features as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        #expect(Set(wanted).isSubset(of: known), "\(Set(wanted).subtracting(known))")
        #expect(manifest.contains(".strictMemorySafety()"))
        #expect(manifest.contains(".swiftLanguageMode(.v6)"))
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}
