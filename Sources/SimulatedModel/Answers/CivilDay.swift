/// A day of the Gregorian calendar, counted from 1 January 1970. No time zone, no time of day.
package struct CivilDay: Hashable, Comparable, Sendable {
    package let number: Int

    package init(number: Int) { self.number = number }

    /// Reads the date at the start of an ISO 8601 date or time. Nil for anything else.
    package init?(_ text: String) {
        let fields = text.prefix(10).split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count >= 10, fields.count == 3, fields[0].count == 4,
            let year = Int(fields[0]), let month = Int(fields[1]), let day = Int(fields[2]),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        self.init(year: year, month: month, day: day)
        guard components.month == month else { return nil }
    }

    /// Howard Hinnant's `days_from_civil`, for years after 0.
    package init(year: Int, month: Int, day: Int) {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        number = era * 146_097 + dayOfEra - 719_468
    }

    /// Howard Hinnant's `civil_from_days`.
    package var components: (year: Int, month: Int, day: Int) {
        let z = number + 719_468
        let era = z / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
            dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        )
    }

    /// `YYYY-MM-DD`.
    package var text: String {
        let (year, month, day) = components
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(padded(month))-\(padded(day))"
    }

    /// 1 January 1970 was a Thursday.
    package var isFriday: Bool { (number % 7 + 7) % 7 == 1 }

    package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    package static func - (a: Self, b: Self) -> Int { a.number - b.number }
    package static func + (a: Self, days: Int) -> Self { Self(number: a.number + days) }
}
