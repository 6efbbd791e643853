/// The days on which US options trade, 2024–2031, by the rules of the exchanges.
///
/// Sources: NYSE Rule 7.2 and Cboe Rule 5.1 (holidays, and their shift off a weekend), the
/// exchanges' published calendars (early closes at 13:00), and the one closing that no rule
/// foretells: the day of mourning of 2025-01-09. Checked day by day in the tests.
package enum TradingCalendar {
    /// The years that the rules below were checked for. Outside them nothing is promised.
    package static let years = 2024...2031

    package enum Session: Sendable, Equatable {
        case closed
        /// Until 13:00 in New York.
        case short
        /// Until 16:00 in New York.
        case full
    }

    package static func session(on date: CivilDate) -> Session {
        switch date.weekday {
        case .saturday, .sunday: return .closed
        case .monday, .tuesday, .wednesday, .thursday, .friday: break
        }
        let (year, month, day) = date.parts
        if isHoliday(date, year: year, month: month, day: day) { return .closed }
        return closesEarly(date, year: year, month: month, day: day) ? .short : .full
    }

    package static func isTradingDay(_ date: CivilDate) -> Bool { session(on: date) != .closed }

    /// The last trading day on or before a date.
    package static func tradingDay(onOrBefore date: CivilDate) -> CivilDate {
        var date = date
        while !isTradingDay(date) { date = date.advanced(by: -1) }
        return date
    }

    /// The first trading day after a date.
    package static func tradingDay(after date: CivilDate) -> CivilDate {
        var date = date.advanced(by: 1)
        while !isTradingDay(date) { date = date.advanced(by: 1) }
        return date
    }

    private static func isHoliday(_ date: CivilDate, year: Int, month: Int, day: Int) -> Bool {
        switch month {
        case 1:
            // A New Year's Day on a Saturday is not moved: December's books close on the Friday.
            return day == 1 || (day == 2 && date.weekday == .monday)
                || date == .nth(3, .monday, month: 1, year: year)
                || (year == 2025 && day == 9)
        case 2: return date == .nth(3, .monday, month: 2, year: year)
        case 3, 4: return date == goodFriday(year)
        case 5: return date.weekday == .monday && day > 24
        case 6: return isObserved(date, month: 6, day: 19, year: year)
        case 7: return isObserved(date, month: 7, day: 4, year: year)
        case 9: return date.weekday == .monday && day <= 7
        case 11: return date == .nth(4, .thursday, month: 11, year: year)
        case 12: return isObserved(date, month: 12, day: 25, year: year)
        default: return false
        }
    }

    /// A fixed holiday is kept on the Friday before a Saturday, on the Monday after a Sunday.
    private static func isObserved(
        _ date: CivilDate,
        month: Int,
        day: Int,
        year: Int
    ) -> Bool {
        let holiday = CivilDate(year, month, day)
        switch holiday.weekday {
        case .saturday: return date == holiday.advanced(by: -1)
        case .sunday: return date == holiday.advanced(by: 1)
        case .monday, .tuesday, .wednesday, .thursday, .friday: return date == holiday
        }
    }

    /// The eve of Independence Day and of Christmas, unless a Friday, and Thanksgiving's Friday.
    private static func closesEarly(
        _ date: CivilDate,
        year: Int,
        month: Int,
        day: Int
    ) -> Bool {
        switch (month, day) {
        case (7, 3), (12, 24): date.weekday != .friday
        case (11, _): date == CivilDate.nth(4, .thursday, month: 11, year: year).advanced(by: 1)
        default: false
        }
    }

    /// Two days before Easter Sunday, by the anonymous Gregorian computus (Meeus, chapter 8).
    static func goodFriday(_ year: Int) -> CivilDate {
        let golden = year % 19
        let (century, yearOfCentury) = (year / 100, year % 100)
        let correction = (century + 8) / 25
        let epact =
            (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30
        let offset =
            (32 + 2 * (century % 4) + 2 * (yearOfCentury / 4) - epact - yearOfCentury % 4)
            % 7
        let shift = (golden + 11 * epact + 22 * offset) / 451
        let sum = epact + offset - 7 * shift + 114
        return CivilDate(year, sum / 31, sum % 31 + 1).advanced(by: -2)
    }
}
