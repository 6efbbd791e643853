internal import Contract
internal import JSON

/// The two halves of an audit record, as text.
enum AuditText {
    /// What was decided and what it cost: nobody's personal data.
    static func content(_ row: LedgerRow) -> [UInt8] {
        JSONWriter.bytes(reserving: 512 + row.calls.count) { writer in
            writer.beginObject()
            writer.field("v", 1)
            writer.field("event", row.event)
            writer.field("code", row.code)
            writer.field("attempt", row.attempt)
            writer.field("terminal", row.isTerminal)
            writer.field("admitted", row.isAdmitted)
            writer.field("payer", row.payer)
            writer.field("cost_nanousd", row.cost.amount)
            writer.field("estimated", row.isEstimated)
            writer.field("at", row.atMs)
            if let call = row.call { writer.field("call", call) }
            writer.key("calls")
            writer.raw(row.calls.isEmpty ? Array("[]".utf8) : row.calls)
            writer.endObject()
        }
    }

    /// The reply in a personal half's JSON, as it was told, byte for byte; nil where nobody was told.
    static func reply(in text: [UInt8]) -> [UInt8]? { member("reply", in: text) }

    /// A member of an object as it stands there, byte for byte; nil where it is none, or `null`.
    ///
    /// Whoever wrote the object wrote it without spaces of his own around it.
    static func member(_ name: StaticString, in object: [UInt8]) -> [UInt8]? {
        var (depth, isInString, isEscaped) = (0, false, false)
        var (key, value): (Range<Int>?, Int?) = (nil, nil)
        var stringStart = 0
        for index in object.indices {
            switch object[index] {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isInString: isEscaped = true
            case UInt8(ascii: "\""):
                if isInString, depth == 1, value == nil { key = stringStart..<index }
                if !isInString { stringStart = index + 1 }
                isInString.toggle()
            case _ where isInString: break
            case UInt8(ascii: ":") where depth == 1 && value == nil:
                if let key, Array(object[key]).equals(name) { value = index + 1 }
            case UInt8(ascii: ",") where depth == 1:
                if let value { return present(object[value..<index]) }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return value.flatMap { present(object[$0..<index]) } }
            default: break
            }
        }
        return nil
    }

    private static func present(_ value: ArraySlice<UInt8>) -> [UInt8]? {
        let bytes = Array(value)
        return bytes.equals("null") ? nil : bytes
    }

    /// Who asked, what for, what led to it and what he was told, behind bytes of chance.
    static func personal(_ row: LedgerRow) -> [UInt8] {
        var dice = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + row.payload.count + row.record.count)
        for _ in 0..<(AuditRecord.saltBytes / 8) {
            let word = dice.next()
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        bytes += JSONWriter.bytes(
            reserving: 256 + row.payload.count + row.record.count
        ) { writer in
            writer.beginObject()
            writer.field("user_id", row.user)
            writer.key("reply")
            if row.payload.isEmpty { writer.null() } else { writer.raw(row.payload) }
            writer.key("record")
            if row.record.isEmpty { writer.null() } else { writer.raw(row.record) }
            writer.endObject()
        }
        return bytes
    }
}
