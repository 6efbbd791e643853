import Options

/// Times and spans as people read them.
extension Figures {
    /// `2026-11-27T16:55:01.123Z`.
    static func time(_ ms: Int64) -> String { UTCInstant(milliseconds: Int(ms)).description }

    /// `240 ms`, `4.2 s`, `12 min`, `3.5 h`, `2 d`.
    static func span(_ ms: Int64) -> String {
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
    static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}
