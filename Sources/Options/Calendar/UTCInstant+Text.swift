extension UTCInstant: CustomStringConvertible {
    /// RFC 3339 in UTC, to the millisecond where there are any: `2026-11-23T15:00:00.250Z`.
    package var description: String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let clock = [second / 3_600, second / 60 % 60, second % 60].map(Self.twoFigures)
        let milliseconds = nanoseconds / 1_000_000
        let fraction = milliseconds == 0 ? "" : ".\(String(1_000 + milliseconds).dropFirst())"
        return "\(CivilDate(dayNumber: day))T\(clock.joined(separator: ":"))\(fraction)Z"
    }

    private static func twoFigures(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
