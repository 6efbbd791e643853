internal import Glibc

/// Where finished lines go.
package struct LogSink: Sendable {
    private let take: @Sendable (_ line: [UInt8], _ isUrgent: Bool) -> Void

    /// - Parameter take: Takes one whole line with its line end. Called on whatever thread logs,
    ///   several at once. An urgent line is out when it returns; others may follow a little later.
    package init(_ take: @escaping @Sendable (_ line: [UInt8], _ isUrgent: Bool) -> Void) {
        self.take = take
    }

    /// - Parameter write: As `take`, where every line is urgent.
    package init(_ write: @escaping @Sendable (_ line: [UInt8]) -> Void) {
        take = { line, _ in write(line) }
    }

    package func write(_ line: [UInt8], isUrgent: Bool) { take(line, isUrgent) }

    package static let standardError = descriptor(STDERR_FILENO)

    /// Writes to a descriptor, which stays the caller's, with one `write(2)` a line: lines of
    /// several threads stay whole up to `PIPE_BUF` (4,096 bytes) on a pipe, at any length on a file
    /// opened to append.
    ///
    /// A full pipe blocks the thread that logs. Where the descriptor does not block, or its reader
    /// is gone, the line is lost: a log must not stop the work. (The program ignores `SIGPIPE`, or
    /// the reader's end would be its own.)
    package static func descriptor(_ fd: Int32) -> LogSink {
        LogSink { line in
            var written = 0
            while written < line.count {
                let count = unsafe line.withUnsafeBytes { bytes in
                    // SAFETY: `written` is below `line.count`, so base and length stay inside.
                    unsafe Glibc.write(
                        fd,
                        bytes.baseAddress.map { unsafe $0 + written },
                        line.count - written
                    )
                }
                if count >= 0 {
                    // A short count is a signal or a full disk; the rest is tried once more.
                    if count == 0 { return }
                    written += count
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
