import ArgumentParser
import Contract
import Desk
import JSON

/// The requests of a file, one a line, each with an id of its own that it keeps from run to run.
struct BatchFile: Sendable {
    let lines: [Line]
    let defects: [Defect]
    private let bytes: [UInt8]

    struct Line: Sendable {
        /// From 1.
        let number: Int
        let id: RequestID
        let partition: Int
        fileprivate let range: Range<Int>
    }

    /// A line that is no request.
    struct Defect: Sendable {
        let number: Int
        let field: String?
        let message: String

        var sentence: String {
            "line \(number): " + (field.map { "\($0): " } ?? "") + message
        }

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.field("line", number)
                writer.field("field", orNull: field)
                writer.field("message", message)
            }
        }
    }

    private enum Limits {
        /// Read whole, since its ids and its size are told with each of its requests.
        static let bytesMax = 256 * 1024 * 1024
        static let linesMax = 1_000_000
    }

    init(_ path: String, run: String, _ surroundings: Surroundings) throws {
        guard let bytes = InputFile.read(path, bytesMax: Limits.bytesMax) else {
            complain("\(path) cannot be read, or has more than \(Limits.bytesMax >> 20) MiB")
            throw ExitCode.noInput
        }
        self.bytes = bytes
        var reader = LineReader(run: run, partitions: surroundings.partitions)
        var (lines, defects): ([Line], [Defect]) = ([], [])
        for (number, range) in Self.ranges(of: bytes) {
            guard number <= Limits.linesMax else {
                complain("\(path) has more than \(Limits.linesMax) lines")
                throw ExitCode.noInput
            }
            do throws(Rejection) {
                let (id, partition) = try reader.read(Array(bytes[range]), number)
                lines.append(Line(number: number, id: id, partition: partition, range: range))
            } catch {
                let field = error.field == "payload" ? nil : error.field
                defects.append(Defect(number: number, field: field, message: error.message))
            }
        }
        (self.lines, self.defects) = (lines, defects)
        guard !lines.isEmpty || !defects.isEmpty else {
            complain("\(path) has no line")
            throw ExitCode.noInput
        }
    }

    func payload(of line: Line) -> [UInt8] { Array(bytes[line.range]) }

    /// Lines that say something, without their ends and a byte order mark.
    private static func ranges(of bytes: [UInt8]) -> [(Int, Range<Int>)] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var start = bytes.starts(with: mark) ? mark.count : 0
        var (number, found): (Int, [(Int, Range<Int>)]) = (0, [])
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            number += 1
            let isBlank = bytes[start..<end].allSatisfy { $0 == 0x20 || $0 == 9 || $0 == 13 }
            let last = end > start && bytes[end - 1] == 13 ? end - 1 : end
            if !isBlank { found.append((number, start..<last)) }
            start = end + 1
        }
        return found
    }
}

/// Reads one line after the other, as the service would, and remembers what ids it has seen.
private struct LineReader: ~Copyable {
    private let run: String
    private let partitions: Int
    private var parser = JSONParser()
    private var seen: [RequestID: Int] = [:]
    /// How often a line has come that says the same.
    private var repeated: [String: Int] = [:]

    init(run: String, partitions: Int) {
        self.run = run
        self.partitions = partitions
    }

    /// - Returns: Its id, and the partition of its user.
    mutating func read(_ line: [UInt8], _ number: Int) throws(Rejection) -> (RequestID, Int) {
        guard line.count <= ContractLimits.payloadBytesMax else {
            throw Rejection(
                .payloadTooLarge,
                "has \(line.count) bytes, at most \(ContractLimits.payloadBytesMax) are read"
            )
        }
        let document: JSONValue
        let given: JSONValue?
        do throws(JSONError) {
            document = try parser.parse(line)
            given = try document.object().optional("request_id")
        } catch {
            throw Rejection(error)
        }
        let request = try GenerateRequest(document)
        let id = try id(given, line)
        if let first = seen[id] { throw .invalid("request_id", "stands in line \(first) already") }
        seen[id] = number
        return (id, Partition.of(userID: request.userID, count: partitions))
    }

    private mutating func id(
        _ given: JSONValue?,
        _ line: [UInt8]
    ) throws(Rejection) -> RequestID {
        if let given {
            guard let id = (try? given.string()).flatMap({ RequestID($0) }) else {
                throw .invalid("/request_id", "expected 1–128 of A–Z a–z 0–9 _ - . :")
            }
            return id
        }
        let name = "\(run)-\(PayloadHash(of: line).text.prefix(20))"
        let count = repeated[name, default: 0] + 1
        repeated[name] = count
        guard let id = RequestID(count == 1 ? name : "\(name)-\(count)") else {
            throw .invalid("/request_id", "none can be made for it")
        }
        return id
    }
}
