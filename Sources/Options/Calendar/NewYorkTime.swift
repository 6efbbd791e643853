/// New York's wall clock, as far as options need it.
///
/// Daylight saving as the Energy Policy Act of 2005 sets it, in force since 2007: from the
/// second Sunday of March to the first of November, changing at 2:00, so never at a close.
package enum NewYorkTime {
    /// When options of this expiry stop: 16:00, also on days of an early close.
    package static func expiration(on date: CivilDate) -> UTCInstant {
        instant(on: date, hour: 16)
    }

    /// When trading ends on a day; nil on a day without trading.
    package static func close(on date: CivilDate) -> UTCInstant? {
        switch TradingCalendar.session(on: date) {
        case .closed: nil
        case .short: instant(on: date, hour: 13)
        case .full: instant(on: date, hour: 16)
        }
    }

    /// The day that it is in New York.
    package static func date(at instant: UTCInstant) -> CivilDate {
        // By standard time first. Where daylight saving moves the date, both dates lie on the
        // same side of the change, which happens at 2:00.
        let standard = day(of: instant.seconds - 5 * 3_600)
        return day(of: instant.seconds - hoursBehind(on: standard) * 3_600)
    }

    /// Years of 365 days of 24 hours from a moment to an expiry's 16:00, never below 0.
    package static func years(from start: UTCInstant, to expiry: CivilDate) -> Double {
        let end = expiration(on: expiry)
        let left = Double(end.seconds - start.seconds) - Double(start.nanoseconds) / 1e9
        return max(0, left / (365 * 86_400))
    }

    /// A wall-clock time later than 2:00.
    private static func instant(on date: CivilDate, hour: Int) -> UTCInstant {
        UTCInstant(seconds: date.dayNumber * 86_400 + (hour + hoursBehind(on: date)) * 3_600)
    }

    /// Hours behind UTC after 2:00 on a day.
    static func hoursBehind(on date: CivilDate) -> Int {
        let year = date.year
        let start = CivilDate.nth(2, .sunday, month: 3, year: year)
        let end = CivilDate.nth(1, .sunday, month: 11, year: year)
        return date >= start && date < end ? 4 : 5
    }

    private static func day(of second: Int) -> CivilDate {
        CivilDate(dayNumber: (second - ((second % 86_400) + 86_400) % 86_400) / 86_400)
    }
}
