package import Contract
import Gateways
package import JSON
package import Redis

/// Where a dead letter is.
package struct LetterPlace: Sendable {
    package let partition: Int
    package let id: EntryID
    /// As it is printed and taken.
    package let text: String

    package init(partition: Int, id: EntryID, of partitions: Int) {
        self.partition = partition
        self.id = id
        text = partitions == 1 ? "\(id)" : "\(partition)/\(id)"
    }

    /// `ID`, or `PARTITION/ID` where there are several; nil for all else.
    package init?(_ text: String, of partitions: Int) {
        let halves = text.split(separator: "/", maxSplits: 1)
        let isPlain = halves.count == 1 && partitions == 1
        guard let partition = isPlain ? 0 : halves.first.flatMap({ Int($0) }),
            (0..<partitions).contains(partition),
            let id = halves.last.flatMap({ EntryID($0.utf8) }), isPlain || halves.count == 2
        else { return nil }
        self.init(partition: partition, id: id, of: partitions)
    }
}

/// What a list says of a dead letter.
package struct Letter: Sendable {
    package let place: LetterPlace
    package let reason: String
    package let queue: String
    package let requestID: String?
    package let attempts: String?
    package let at: Int64
    package let byteCount: Int

    private static let names = ["reason", "queue", "entry.request_id", "attempts", "at"]

    /// - Returns: The newest of each partition, the newest first, and how many there are in all.
    package static func newest(
        _ count: Int,
        because words: String?,
        in service: StreamsView
    ) async throws(RedisError) -> (letters: [Letter], total: Int) {
        var (letters, total): ([Letter], Int) = ([], 0)
        for partition in 0..<service.partitions {
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
                .map { Letter($0, partition, service.partitions) }
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

    /// Names of strangers may hold anything.
    package static func shortened(_ text: String) -> String {
        let printable = text.prefix(48).map { $0.isASCII && !$0.isWhitespace ? $0 : "?" }
        return String(printable) + (text.count > 48 ? "…" : "")
    }

    package func write(to writer: inout JSONWriter) {
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
