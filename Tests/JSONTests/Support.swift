// JSONTests: what the JSON target promises, by categories of the public test vectors and by chance.
// Belongs here: documents as text, values by seed. Does not: any document of ours.

import JSON
import TestSupport

func parse(_ text: String, limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    try parse(Array(text.utf8), limits: limits)
}

func parse(_ bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    var parser = JSONParser(limits: limits)
    return try parser.parse(bytes)
}

/// The error that `body` ends with; nil when it succeeds.
func error<Value>(_ body: () throws(JSONError) -> Value) -> JSONError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Any JSON value, apart from how it is read and written.
indirect enum Sample: Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(UInt64)
    case string(String)
    case array([Sample])
    case object([String: Sample])

    init(_ value: JSONValue) throws(JSONError) {
        switch value.kind {
        case .null: self = .null
        case .bool: self = .bool(try value.bool())
        case .string: self = .string(try value.string())
        case .number:
            // The writer gives doubles a point or an exponent, so integers are told by their text.
            let isInteger = value.bytes().allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) }
            self =
                isInteger ? .integer(try value.int64()) : .double(try value.double().bitPattern)
        case .array: self = .array(try value.array().map(Sample.init))
        case .object:
            var members: [String: Sample] = [:]
            for (key, value) in try value.object() { members[key] = try Sample(value) }
            self = .object(members)
        }
    }

    init(from dice: inout Dice, depth: Int = 0) {
        switch Int.random(in: 0..<(depth < 5 ? 8 : 5), using: &dice) {
        case 0: self = .null
        case 1: self = .bool(.random(using: &dice))
        case 2:
            let shift = UInt64.random(in: 0..<64, using: &dice)
            self = .integer(Int64(bitPattern: dice.next()) >> Int64(shift))
        case 3: self = .double(Self.finiteDouble(from: &dice).bitPattern)
        case 4: self = .string(Self.string(from: &dice))
        case 5, 6:
            let count = Int.random(in: 0...5, using: &dice)
            self = .array((0..<count).map { _ in Sample(from: &dice, depth: depth + 1) })
        default:
            var members: [String: Sample] = [:]
            for _ in 0..<Int.random(in: 0...30, using: &dice) {
                members[Self.string(from: &dice)] = Sample(from: &dice, depth: depth + 2)
            }
            self = .object(members)
        }
    }

    static func finiteDouble(from dice: inout Dice) -> Double {
        let number = Double(bitPattern: dice.next())
        guard number.isFinite else { return Double(Int64.random(in: -999...999, using: &dice)) / 8 }
        return number
    }

    private static func string(from dice: inout Dice) -> String {
        var string = ""
        for _ in 0..<Int.random(in: 0...12, using: &dice) {
            let range: ClosedRange<UInt32> =
                switch Int.random(in: 0..<5, using: &dice) {
                case 0: 0...0x1F
                case 1: 0x20...0x7F
                case 2: 0x80...0x7FF
                case 3: 0xE000...0xFFFF
                default: 0x10000...0x10FFFF
                }
            let scalar = UnicodeScalar(UInt32.random(in: range, using: &dice))
            string.unicodeScalars.append(scalar ?? "?")
        }
        return string
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let bool): writer.value(bool)
        case .integer(let number): writer.value(number)
        case .double(let bits): writer.value(Double(bitPattern: bits))
        case .string(let string): writer.value(string)
        case .array(let elements):
            writer.beginArray()
            for element in elements { element.write(to: &writer) }
            writer.endArray()
        case .object(let members):
            writer.beginObject()
            for (key, member) in members {
                writer.key(escaping: key)
                member.write(to: &writer)
            }
            writer.endObject()
        }
    }

    var bytes: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.finish()
    }
}
