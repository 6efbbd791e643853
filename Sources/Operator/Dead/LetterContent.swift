import Contract
import JSON
import Redis

/// A dead letter, whole.
struct LetterContent: Sendable {
    let place: LetterPlace
    /// What the service says of it, in order.
    let about: [(name: String, value: String)]
    /// The entry's own fields, in order.
    let entry: [(name: [UInt8], value: [UInt8])]

    private static let prefix = Array("entry.".utf8)

    /// Nil when there is none.
    static func read(
        _ place: LetterPlace,
        in service: ServiceView
    ) async throws(RedisError) -> LetterContent? {
        let key = service.keys(in: place.partition).dead
        let id = RedisCommand.Argument.text("\(place.id)")
        let answer = try await service.redis.send(RedisCommand("XRANGE", .text(key), id, id))
        guard let found = answer.array?.first?.entry, let pairs = found.fields.pairs else {
            return nil
        }
        var about: [(String, String)] = []
        var entry: [([UInt8], [UInt8])] = []
        for (name, value) in pairs {
            let bytes = value.bytes ?? []
            if name.starts(with: prefix) {
                entry.append((Array(name.dropFirst(prefix.count)), bytes))
            } else {
                about.append(
                    (String(decoding: name, as: UTF8.self), String(decoding: bytes, as: UTF8.self))
                )
            }
        }
        return LetterContent(place: place, about: about, entry: entry)
    }

    func about(_ name: String) -> String? { about.first { $0.name == name }?.value }

    /// The first field of that name.
    func field(_ name: String) -> [UInt8]? { entry.first { $0.name == Array(name.utf8) }?.value }

    func print(_ json: Bool, payload showsPayload: Bool) {
        if json { return printJSON { write(to: &$0, payload: showsPayload) } }
        var rows = about.map { [$0.name, $0.name == "at" ? Self.time($0.value) : $0.value] }
        for (name, value) in entry {
            let label = Letter.shortened(String(decoding: name, as: UTF8.self))
            let isHidden = name.elementsEqual("payload".utf8) && !showsPayload
            let text =
                isHidden
                ? Figures.count(value.count, "byte", "bytes") + "; --payload prints them"
                : Self.printable(value)
            rows.append(["entry.\(label)", text])
        }
        Swift.print(Ink.bold(place.text))
        for line in Table(rows, toTheRight: []).lines { Swift.print(line) }
    }

    private static func time(_ text: String) -> String { Int64(text).map(Figures.time) ?? text }

    /// Nothing that could move a terminal's cursor.
    private static func printable(_ bytes: [UInt8]) -> String {
        String(
            String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
                $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0)
            }
        )
    }

    private func write(to writer: inout JSONWriter, payload showsPayload: Bool) {
        writer.object { writer in
            writer.field("id", place.text)
            for (name, value) in about {
                writer.key(escaping: name)
                writer.value(value)
            }
            writer.key("entry")
            writer.object { writer in
                for (name, value) in entry {
                    writer.key(escaping: String(decoding: name, as: UTF8.self))
                    if name.elementsEqual("payload".utf8), !showsPayload {
                        writer.object { $0.field("bytes", value.count) }
                    } else {
                        writer.value(String(decoding: value, as: UTF8.self))
                    }
                }
            }
        }
    }
}
