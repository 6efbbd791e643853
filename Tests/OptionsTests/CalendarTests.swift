import Options
import Testing

@Suite struct CalendarTests {
    @Test func `dates are read, written and counted`() throws {
        let date = try #require(CivilDate("2026-11-24"))
        #expect(date.description == "2026-11-24")
        #expect(date.weekday == .tuesday)
        #expect(CivilDate("1970-01-01")?.dayNumber == 0)
        #expect(CivilDate("2028-02-29") != nil)
        for wrong in [
            "2027-02-29", "2026-13-01", "2026-1-01", "2026-11-31", "20261124", "0000-01-01",
        ] {
            #expect(CivilDate(wrong) == nil, "\(wrong)")
        }
        for day in stride(from: -800_000, through: 2_900_000, by: 997) {
            let date = CivilDate(dayNumber: day)
            let parts = date.parts
            if let again = CivilDate(year: parts.year, month: parts.month, day: parts.day) {
                #expect(again == date)
            }
        }
    }

    @Test(arguments: [
        (2026, 6, "2026-06-18"), (2027, 6, "2027-06-17"), (2030, 4, "2030-04-18"),
        (2025, 4, "2025-04-17"), (2026, 12, "2026-12-18"), (2024, 3, "2024-03-15"),
    ])
    func `the monthly expiry is the third Friday or the Thursday before`(
        year: Int,
        month: Int,
        date: String
    ) {
        #expect(Expiries.monthly(year: year, month: month).description == date)
    }

    @Test func `holidays and early closes are those of the exchanges`() throws {
        for closed in [
            "2024-01-01", "2025-01-09", "2024-03-29", "2026-07-03", "2027-06-18", "2027-07-05",
            "2027-12-24", "2028-11-23", "2023-01-02", "2026-11-22",
        ] {
            #expect(TradingCalendar.session(on: try #require(CivilDate(closed))) == .closed)
        }
        for short in ["2024-07-03", "2026-11-27", "2026-12-24", "2028-07-03", "2029-12-24"] {
            #expect(TradingCalendar.session(on: try #require(CivilDate(short))) == .short)
        }
        for full in ["2027-12-31", "2026-07-02", "2027-07-02", "2026-11-25", "2027-12-23"] {
            #expect(TradingCalendar.session(on: try #require(CivilDate(full))) == .full)
        }
    }

    @Test func `every day of eight years is what the exchanges' calendar says`() throws {
        let first = try #require(CivilDate("2024-01-01"))
        let last = try #require(CivilDate("2031-12-31"))
        let lines = (first.dayNumber...last.dayNumber).map { number -> String in
            let date = CivilDate(dayNumber: number)
            let mark = Expiries.isMonthly(date) ? "M" : "-"
            return "\(date) \(TradingCalendar.session(on: date)) \(mark)"
        }
        try Oracle.judge("trading_days.py", packages: ["exchange-calendars"], lines: lines)
    }

    @Test func `time runs to four in the afternoon in New York`() throws {
        let asOf = try #require(UTCInstant("2026-11-23T15:00:00Z"))
        let expiry = try #require(CivilDate("2026-12-18"))
        let hours: Double = 25 * 24 + 6
        #expect(NewYorkTime.years(from: asOf, to: expiry) == hours / (365 * 24))
        let summer = try #require(CivilDate("2026-07-17"))
        #expect(NewYorkTime.expiration(on: summer) == UTCInstant("2026-07-17T20:00:00Z"))
        #expect(NewYorkTime.expiration(on: summer) == UTCInstant("2026-07-17T16:00:00.000-04:00"))
        #expect(NewYorkTime.years(from: asOf, to: summer) == 0)
        let night = try #require(UTCInstant("2026-11-24T04:59:59Z"))
        #expect(NewYorkTime.date(at: night).description == "2026-11-23")
        let morning = try #require(UTCInstant("2026-07-01T04:00:00Z"))
        #expect(NewYorkTime.date(at: morning).description == "2026-07-01")
    }

    @Test(arguments: [
        "2026-11-23 15:00:00Z", "2026-11-23T15:00Z", "2026-11-23T24:00:00Z", "2026-11-23T15:00:00",
        "2026-11-23T15:00:00.Z", "2026-11-23T15:00:00+0500", "2026-11-23T15:00:60Z",
    ])
    func `what is no instant is not read`(text: String) {
        #expect(UTCInstant(text) == nil)
    }

    @Test func `instants keep their fraction and their order`() throws {
        let half = try #require(UTCInstant("2026-11-23T15:00:00.5Z"))
        #expect(half.nanoseconds == 500_000_000)
        #expect(half == UTCInstant(milliseconds: half.seconds * 1_000 + 500))
        #expect(UTCInstant(milliseconds: -1) < UTCInstant(seconds: 0))
        #expect(UTCInstant(milliseconds: -1).nanoseconds == 999_000_000)
    }

    @Test func `the nearest monthly lies after today`() throws {
        let today = try #require(CivilDate("2026-11-24"))
        #expect(Expiries.monthly(nearest: 45, from: today).description == "2027-01-15")
        #expect(Expiries.monthly(nearest: 30, from: today).description == "2026-12-18")
        #expect(Expiries.monthly(nearest: 1, from: today).description == "2026-12-18")
        let monthlies = Expiries.monthlies(after: today, within: 90).map(\.description)
        #expect(monthlies == ["2026-12-18", "2027-01-15", "2027-02-19"])
        #expect(Expiries.isWeekly(try #require(CivilDate("2026-04-02"))))
        #expect(!Expiries.isWeekly(try #require(CivilDate("2026-04-03"))))
    }
}
