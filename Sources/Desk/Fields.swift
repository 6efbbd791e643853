package import Redis

/// Names and values, of a hash or of a stream's entry.
package struct Fields: Sendable {
    private let values: [String: [UInt8]]

    /// Empty for all that does not list names and values in turn.
    package init(_ value: RedisValue) {
        values = (value.pairs ?? []).reduce(into: [:]) { all, pair in
            // A script's and XINFO's numbers are no text.
            let number = pair.value.int.map { Array("\($0)".utf8) }
            all[String(decoding: pair.key, as: UTF8.self)] = pair.value.bytes ?? number ?? []
        }
    }

    package var isEmpty: Bool { values.isEmpty }

    package func bytes(_ name: String) -> [UInt8]? { values[name] }

    package subscript(_ name: String) -> String? {
        values[name].map { String(decoding: $0, as: UTF8.self) }
    }

    package func int(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
}

extension RedisValue {
    /// An entry's ID and fields, as `XRANGE` answers it.
    package var entry: (id: String, fields: RedisValue)? {
        guard let parts = array, parts.count == 2, let id = parts[0].text else { return nil }
        return (id, parts[1])
    }
}
