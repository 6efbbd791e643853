import ArgumentParser
import Contract
import Gateways
import JSON
import Redis

/// Where a dead letter is.
struct LetterPlace: Sendable {
    let partition: Int
    let id: EntryID
    /// As it is printed and taken.
    let text: String

    init(partition: Int, id: EntryID, of partitions: Int) {
        self.partition = partition
        self.id = id
        text = partitions == 1 ? "\(id)" : "\(partition)/\(id)"
    }

    /// `ID`, or `PARTITION/ID` where there are several.
    init(_ text: String, in surroundings: Surroundings) throws {
        let halves = text.split(separator: "/", maxSplits: 1)
        let isPlain = halves.count == 1 && surroundings.partitions == 1
        guard let partition = isPlain ? 0 : halves.first.flatMap({ Int($0) }),
            (0..<surroundings.partitions).contains(partition),
            let id = halves.last.flatMap({ EntryID($0.utf8) }), isPlain || halves.count == 2
        else {
            complain(
                surroundings.partitions == 1
                    ? "\(text) is no letter's id: expected MILLISECONDS-NUMBER, as `dead list` prints it"
                    : "\(text) is no letter's id: expected PARTITION/MILLISECONDS-NUMBER"
            )
            throw ExitCode.usage
        }
        self.init(partition: partition, id: id, of: surroundings.partitions)
    }
}

/// What a list says of a dead letter.
struct Letter: Sendable {
    let place: LetterPlace
    let reason: String
    let queue: String
    let requestID: String?
    let attempts: String?
    let at: Int64
    let byteCount: Int

    private static let names = ["reason", "queue", "entry.request_id", "attempts", "at"]

    /// - Returns: The newest of each partition, the newest first, and how many there are in all.
    static func newest(
        _ count: Int,
        because words: String?,
        in service: ServiceView
    ) async throws -> (letters: [Letter], total: Int) {
        var (letters, total): ([Letter], Int) = ([], 0)
        for partition in 0..<service.surroundings.partitions {
            let key = service.keys(in: partition).dead
            total += try await service.redis.send(RedisCommand("XLEN", .text(key))).int ?? 0
            let search = StreamSearch(
                of: key,
                newestFirst: true,
                fields: names,
                by: service.redis
            )
            let found = try await search.entries(foundMax: words == nil ? count : .max)
            letters += found.entries
                .filter { words == nil || $0.fields["reason"]?.contains(words ?? "") == true }
                .prefix(count)
                .map { Letter($0, partition, service.surroundings.partitions) }
        }
        return (letters.sorted { $0.at > $1.at }, total)
    }

    private init(_ entry: StreamSearch.Entry, _ partition: Int, _ partitions: Int) {
        place = LetterPlace(partition: partition, id: entry.id, of: partitions)
        reason = entry.fields["reason"] ?? "?"
        queue = entry.fields["queue"] ?? "?"
        requestID = entry.fields["entry.request_id"]
        attempts = entry.fields["attempts"]
        at = entry.fields["at"].flatMap { Int64($0) } ?? Int64(clamping: entry.id.milliseconds)
        byteCount = entry.byteCount
    }

    static func page(_ letters: [Letter], of total: Int) -> String {
        guard !letters.isEmpty else {
            return total == 0
                ? "No dead letters: every entry named a request, and was finished or answered."
                : "None of the \(Figures.count(total, "dead letter", "dead letters")) has these words."
        }
        let rows = letters.map { letter in
            [
                letter.place.text, Figures.time(letter.at), letter.queue,
                Letter.shortened(letter.requestID ?? "(none)"), letter.attempts ?? "",
                "\(letter.byteCount)", letter.reason,
            ]
        }
        let head = ["id", "when", "stream", "request", "attempts", "bytes", "reason"]
        let more =
            letters.count < total ? "\n\n  \(letters.count) of \(total); --limit shows more" : ""
        return Table([head] + rows, toTheRight: [4, 5]).lines.joined(separator: "\n") + more
    }

    /// Names of strangers may hold anything.
    static func shortened(_ text: String) -> String {
        let printable = text.prefix(48).map { $0.isASCII && !$0.isWhitespace ? $0 : "?" }
        return String(printable) + (text.count > 48 ? "…" : "")
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", place.text)
            writer.field("at", at)
            writer.field("reason", reason)
            writer.field("stream", queue)
            writer.field("request_id", orNull: requestID)
            writer.field("attempts", orNull: attempts.flatMap { Int64($0) })
            writer.field("bytes", byteCount)
        }
    }
}
