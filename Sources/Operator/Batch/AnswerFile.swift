import ArgumentParser
import Contract
import Desk
import Glibc
import JSON

/// Where answers are written, a line each, as they come; and what an earlier run has written there.
final class AnswerFile: Sendable {
    private let fd: Int32
    private let path: String
    /// The answers that are there already.
    let known: [RequestID: BatchAnswer]

    private enum Limits {
        static let bytesMax = 4 * 1024 * 1024 * 1024
    }

    init(_ path: String) throws {
        self.path = path
        guard path != "-" else {
            (fd, known) = (dup(STDOUT_FILENO), [:])
            return
        }
        var endsWithinLine = false
        known = Self.answers(of: path, &endsWithinLine)
        fd = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard fd >= 0 else {
            complain("\(path) cannot be written")
            throw ExitCode.unwritable
        }
        // An earlier run may have been killed within a line: the next one begins behind it.
        if endsWithinLine { try put([10]) }
    }

    deinit { close(fd) }

    func append(_ answer: BatchAnswer, line: Int) throws {
        var bytes = JSONWriter.bytes(reserving: answer.payload.count + 256) { writer in
            writer.object { writer in
                writer.field("line", line)
                writer.field("request_id", answer.id.text)
                writer.field("event", answer.event)
                writer.field("attempt", answer.attempt)
                writer.field("at", answer.at)
                writer.key("payload")
                writer.raw(answer.payload)
            }
        }
        bytes.append(10)
        try put(bytes)
    }

    private func put(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe write(fd, raw.baseAddress?.advanced(by: sent), bytes.count - sent)
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                complain("\(path) cannot be written: \(unsafe String(cString: strerror(errno)))")
                throw ExitCode.unwritable
            }
            sent += count
        }
    }

    /// Lines that are no answers are not looked at: they are somebody's notes, or were cut.
    private static func answers(
        of path: String,
        _ endsWithinLine: inout Bool
    ) -> [RequestID: BatchAnswer] {
        guard let bytes = InputFile.read(path, bytesMax: Limits.bytesMax) else { return [:] }
        endsWithinLine = bytes.last.map { $0 != 10 } ?? false
        var parser = JSONParser()
        var known: [RequestID: BatchAnswer] = [:]
        for line in bytes.split(separator: 10) {
            guard let row = try? parser.parse(Array(line)).object(),
                let id = Report.text(row, "request_id").flatMap({ RequestID($0) }),
                let event = Report.text(row, "event"), let payload = row.optional("payload")
            else { continue }
            known[id] = BatchAnswer(
                id: id,
                event: event,
                attempt: Int((try? row.optional("attempt")?.int64()) ?? 1),
                at: (try? row.optional("at")?.int64()) ?? 0,
                payload: payload.bytes()
            )
        }
        return known
    }
}

/// How one request ended.
struct BatchAnswer: Sendable {
    let id: RequestID
    let event: String
    let attempt: Int
    let at: Int64
    /// JSON.
    let payload: [UInt8]
}

extension BatchAnswer {
    init(_ id: RequestID, _ event: ReplyEvent) {
        self.init(
            id: id,
            event: event.name,
            attempt: event.attempt,
            at: event.at,
            payload: event.payload
        )
    }
}
