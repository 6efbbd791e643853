import Redis

/// Names and values, of a hash or of a stream's entry.
struct Fields: Sendable {
    private let values: [String: [UInt8]]

    /// Empty for all that does not list names and values in turn.
    init(_ value: RedisValue) {
        values = (value.pairs ?? []).reduce(into: [:]) { all, pair in
            all[String(decoding: pair.key, as: UTF8.self)] = pair.value.bytes ?? []
        }
    }

    var isEmpty: Bool { values.isEmpty }

    func bytes(_ name: String) -> [UInt8]? { values[name] }

    subscript(_ name: String) -> String? {
        values[name].map { String(decoding: $0, as: UTF8.self) }
    }

    func int(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
}

extension RedisValue {
    /// An entry's ID and fields, as `XRANGE` answers it.
    var entry: (id: String, fields: RedisValue)? {
        guard let parts = array, parts.count == 2, let id = parts[0].text else { return nil }
        return (id, parts[1])
    }
}
