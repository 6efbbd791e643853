package import Contract
package import Redis

/// Looks through a stream for entries, and brings some of their fields: no payload crosses the wire.
package struct StreamSearch: Sendable {
    private let connection: RedisConnection
    private let key: String
    private let isNewestFirst: Bool
    private let names: [String]

    package enum Limits {
        /// Entries that one call of the script looks at.
        package static let pageMax = 100
        /// Entries looked at in one search: a second or two of Redis, in steps of a page.
        package static let lookedAtMax = 100_000
    }

    /// - Parameter names: The fields that are wanted.
    package init(
        of key: String,
        newestFirst: Bool,
        fields names: [String],
        by connection: RedisConnection
    ) {
        self.connection = connection
        self.key = key
        isNewestFirst = newestFirst
        self.names = names
    }

    package struct Entry: Sendable {
        package let id: EntryID
        /// Of all names and values, those that are not here included.
        package let byteCount: Int
        package let fields: [String: String]
    }

    package struct Found: Sendable {
        package let entries: [Entry]
        package let lookedAt: Int
        /// False when there is more that was not looked at.
        package let isWhole: Bool
    }

    /// All entries of which a field has this value, or all there are.
    ///
    /// - Parameter foundMax: No more than this many are looked for.
    package func entries(
        where match: (field: String, value: String)? = nil,
        foundMax: Int = .max,
        lookedAtMax: Int = Limits.lookedAtMax
    ) async throws(RedisError) -> Found {
        var found: [Entry] = []
        var lookedAt = 0
        var from = isNewestFirst ? "+" : "-"
        while lookedAt < lookedAtMax {
            let page = try await page(
                from: from,
                match,
                min(Limits.pageMax, lookedAtMax - lookedAt)
            )
            lookedAt += page.lookedAt
            found += page.entries
            guard let last = page.last else {
                return Found(entries: found, lookedAt: lookedAt, isWhole: true)
            }
            guard found.count < foundMax else {
                found.removeLast(found.count - foundMax)
                break
            }
            from = "(\(last)"
        }
        return Found(entries: found, lookedAt: lookedAt, isWhole: false)
    }

    /// One entry, whatever it holds; nil when it is gone.
    package func entry(at id: EntryID) async throws(RedisError) -> Entry? {
        // The first from there on is it, or a later one.
        let page = try await page(from: "\(id)", nil, 1)
        return page.entries.first { $0.id == id }
    }

    private struct Page {
        let lookedAt: Int
        /// Nil when the stream has ended.
        let last: EntryID?
        let entries: [Entry]
    }

    private func page(
        from start: String,
        _ match: (field: String, value: String)?,
        _ count: Int
    ) async throws(RedisError) -> Page {
        let answer = try await connection.eval(
            Scripts.find,
            keys: [.text(key)],
            arguments: [
                .text(start), .number(isNewestFirst ? 1 : 0), .number(count),
                .text(match?.field ?? ""), .text(match?.value ?? ""),
            ] + names.map { .text($0) },
            timeout: .seconds(30)
        )
        guard let parts = answer.array, parts.count == 3, let lookedAt = parts[0].int else {
            return Page(lookedAt: 0, last: nil, entries: [])
        }
        return Page(
            lookedAt: lookedAt,
            last: parts[1].bytes.flatMap { EntryID($0) },
            entries: (parts[2].array ?? []).compactMap(Entry.init)
        )
    }
}

extension StreamSearch.Entry {
    init?(_ row: RedisValue) {
        guard let parts = row.array, parts.count == 3, let bytes = parts[0].bytes,
            let id = EntryID(bytes), let count = parts[1].int, let pairs = parts[2].pairs
        else { return nil }
        self.id = id
        byteCount = count
        fields = pairs.reduce(into: [:]) { all, pair in
            let value = String(decoding: pair.value.bytes ?? [], as: UTF8.self)
            all[String(decoding: pair.key, as: UTF8.self)] = value
        }
    }
}
