/// When listed options end: the monthly third Friday and the weeklies around it.
package enum Expiries {
    /// The last trading day of a month's standard options: the third Friday, or the Thursday
    /// before when that is a holiday (2026-06-18, 2027-06-17, 2030-04-18).
    package static func monthly(year: Int, month: Int) -> CivilDate {
        TradingCalendar.tradingDay(onOrBefore: .nth(3, .friday, month: month, year: year))
    }

    package static func isMonthly(_ date: CivilDate) -> Bool {
        let (year, month, _) = date.parts
        if knownYears.contains(year) {
            return date == known[(year - knownYears.lowerBound) * 12 + month - 1]
        }
        return date == monthly(year: year, month: month)
    }

    /// The last trading day of a week's options: the Friday, or the trading day before it.
    package static func weekly(inWeekOf date: CivilDate) -> CivilDate {
        TradingCalendar.tradingDay(
            onOrBefore: date.advanced(by: Weekday.friday.rawValue - date.weekday.rawValue)
        )
    }

    package static func isWeekly(_ date: CivilDate) -> Bool { date == weekly(inWeekOf: date) }

    /// The monthly expiry whose distance from a day is nearest to a number of days; of two
    /// equally near the earlier. Always after that day.
    package static func monthly(nearest days: Int, from today: CivilDate) -> CivilDate {
        let target = today.advanced(by: max(1, days))
        var best = monthly(monthsAfter: 0, target)
        for months in [-1, 1, 2] {
            let candidate = monthly(monthsAfter: months, target)
            let (near, nearest) = (
                abs(candidate.days(until: target)), abs(best.days(until: target))
            )
            let better = near < nearest || (near == nearest && candidate < best)
            if best <= today || (candidate > today && better) { best = candidate }
        }
        return best
    }

    /// The monthly expiries after a day, up to so many days away, soonest first.
    package static func monthlies(after today: CivilDate, within days: Int) -> ArraySlice<CivilDate>
    {
        let end = today.advanced(by: days)
        if let first = known.first, let last = known.last, first <= today, end < last {
            let months = today.year * 12 + today.month - 1 - knownYears.lowerBound * 12
            let start = known[months] > today ? months : months + 1
            var stop = start
            while known[stop] <= end { stop += 1 }
            return known[start..<stop]
        }
        var found: [CivilDate] = []
        var months = 0
        while true {
            let date = monthly(monthsAfter: months, today)
            if date > end { return found[...] }
            if date > today { found.append(date) }
            months += 1
        }
    }

    /// All monthly expiries of some years, one a month.
    private static let known = knownYears.flatMap { year in
        (1...12).map { monthly(year: year, month: $0) }
    }
    private static let knownYears = 2020...2040

    private static func monthly(monthsAfter months: Int, _ date: CivilDate) -> CivilDate {
        let (year, month, _) = date.parts
        let index = year * 12 + month - 1 + months
        return monthly(year: index / 12, month: index % 12 + 1)
    }
}
