/// One value handed to a statement, in the server's binary form: nothing is quoted, nothing escaped,
/// so nothing can be injected.
package enum PostgresParameter: Sendable {
    case null
    case text(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case bytes([UInt8])
    case texts([String?])
    case ints([Int64?])
    case doubles([Double?])
    case bools([Bool])
    case bytesList([[UInt8]?])

    package static func int(_ number: Int) -> Self { .int(Int64(number)) }

    /// The type's number in `pg_type`; 0 leaves it to the server.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .text: 25
        case .int: 20
        case .double: 701
        case .bool: 16
        case .bytes: 17
        case .texts: 1_009
        case .ints: 1_016
        case .doubles: 1_022
        case .bools: 1_000
        case .bytesList: 1_001
        }
    }

    /// Appends its bytes; false for NULL, which has none.
    func append(to bytes: inout [UInt8]) -> Bool {
        switch self {
        case .null: return false
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .int(let number): bytes.append(bigEndian: number)
        case .double(let number): bytes.append(bigEndian: number.bitPattern)
        case .bool(let flag): bytes.append(flag ? 1 : 0)
        case .bytes(let raw): bytes.append(contentsOf: raw)
        case .texts(let list):
            bytes.array(of: 25, list) { bytes, text in bytes.append(contentsOf: text.utf8) }
        case .ints(let list): bytes.array(of: 20, list) { $0.append(bigEndian: $1) }
        case .doubles(let list):
            bytes.array(of: 701, list) { $0.append(bigEndian: $1.bitPattern) }
        case .bools(let list): bytes.array(of: 16, list) { $0.append($1 ? 1 : 0) }
        case .bytesList(let list): bytes.array(of: 17, list) { $0.append(contentsOf: $1) }
        }
        return true
    }
}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        var shift = type(of: number).bitWidth
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// An array of one dimension as `array_recv` takes it:
    /// ```
    /// dimensions | has NULLs | element type | length | first index | (bytes | element)…
    /// ```
    fileprivate mutating func array<Item>(
        of type: Int32,
        _ list: [Item?],
        _ write: (inout [UInt8], Item) -> Void
    ) {
        append(bigEndian: Int32(list.isEmpty ? 0 : 1))
        append(bigEndian: Int32(1))
        append(bigEndian: type)
        guard !list.isEmpty else { return }
        append(bigEndian: Int32(list.count))
        append(bigEndian: Int32(1))
        for element in list {
            guard let element else {
                append(bigEndian: Int32(-1))
                continue
            }
            let place = count
            append(bigEndian: Int32(0))
            write(&self, element)
            let size = UInt32(count - place - 4)
            for byte in 0..<4 {
                self[place + byte] = UInt8(truncatingIfNeeded: size >> (24 - 8 * UInt32(byte)))
            }
        }
    }
}
