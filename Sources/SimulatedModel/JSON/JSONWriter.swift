/// Appends JSON text to bytes. The caller keeps the order of braces and commas.
package struct JSONWriter {
    package private(set) var bytes: [UInt8]

    package init(reserving capacity: Int = 1024) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Text that is JSON already: punctuation, names, constants.
    package mutating func raw(_ json: String) { bytes.append(contentsOf: json.utf8) }

    /// Text that another writer made.
    package mutating func raw(_ json: [UInt8]) { bytes.append(contentsOf: json) }

    package mutating func integer(_ value: Int) { bytes.append(contentsOf: "\(value)".utf8) }

    package mutating func number(_ value: Double) {
        if let whole = Int(exactly: value) { return integer(whole) }
        bytes.append(contentsOf: value.isFinite ? "\(value)".utf8 : "null".utf8)
    }

    package mutating func string(_ text: some StringProtocol) {
        let source = Array(text.utf8)
        bytes.append(UInt8(ascii: "\""))
        // Most of a text needs no escape: it is copied run by run.
        var runStart = 0
        for i in source.indices {
            let byte = source[i]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            bytes.append(contentsOf: source[runStart..<i])
            escape(byte)
            runStart = i + 1
        }
        bytes.append(contentsOf: source[runStart...])
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0..<0x20:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(Self.hex[Int(byte >> 4)])
            bytes.append(Self.hex[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }

    package mutating func stringOrNull(_ text: String?) {
        if let text { string(text) } else { raw("null") }
    }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .boolean(let flag): raw(flag ? "true" : "false")
        case .integer(let whole): integer(whole)
        case .number(let real): number(real)
        case .string(let text): string(text)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (i, item) in items.enumerated() {
                if i > 0 { bytes.append(UInt8(ascii: ",")) }
                self.value(item)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (i, member) in members.enumerated() {
                if i > 0 { bytes.append(UInt8(ascii: ",")) }
                string(member.name)
                bytes.append(UInt8(ascii: ":"))
                self.value(member.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    static let hex = Array("0123456789abcdef".utf8)
}

extension JSONValue {
    /// The value as compact JSON text.
    package var text: String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The length of `text`, without making it.
    package var byteCount: Int {
        switch self {
        case .null: 4
        case .boolean(let flag): flag ? 4 : 5
        case .integer(let whole): "\(whole)".utf8.count
        case .number: text.utf8.count
        case .string(let text): text.utf8.count + 2
        case .array(let items): items.reduce(1 + max(items.count, 1)) { $0 + $1.byteCount }
        case .object(let members):
            members.reduce(1 + max(members.count, 1)) {
                $0 + $1.name.utf8.count + 3 + $1.value.byteCount
            }
        }
    }
}
