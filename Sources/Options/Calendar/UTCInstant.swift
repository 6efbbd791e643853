/// A moment, counted from 1970-01-01T00:00:00Z.
package struct UTCInstant: Hashable, Comparable, Sendable {
    /// Whole seconds, rounded towards the past.
    package let seconds: Int
    /// What is left over: 0 … 999,999,999.
    package let nanoseconds: Int

    package init(seconds: Int, nanoseconds: Int = 0) {
        self.seconds = seconds
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    package init(milliseconds: Int) {
        let rest = (milliseconds % 1_000 + 1_000) % 1_000
        seconds = (milliseconds - rest) / 1_000
        nanoseconds = rest * 1_000_000
    }

    /// Reads RFC 3339: `2026-11-23T15:00:00Z`, with a fraction of a second of at most nine
    /// figures, with an offset such as `-05:00`. Nil for anything else, leap seconds included.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20,
            let date = CivilDate(String(decoding: bytes[..<10], as: UTF8.self)),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let hour = decimal(bytes[11..<13]), hour < 24,
            let minute = decimal(bytes[14..<16]), minute < 60,
            let second = decimal(bytes[17..<19]), second < 60
        else { return nil }
        var rest = bytes[19...]
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let figures = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard let value = decimal(figures) else { return nil }
            fraction = value
            for _ in figures.count..<9 { fraction *= 10 }
            rest = rest.dropFirst(figures.count)
        }
        guard let offset = Self.offsetSeconds(rest) else { return nil }
        seconds = date.dayNumber * 86_400 + hour * 3_600 + minute * 60 + second - offset
        nanoseconds = fraction
    }

    private static func offsetSeconds(_ bytes: ArraySlice<UInt8>) -> Int? {
        if bytes.count == 1, let zone = bytes.first,
            zone == UInt8(ascii: "Z") || zone == UInt8(ascii: "z")
        {
            return 0
        }
        let at = bytes.startIndex
        guard bytes.count == 6, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-"),
            bytes[at + 3] == UInt8(ascii: ":"),
            let hours = decimal(bytes[(at + 1)..<(at + 3)]), hours < 24,
            let minutes = decimal(bytes[(at + 4)...]), minutes < 60
        else { return nil }
        return (bytes[at] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3_600 + minutes * 60)
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
    }
}
