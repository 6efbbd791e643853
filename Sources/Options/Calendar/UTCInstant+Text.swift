extension UTCInstant: CustomStringConvertible {
    /// RFC 3339 in UTC, to the millisecond where there are any: `2026-11-23T15:00:00.250Z`.
    package var description: String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let milliseconds = nanoseconds / 1_000_000
        let date = CivilDate(dayNumber: day)
        return String(asciiCount: milliseconds == 0 ? 20 : 24) { text in
            text.append(date)
            text.append(UInt8(ascii: "T"))
            text.append(second / 3_600, width: 2)
            text.append(UInt8(ascii: ":"))
            text.append(second / 60 % 60, width: 2)
            text.append(UInt8(ascii: ":"))
            text.append(second % 60, width: 2)
            if milliseconds > 0 {
                text.append(UInt8(ascii: "."))
                text.append(milliseconds, width: 3)
            }
            text.append(UInt8(ascii: "Z"))
        }
    }
}
