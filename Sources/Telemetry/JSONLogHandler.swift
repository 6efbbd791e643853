package import Logging

/// Writes one line an event: a JSON object, or the same facts for a person's eye.
///
/// ```
/// {"ts":"2026-11-24T01:31:07.042Z","level":"info","logger":"worker","message":"request finished",
///  "request_id":"r-1","trace_id":"0af7…","outcome":"result"}
/// ```
/// The message is a constant sentence, the facts are fields beside it. `request_id` and `trace_id`
/// come first, the rest in the order of their names. Metadata of the event wins over the
/// provider's, and that over the logger's own.
package struct JSONLogHandler: LogHandler {
    package enum Limits {
        /// One string, key or value, in bytes of UTF-8; what is longer ends in `…`.
        package static let stringBytesMax = 2_048
        /// One line. A field that would go past it is left out and `"truncated":true` says so:
        /// what a log holds must not depend on what a stranger sends.
        package static let lineBytesMax = 16_384
        /// Dictionaries and arrays within each other.
        package static let depthMax = 8
    }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let sink: LogSink
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - level: The lowest level written.
    ///   - now: The wall clock; asked once an event.
    package init(
        label: String,
        level: Logger.Level = .info,
        format: LogFormat = .json,
        sink: LogSink = .standardError,
        metadataProvider: Logger.MetadataProvider? = nil,
        now: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.label = label
        logLevel = level
        self.format = format
        self.sink = sink
        self.metadataProvider = metadataProvider
        self.now = now
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let fields = fields(of: event)
        switch format {
        case .json: sink.write(json(event, fields), isUrgent: event.level >= .warning)
        case .text: sink.write(text(event, fields), isUrgent: event.level >= .warning)
        }
    }

    /// A field's place among the others, and where it stands.
    private typealias Field = (rank: Int, key: String, at: Logger.Metadata.Index)

    /// All metadata in force.
    private func fields(of event: LogEvent) -> Logger.Metadata {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
        if let given = event.metadata {
            if merged.isEmpty { merged = given } else { merged.merge(given) { $1 } }
        }
        if let error = event.error {
            merged["error.message"] = .string("\(error)")
            merged["error.type"] = .string(String(reflecting: type(of: error)))
        }
        return merged
    }

    /// In the order they are written: the request's and the trace's first, the rest by name. There
    /// are few, and each is moved to its place as it comes.
    private static func inOrder(_ metadata: Logger.Metadata) -> [Field] {
        var fields: [Field] = []
        fields.reserveCapacity(metadata.count)
        for at in metadata.indices {
            let key = metadata.keys[at]
            let rank = rank(key)
            var place = fields.count
            fields.append((rank, key, at))
            while place > 0, (rank, key) < (fields[place - 1].rank, fields[place - 1].key) {
                fields.swapAt(place, place - 1)
                place -= 1
            }
        }
        return fields
    }

    private static func rank(_ key: String) -> Int {
        switch key {
        case "request_id": 0
        case "trace_id": 1
        default: 2
        }
    }

    private func json(
        _ event: LogEvent,
        _ fields: Logger.Metadata
    ) -> [UInt8] {
        var line = JSONText()
        line.raw("{\"ts\":\"")
        line.timestamp(now())
        line.raw("\",\"level\":")
        line.string(event.level.rawValue)
        line.raw(",\"logger\":")
        line.string(label, limit: Limits.stringBytesMax)
        line.raw(",\"message\":")
        line.string(event.message.description, limit: Limits.stringBytesMax)
        var truncated = false
        for (_, key, at) in Self.inOrder(fields) {
            let mark = line.count
            line.raw(",")
            line.string(Self.fieldName(key), limit: Limits.stringBytesMax)
            line.raw(":")
            Self.write(fields[at].value, of: key, depth: 0, to: &line)
            if line.count > Limits.lineBytesMax {
                line.cut(to: mark)
                truncated = true
            }
        }
        line.raw(truncated ? ",\"truncated\":true}" : "}")
        line.newline()
        return line.bytes
    }

    /// A key of ours stays ours: an object must not say `level` twice.
    private static func fieldName(_ key: String) -> String {
        switch key {
        case "ts", "level", "logger", "message", "truncated": "metadata.\(key)"
        default: key
        }
    }

    private static func write(
        _ value: Logger.Metadata.Value,
        of key: String,
        depth: Int,
        to line: inout JSONText
    ) {
        guard !Redaction.covers(key) else { return line.string(Redaction.mark) }
        switch value {
        case .string(let text):
            line.string(text, limit: Limits.stringBytesMax)
        case .stringConvertible(let convertible):
            line.string(convertible.description, limit: Limits.stringBytesMax)
        case .dictionary where depth == Limits.depthMax, .array where depth == Limits.depthMax:
            line.string("[too deep]")
        case .dictionary(let entries):
            line.raw("{")
            for (index, entry) in entries.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.raw(",") }
                line.string(entry.key, limit: Limits.stringBytesMax)
                line.raw(":")
                write(entry.value, of: entry.key, depth: depth + 1, to: &line)
            }
            line.raw("}")
        case .array(let elements):
            line.raw("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { line.raw(",") }
                write(element, of: "", depth: depth + 1, to: &line)
            }
            line.raw("]")
        }
    }

    /// `2026-11-24T01:31:07.042Z warning worker: sentence key="value"`, with the escapes of JSON,
    /// so that no value can begin a line of its own.
    private func text(
        _ event: LogEvent,
        _ fields: Logger.Metadata
    ) -> [UInt8] {
        var line = JSONText()
        line.timestamp(now())
        line.raw(text: " \(event.level.rawValue) \(Self.plain(label)): ")
        line.raw(text: Self.plain(event.message.description))
        var truncated = false
        for (_, key, at) in Self.inOrder(fields) {
            let mark = line.count
            line.raw(text: " \(Self.plain(key))=")
            Self.write(fields[at].value, of: key, depth: 0, to: &line)
            if line.count > Limits.lineBytesMax {
                line.cut(to: mark)
                truncated = true
            }
        }
        if truncated { line.raw(" (truncated)") }
        line.newline()
        return line.bytes
    }

    /// Control characters escaped, without the quotes around.
    private static func plain(_ text: String) -> String {
        var json = JSONText()
        json.string(text, limit: Limits.stringBytesMax)
        return String(decoding: json.bytes.dropFirst().dropLast(), as: UTF8.self)
    }
}

/// How a log line looks. The raw values are those of `LOG_FORMAT`.
package enum LogFormat: String, CaseIterable, Sendable {
    case json
    case text
}
