internal import Glibc

/// A moment of the wall clock, to the millisecond, as logs write it.
package struct Timestamp: Sendable, Hashable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package let unixMilliseconds: Int64

    package init(unixMilliseconds: Int64) { self.unixMilliseconds = unixMilliseconds }

    /// The corresponding C function is `clock_gettime` with `CLOCK_REALTIME`.
    package static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(
            unixMilliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        )
    }

    /// RFC 3339 in UTC with three decimals: `2026-11-24T01:31:07.042Z`. Years 0000 to 9999.
    package var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func append(to bytes: inout [UInt8]) {
        let (days, milliseconds) = Self.floorDivide(unixMilliseconds, by: 86_400_000)
        let (year, month, day) = Self.civil(fromDays: days)
        Self.append(year, digits: 4, then: "-", to: &bytes)
        Self.append(month, digits: 2, then: "-", to: &bytes)
        Self.append(day, digits: 2, then: "T", to: &bytes)
        Self.append(milliseconds / 3_600_000, digits: 2, then: ":", to: &bytes)
        Self.append(milliseconds / 60_000 % 60, digits: 2, then: ":", to: &bytes)
        Self.append(milliseconds / 1_000 % 60, digits: 2, then: ".", to: &bytes)
        Self.append(milliseconds % 1_000, digits: 3, then: "Z", to: &bytes)
    }

    private static func append(
        _ number: Int64,
        digits: Int,
        then mark: Unicode.Scalar,
        to bytes: inout [UInt8]
    ) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
        bytes.append(UInt8(ascii: mark))
    }

    /// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar. The method
    /// is Howard Hinnant's `civil_from_days`: years begin in March, so the leap day comes last.
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
