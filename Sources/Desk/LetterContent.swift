import Contract
package import JSON
package import Redis

/// A dead letter, whole.
package struct LetterContent: Sendable {
    package let place: LetterPlace
    /// What the service says of it, in order.
    package let about: [(name: String, value: String)]
    /// The entry's own fields, in order.
    package let entry: [(name: [UInt8], value: [UInt8])]

    private static let prefix = Array("entry.".utf8)

    /// Nil when there is none.
    package static func read(
        _ place: LetterPlace,
        in service: StreamsView
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

    package func about(_ name: String) -> String? { about.first { $0.name == name }?.value }

    /// The first field of that name.
    package func field(_ name: String) -> [UInt8]? {
        entry.first { $0.name == Array(name.utf8) }?.value
    }

    package func write(to writer: inout JSONWriter, payload showsPayload: Bool) {
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
