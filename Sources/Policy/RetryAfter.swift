package import Options

/// How long the other side asks to be left alone, in every form in which it says so.
package enum RetryAfter {
    package enum Limits {
        /// Longer than this is no advice for a request, and is taken for it all the same: a day.
        package static let waitMsMax: Int64 = 86_400_000
    }

    /// The first of these that says something: `retry-after-ms`, `retry-after` in seconds or as a
    /// date, and "Please try again in 41.724s" in the error's sentence.
    ///
    /// - Returns: Milliseconds, rounded up: never to be asked sooner. Nil when none says anything.
    package static func waitMs(
        milliseconds: String?,
        seconds: String?,
        sentence: String?,
        now: UTCInstant
    ) -> Int64? {
        if let text = milliseconds, let value = decimal(text) { return clamp(value) }
        if let text = seconds {
            if let value = decimal(text) { return clamp(value * 1_000) }
            if let date = httpDate(text) {
                return clamp(Double(date.seconds - now.seconds) * 1_000)
            }
        }
        guard let sentence, let start = sentence.firstRange(of: "try again in ")?.upperBound
        else { return nil }
        return duration(sentence[start...]).map(clamp)
    }

    private static func clamp(_ ms: Double) -> Int64 {
        Int64(min(max(ms.rounded(.up), 0), Double(Limits.waitMsMax)))
    }

    /// A plain decimal number, not below zero, with nothing around it but spaces.
    private static func decimal(_ text: String) -> Double? {
        let digits = text.filter { $0 != " " }
        guard !digits.isEmpty, digits.utf8.count <= 18,
            digits.utf8.allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".")
            })
        else { return nil }
        return Double(digits)
    }

    /// A duration as Go prints one: `41.724s`, `1m12s`, `577ms`, `1h2m3s`. In milliseconds.
    package static func duration(_ text: Substring) -> Double? {
        var sum = 0.0
        var rest = text
        var found = false
        while let first = rest.first, first.isASCII, first.isNumber {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            // A sentence's full stop behind the last unit is none of the number's.
            guard let value = Double(number) else { return nil }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            let factor: Double
            switch unit {
            case "ms": factor = 1
            case "s": factor = 1_000
            case "m": factor = 60_000
            case "h": factor = 3_600_000
            default:
                // `1m12s` reads as m, then digits: the unit ends where digits begin.
                return found ? sum : nil
            }
            rest = rest.dropFirst(unit.count)
            sum += value * factor
            found = true
        }
        return found ? sum : nil
    }

    /// `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110, 5.6.7): the only form that is sent today.
    package static func httpDate(_ text: String) -> UTCInstant? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3])
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]),
            (0...60).contains(clock[2]), (1_970...9_999).contains(year), (1...31).contains(day)
        else { return nil }
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return UTCInstant(
            "\(year)-\(padded(month + 1))-\(padded(day))T\(padded(clock[0])):\(padded(clock[1]))"
                + ":\(padded(min(clock[2], 59)))Z"
        )
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
