/// What a statement answered, copied out of libpq's memory.
package struct PostgresRows: Sendable {
    package let columns: [String]
    package let rows: [PostgresRow]
    /// Rows that were inserted, changed, deleted or answered.
    package let affected: Int

    package static let none = PostgresRows(columns: [], rows: [], affected: 0)

    package var first: PostgresRow? { rows.first }
}

/// One row. Columns are read by their place; nil is NULL, or something of another type.
package struct PostgresRow: Sendable {
    let cells: [[UInt8]?]

    package func isNull(_ column: Int) -> Bool { cells[column] == nil }

    package func bytes(_ column: Int) -> [UInt8]? { cells[column] }

    package func text(_ column: Int) -> String? {
        cells[column].map { String(decoding: $0, as: UTF8.self) }
    }

    /// A `smallint`, `integer` or `bigint`.
    package func int(_ column: Int) -> Int64? {
        guard let bytes = cells[column], [2, 4, 8].contains(bytes.count) else { return nil }
        let bits = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let spare = UInt64(64 - 8 * bytes.count)
        return Int64(bitPattern: bits << spare) >> Int64(spare)
    }

    package func double(_ column: Int) -> Double? {
        guard let bytes = cells[column], bytes.count == 8 else { return nil }
        return Double(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    package func bool(_ column: Int) -> Bool? {
        guard let bytes = cells[column], bytes.count == 1 else { return nil }
        return bytes[0] != 0
    }
}
