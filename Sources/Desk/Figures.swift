import Options

/// Numbers as people read them.
package enum Figures {
    /// Whole dollars and cents: `1,234.50`.
    package static func dollars(_ value: Double) -> String {
        // Sums that no whole number of cents holds are read by their exponent.
        guard abs(value) < 1e15 else { return String(value) }
        let cents = Int64((abs(value) * 100).rounded())
        var whole = String(cents / 100)
        var grouped = ""
        while whole.count > 3 {
            grouped = ",\(whole.suffix(3))" + grouped
            whole = String(whole.dropLast(3))
        }
        let rest = cents % 100
        return "\(value < 0 ? "-" : "")\(whole)\(grouped).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Without a fraction that says nothing: `450`, `427.5`, at most four places.
    package static func plain(_ value: Double) -> String {
        let rounded = (value * 10_000).rounded() / 10_000
        return rounded == rounded.rounded() && abs(rounded) < 1e15
            ? String(Int64(rounded)) : String(rounded)
    }

    /// `61.5 %`.
    package static func percent(_ share: Double) -> String { "\((share * 1_000).rounded() / 10) %" }

    /// Every place of a small sum: `0.01835`, where `description` would say `1.835e-05`.
    package static func exact(_ value: Double) -> String {
        let nanos = Int64((value * 1e9).rounded())
        var fraction = String(nanos % 1_000_000_000 + 1_000_000_000).dropFirst()
        while fraction.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(nanos / 1_000_000_000).\(fraction)"
    }
}

/// Times and spans as people read them.
extension Figures {
    /// `2026-11-27T16:55:01.123Z`.
    package static func time(_ ms: Int64) -> String {
        UTCInstant(milliseconds: Int(ms)).description
    }

    /// Unix milliseconds of `2026-11-27T16:55:01Z`; nil for all else.
    package static func milliseconds(of text: String) -> Int64? {
        UTCInstant(text).map { Int64($0.seconds) * 1_000 + Int64($0.nanoseconds) / 1_000_000 }
    }

    /// `240 ms`, `4.2 s`, `12 min`, `3.5 h`, `2 d`.
    package static func span(_ ms: Int64) -> String {
        let magnitude = Double(abs(ms))
        return switch magnitude {
        case ..<1_000: "\(ms) ms"
        case ..<60_000: "\(tenths(Double(ms) / 1_000)) s"
        case ..<3_600_000: "\(tenths(Double(ms) / 60_000)) min"
        case ..<172_800_000: "\(tenths(Double(ms) / 3_600_000)) h"
        default: "\(tenths(Double(ms) / 86_400_000)) d"
        }
    }

    private static func tenths(_ value: Double) -> String { plain((value * 10).rounded() / 10) }

    /// `1 entry`, `2 entries`.
    package static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}
