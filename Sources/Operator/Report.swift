import ArgumentParser
import Contract
import Desk
import Glibc
import JSON

/// Prints answers: for people as a table and sentences, for programs as JSON.
enum Report {
    /// 0 is nil: nothing to throw.
    static func status(of event: ReplyEvent) -> ExitCode? {
        switch event.name {
        case "result", "batch_complete": nil
        case "rejected": .rejected
        default: .failed
        }
    }

    /// One event of a request that is being followed.
    static func show(_ event: ReplyEvent, _ json: Bool) {
        if json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.field("event", event.name)
            writer.field("request_id", event.requestID)
            writer.field("attempt", event.attempt)
            writer.field("at", event.at)
            writer.key("payload")
            writer.raw(event.payload)
            writer.endObject()
            print(String(decoding: writer.finish(), as: UTF8.self))
        } else if event.isTerminal {
            show(answer: event, false)
        } else {
            print("\(event.name)  \(String(decoding: event.payload, as: UTF8.self))")
        }
        fflush(nil)
    }

    static func show(answer event: ReplyEvent, _ json: Bool) {
        if json { return print(String(decoding: event.payload, as: UTF8.self)) }
        var parser = JSONParser()
        guard let payload = try? parser.parse(event.payload).object() else {
            return print(String(decoding: event.payload, as: UTF8.self))
        }
        let page =
            event.name == "result"
            ? ResultPage(payload, requestID: event.requestID).text
            : refusal(event.name, payload, event.requestID)
        print(page)
    }

    private static func refusal(_ name: String, _ payload: JSONObject, _ id: String) -> String {
        let code = text(payload, "code") ?? "?"
        var lines = ["\(Ink.red(name)): \(code): \(text(payload, "message") ?? "")"]
        if let field = text(payload, "field") { lines.append("  field      \(field)") }
        if let wait = try? payload.optional("retry_after_ms")?.int64() {
            lines.append("  try again  in \(wait) ms, with a new request id")
        }
        lines.append("  request    \(id)")
        return lines.joined(separator: "\n")
    }

    static func text(_ object: JSONObject, _ key: StaticString) -> String? {
        Inside.text(object, key)
    }
}

/// Rows whose columns stand below each other.
struct Table {
    let lines: [String]

    /// - Parameter toTheRight: Columns that are set flush right, as numbers are.
    init(_ rows: [[String]], toTheRight: Set<Int>) {
        let columns = rows.first?.indices ?? 0..<0
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        lines = rows.map { row in
            let cells = zip(row, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return toTheRight.contains(column) ? padding + cell.0 : cell.0 + padding
            }
            let line = "  " + cells.joined(separator: "  ")
            return line.replacing(/\ +$/, with: "")
        }
    }
}

/// Colours, on a terminal alone.
enum Ink {
    /// Whether standard output is a terminal.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    private static let isOn = unsafe isTerminal && getenv("NO_COLOR") == nil

    static func bold(_ text: String) -> String { painted(text, "1") }
    static func red(_ text: String) -> String { painted(text, "31") }
    static func green(_ text: String) -> String { painted(text, "32") }
    static func yellow(_ text: String) -> String { painted(text, "33") }

    private static func painted(_ text: String, _ code: String) -> String {
        isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
