extension String {
    /// ASCII text of a known length, written in place: dates and symbols are written for every leg
    /// of every reply, and pieces put together cost ten times as much.
    ///
    /// - Parameter count: Bytes; `write` writes exactly as many.
    init(asciiCount count: Int, _ write: (inout AsciiCursor) -> Void) {
        self = unsafe String(unsafeUninitializedCapacity: count) { buffer in
            var cursor = unsafe AsciiCursor(buffer)
            write(&cursor)
            return cursor.written
        }
    }
}

/// Where the next byte of an ASCII text goes. What does not fit is left out.
@safe struct AsciiCursor {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var written = 0

    fileprivate init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { unsafe self.buffer = buffer }

    mutating func append(_ byte: UInt8) {
        guard unsafe written < buffer.count else { return }
        unsafe buffer[written] = byte
        written += 1
    }

    mutating func append(_ text: String) {
        for byte in text.utf8 { append(byte) }
    }

    /// A number ≥ 0 in its last `width` figures, with leading zeros.
    mutating func append(_ number: Int, width: Int) {
        guard unsafe width <= buffer.count - written else { return }
        var rest = UInt(number)
        for place in stride(from: written + width - 1, through: written, by: -1) {
            unsafe buffer[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        written += width
    }

    /// A day as `YYYY-MM-DD`.
    mutating func append(_ date: CivilDate) {
        let (year, month, day) = date.parts
        append(year, width: 4)
        append(UInt8(ascii: "-"))
        append(month, width: 2)
        append(UInt8(ascii: "-"))
        append(day, width: 2)
    }
}
