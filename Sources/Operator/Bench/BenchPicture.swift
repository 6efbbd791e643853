import Desk

/// The latencies by percentile, as a drawing legible on light and on dark ground. To the right a nine
/// more has as much room as the one before.
struct BenchPicture {
    let text: String

    private static let (width, height) = (760.0, 400.0)
    private static let (left, right, top, bottom) = (80.0, 30.0, 56.0, 46.0)
    private static let nines: [(percentile: Double, name: String)] = [
        (0, "0"), (50, "50"), (90, "90"), (95, "95"), (99, "99"), (99.9, "99.9"), (99.99, "99.99"),
    ]

    init(_ report: BenchReport) {
        let curve = report.curve
        let most = max(curve.map(\.milliseconds).max() ?? 1, 1) * 1.08
        let last = Self.place(curve.last?.percentile ?? 99)
        func x(_ percentile: Double) -> Double {
            Self.left + (Self.width - Self.left - Self.right) * Self.place(percentile)
                / max(last, 0.1)
        }
        func y(_ milliseconds: Double) -> Double {
            let room = Self.height - Self.top - Self.bottom
            return Self.height - Self.bottom - room * milliseconds / most
        }
        var lines = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 400" font-family="sans-serif" \
            font-size="12" role="img">
            """,
            "<title>Latency by percentile: \(report.title)</title>",
            "<rect width=\"760\" height=\"400\" fill=\"#fff\"/>",
            Self.text(
                Self.left,
                28,
                "start",
                "Latency by percentile",
                "font-size=\"17\" fill=\"#222\""
            ),
            Self.text(Self.left, 46, "start", report.title, "fill=\"#666\""),
        ]
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let value = most / 1.08 * share
            lines.append(Self.rule(Self.left, y(value), Self.width - Self.right, y(value)))
            lines.append(
                Self.text(
                    Self.left - 8,
                    y(value) + 4,
                    "end",
                    Figures.span(Int64(value)),
                    "fill=\"#666\""
                )
            )
        }
        for nine in Self.nines where Self.place(nine.percentile) <= last {
            let place = x(nine.percentile)
            lines.append(Self.rule(place, Self.top, place, Self.height - Self.bottom))
            lines.append(
                Self.text(
                    place,
                    Self.height - Self.bottom + 18,
                    "middle",
                    "p\(nine.name)",
                    "fill=\"#666\""
                )
            )
        }
        let points = curve.map {
            "\(Self.short(x($0.percentile))),\(Self.short(y($0.milliseconds)))"
        }
        .joined(separator: " ")
        lines.append(
            """
            <polyline fill="none" stroke="#3b5bdb" stroke-width="2.2" stroke-linejoin="round" \
            points="\(points)"/>
            """
        )
        if curve.isEmpty {
            lines.append(Self.text(380, 200, "middle", "no result", "fill=\"#666\""))
        }
        lines.append("</svg>\n")
        text = lines.joined(separator: "\n")
    }

    /// How many nines a percentile has, half a one for p68: the scale of the curve.
    private static func place(_ percentile: Double) -> Double {
        var (left, nines) = (max(100 - percentile, 0.0001) / 100, 0.0)
        while left <= 0.1 {
            left *= 10
            nines += 1
        }
        // Between two nines by a straight line: nobody reads a logarithm off it.
        return nines + (1 - left) / 0.9
    }

    private static func short(_ value: Double) -> String {
        Figures.plain((value * 10).rounded() / 10)
    }

    private static func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line x1=\"\(short(x1))\" y1=\"\(short(y1))\" x2=\"\(short(x2))\" y2=\"\(short(y2))\" "
            + "stroke=\"#ddd\"/>"
    }

    private static func text(
        _ x: Double,
        _ y: Double,
        _ anchor: String,
        _ words: String,
        _ style: String
    ) -> String {
        "<text x=\"\(short(x))\" y=\"\(short(y))\" text-anchor=\"\(anchor)\" \(style)>\(words)</text>"
    }
}
