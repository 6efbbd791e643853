import ArgumentParser
import Glibc

/// A file, or standard input, line by line.
struct InputLines: ~Copyable {
    /// A line without its end; no bytes when there were too many.
    struct Line {
        let bytes: [UInt8]?
    }

    private let fd: Int32
    private let bytesMax: Int
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var unread = 0..<0
    private var hasEnded = false

    init(_ path: String, bytesMax: Int) throws {
        fd = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        self.bytesMax = bytesMax
        guard fd >= 0 else {
            complain("\(path) cannot be read")
            throw ExitCode.noInput
        }
    }

    deinit { close(fd) }

    /// Whether the next line is here already, and need not be waited for.
    var hasNext: Bool { buffer[unread].contains(UInt8(ascii: "\n")) }

    /// The next line; nil at the end. The last one may lack its end.
    mutating func next() throws -> Line? {
        var line: [UInt8] = []
        var isTooLong = false
        var hasBegun = false
        while true {
            if unread.isEmpty { try fill() }
            guard !unread.isEmpty else {
                guard hasBegun else { return nil }
                break
            }
            hasBegun = true
            let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n"))
            let part = unread.lowerBound..<(end ?? unread.upperBound)
            isTooLong = isTooLong || line.count + part.count > bytesMax
            // What is too long is passed, not kept.
            if !isTooLong { line += buffer[part] }
            unread = end.map { $0 + 1..<unread.upperBound } ?? 0..<0
            if end != nil { break }
        }
        return Line(bytes: isTooLong ? nil : line)
    }

    private mutating func fill() throws {
        guard !hasEnded else { return }
        var count: Int
        repeat { count = unsafe read(fd, &buffer, buffer.count) } while count < 0 && errno == EINTR
        guard count >= 0 else {
            complain("the input cannot be read on")
            throw ExitCode.noInput
        }
        unread = 0..<count
        hasEnded = count == 0
    }
}

/// Standard output, or a file that is made or replaced.
enum OutputFile {
    static func write(_ bytes: [UInt8], to path: String? = nil) throws {
        let fd =
            if let path {
                unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            } else {
                dup(STDOUT_FILENO)
            }
        defer { close(fd) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(fd, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                complain("\(path ?? "standard output") cannot be written")
                throw ExitCode.unwritable
            }
            rest = rest.dropFirst(count)
        }
    }
}
