internal import FoundationEssentials
internal import Glibc
package import Logging

/// Writes log records as JSON, one a line, to standard error. Never what a request contains.
package struct JSONLines: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String

    package init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var members: [JSONValue.Member] = [
            .init("time", .string(Date.now.ISO8601Format())),
            .init("level", .string(event.level.rawValue)),
            .init("logger", .string(label)),
            .init("message", .string("\(event.message)")),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for key in all.keys.sorted() {
            members.append(.init(key, .string(all[key].map { "\($0)" } ?? "")))
        }
        let line = JSONValue.object(members).text + "\n"
        // One write a line, so that lines of different threads do not mix.
        _ = unsafe Array(line.utf8).withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }
}
