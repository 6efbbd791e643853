import Foundation
import Glibc
import TestSupport

/// What is said to Redis, as `MONITOR` tells it, made into the file that the C program reads
/// (`Yardstick/steps.c` has its form).
struct Monitor {
    private let stand: Stand
    private let log: URL
    private let process: ChildProcess

    init(on stand: Stand) async throws {
        self.stand = stand
        let log = stand.folder.url.appending(path: "monitor.log")
        self.log = log
        process = try ChildProcess(
            ["redis-cli", "-p", "\(stand.redis.port)", "monitor"],
            log: log
        )
        stand.adopt(process)
        try await stand.eventually("Redis is listened to") {
            Self.text(of: log).hasPrefix("OK") ? () : nil
        }
    }

    /// The scripts that a worker ran for one request and its user, in their order.
    func steps(of request: String, user: String, prefix: String) async throws -> [UInt8] {
        // What settles is the last, and is said after the answer can be read.
        let commands = try await stand.eventually("the request is settled") {
            let commands = Self.text(of: log).split(separator: "\n")
                .compactMap { Self.command($0) }
                .filter { $0.first == "EVALSHA" && $0.contains { $0.contains(request) } }
            return commands.last.map { $0.contains { $0.hasPrefix("\(prefix):{global}") } } == true
                && commands.contains { $0.contains("result") } ? commands : nil
        }
        try await stand.end(process, within: .zero)
        guard let entry = commands[0].first(where: { $0.wholeMatch(of: /\d{13}-\d+/) != nil })
        else {
            throw Stand.Failure("the first script of a request names no entry")
        }
        let called = commands.firstIndex { $0.contains("result") } ?? commands.count
        var steps = ""
        for (index, command) in commands.enumerated() {
            steps += "\(index < called ? "before" : "after") \(command.count)\n"
            for argument in command {
                let filled = argument.replacing("\(prefix):{", with: "\u{1}P:{")
                    .replacing(request, with: "\u{1}R").replacing(user, with: "\u{1}U")
                    .replacing(entry, with: "\u{1}E")
                steps += "\(filled.utf8.count)\n\(filled)\n"
            }
        }
        return Array(steps.utf8)
    }

    private static func text(of log: URL) -> String {
        (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    }

    /// The words of a line, `1700000000.000000 [0 127.0.0.1:1234] "SET" "a" "b"`; nil for those that
    /// a script ran itself.
    private static func command(_ line: Substring) -> [String]? {
        guard let start = line.firstIndex(of: "\""), !line[..<start].contains("lua]") else {
            return nil
        }
        var words: [String] = []
        var word = ""
        var (isInside, isEscaped) = (false, false)
        for character in line[start...] {
            if isEscaped {
                word.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                if isInside { words.append(word) }
                (word, isInside) = ("", !isInside)
            } else if isInside {
                word.append(character)
            }
        }
        return words
    }
}
