import Foundation

/// The project's own text, as it stands in the working copy.
enum Project {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All Swift files below a folder, `.build` and its like left out.
    static func swiftFiles(below folder: String) -> [SourceFile] {
        files(below: folder) { $0.hasSuffix(".swift") }
    }

    static func files(below folder: String, _ wanted: (String) -> Bool) -> [SourceFile] {
        let base = root.appending(path: folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String }
        return (names ?? []).filter { !$0.contains(".build/") && wanted($0) }.sorted()
            .compactMap { SourceFile(path: "\(folder)/\($0)") }
    }

    /// The targets under `Sources`, by their folders.
    static var targets: [String] {
        let base = root.appending(path: "Sources").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appending(path: path), encoding: .utf8)) ?? ""
    }
}

struct SourceFile: Sendable {
    let path: String
    let lines: [String]
    /// The lines without comments and without what stands in string literals.
    let code: [String]

    init?(path: String) {
        let url = Project.root.appending(path: path)
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = Self.stripped(lines)
    }

    /// `Sources/<target>/…`
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// What modules the file imports.
    var imports: Set<String> {
        Set(
            code.compactMap { line in
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place < 3 else { return nil }
                return words.dropFirst(place + 1).last.map(String.init)
            }
        )
    }

    /// Lines of code that match, as `path:line: text`.
    func places(of pattern: some RegexComponent) -> [String] {
        code.enumerated().filter { $0.element.contains(pattern) }
            .map { "\(path):\($0.offset + 1): \(lines[$0.offset])" }
    }

    private static func stripped(_ lines: [String]) -> [String] {
        var isInText = false
        return lines.map { line in
            // A literal of several lines begins and ends with three quotes at a line's end or start.
            let fences = line.components(separatedBy: "\"\"\"").count - 1
            defer { if fences % 2 == 1 { isInText.toggle() } }
            if isInText { return "" }
            var code = ""
            var isInString = false
            var previous: Character = " "
            for character in line {
                if character == "\"", previous != "\\" { isInString.toggle() }
                if !isInString, previous == "/", character == "/" {
                    code.removeLast()
                    break
                }
                if !isInString { code.append(character) }
                previous = character
            }
            return code
        }
    }
}
