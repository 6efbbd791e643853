internal import CHiredis

/// One reply, copied out of hiredis. RESP2: what Redis sends to a client that never said `HELLO 3`.
package enum RedisValue: Equatable, Sendable {
    /// Any bytes. Text only if `text` says so.
    case string([UInt8])
    /// `+OK`, `+QUEUED`: a short line without payload.
    case status(String)
    case integer(Int)
    case array([RedisValue])
    /// A nil string or a nil array: nothing there.
    case null
    /// An error inside a reply: one command of a pipeline or of `EXEC`. A reply that is nothing but
    /// an error is thrown by `send`.
    indirect case error(RedisServerError)
}

extension RedisValue {
    /// The bytes of a string or a status; nil for all else.
    package var bytes: [UInt8]? {
        switch self {
        case .string(let bytes): bytes
        case .status(let line): Array(line.utf8)
        case .integer, .array, .null, .error: nil
        }
    }

    /// A string's or status' text; nil for all else and for bytes that are not UTF-8.
    package var text: String? {
        switch self {
        case .string(let bytes): Self.text(of: bytes)
        case .status(let line): line
        case .integer, .array, .null, .error: nil
        }
    }

    /// An integer, or a string that is one in decimal: `GET` of a counter answers a string.
    package var int: Int? {
        switch self {
        case .integer(let number): number
        case .string(let bytes): Self.integer(of: bytes)
        case .status, .array, .null, .error: nil
        }
    }

    private static func text(of bytes: [UInt8]) -> String? {
        // Nearly all that Redis says to us is ASCII, which needs no general decoder to be checked.
        var others: UInt8 = 0
        for byte in bytes { others |= byte }
        if others < 0x80 { return String(decoding: bytes, as: UTF8.self) }
        return String(validating: bytes, as: UTF8.self)
    }

    /// A number as `Int(_:)` reads it: a sign, then figures.
    private static func integer(of bytes: [UInt8]) -> Int? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let hasSign = isNegative || bytes.first == UInt8(ascii: "+")
        // 18 figures fit whatever they are.
        guard bytes.count <= 18, bytes.count > (hasSign ? 1 : 0) else {
            return text(of: bytes).flatMap { Int($0) }
        }
        var number = 0
        for byte in bytes.dropFirst(hasSign ? 1 : 0) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return isNegative ? -number : number
    }

    package var array: [RedisValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The pairs of an array that lists keys and values in turn, as `HGETALL` and stream entries do,
    /// in the server's order. Nil when it is not such an array.
    package var pairs: [(key: [UInt8], value: RedisValue)]? {
        guard let elements = array, elements.count.isMultiple(of: 2) else { return nil }
        var pairs: [(key: [UInt8], value: RedisValue)] = []
        pairs.reserveCapacity(elements.count / 2)
        for index in stride(from: 0, to: elements.count, by: 2) {
            guard let key = elements[index].bytes else { return nil }
            pairs.append((key, elements[index + 1]))
        }
        return pairs
    }

    package var isNull: Bool { self == .null }
    package var isOK: Bool { self == .status("OK") }
}

extension RedisValue {
    /// Copies a reply, which hiredis frees when the callback that brought it returns.
    ///
    /// Recursion is bounded by `RedisLimits.replyDepthMax`: a deeper reply is not built at all.
    /// The corresponding C type is `redisReply`.
    init(copying reply: UnsafePointer<redisReply>) {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: self = .string(unsafe Self.bytes(of: reply))
        case REDIS_REPLY_STATUS:
            self = .status(String(decoding: unsafe Self.bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: self = .integer(Int(unsafe reply.pointee.integer))
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_ARRAY: self = .array(unsafe Self.elements(of: reply))
        case REDIS_REPLY_ERROR:
            let line = String(decoding: unsafe Self.bytes(of: reply), as: UTF8.self)
            self = .error(RedisServerError(line: line))
        default:
            // RESP3 types, which no server sends unasked.
            self = .error(RedisServerError(prefix: "", message: "a reply of an unknown type"))
        }
    }

    private static func bytes(of reply: UnsafePointer<redisReply>) -> [UInt8] {
        unsafe Array(
            UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len)
        )
    }

    private static func elements(of reply: UnsafePointer<redisReply>) -> [RedisValue] {
        var values: [RedisValue] = []
        values.reserveCapacity(unsafe reply.pointee.elements)
        for index in 0..<(unsafe reply.pointee.elements) {
            // SAFETY: a complete reply has every element of its vector filled.
            guard let element = unsafe reply.pointee.element[index] else { continue }
            values.append(unsafe RedisValue(copying: element))
        }
        return values
    }
}
