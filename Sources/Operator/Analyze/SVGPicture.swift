import Desk
import Options

/// The profit curve as a drawing of its own, legible on light and on dark ground.
struct SVGPicture {
    private static let (width, height) = (760.0, 420.0)
    private static let (left, right, top, bottom) = (90.0, 20.0, 50.0, 50.0)

    private let sketch: Sketch
    private let points: [(price: Double, worth: Double)]
    private let worths: ClosedRange<Double>

    init(_ sketch: Sketch) {
        self.sketch = sketch
        points = sketch.points(241)
        worths = sketch.range(points.map(\.worth))
    }

    /// The document.
    var text: String {
        let line = points.map { "\(place(x($0.price))),\(place(y($0.worth)))" }
            .joined(separator: " ")
        let (start, end, zero) = (x(sketch.low), x(sketch.high), y(0))
        let closed = "\(place(start)),\(place(zero)) \(line) \(place(end)),\(place(zero))"
        let bottom = Self.height - Self.bottom
        var lines = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 420" \
            font-family="sans-serif" font-size="13" role="img">
            """,
            "<title>\(sketch.title): profit and loss at the first expiry</title>",
            "<rect width=\"760\" height=\"420\" fill=\"#fff\"/>",
            half("gain", top: Self.top, bottom: zero),
            half("loss", top: zero, bottom: bottom),
            "<polygon clip-path=\"url(#gain)\" fill=\"#bfe6cb\" points=\"\(closed)\"/>",
            "<polygon clip-path=\"url(#loss)\" fill=\"#f5c6c6\" points=\"\(closed)\"/>",
            rule(start, zero, end, zero, "stroke=\"#555\""),
            rule(
                x(sketch.spot),
                Self.top,
                x(sketch.spot),
                bottom,
                "stroke=\"#555\" stroke-dasharray=\"4 4\""
            ),
            "<polyline fill=\"none\" stroke=\"#222\" stroke-width=\"2\" points=\"\(line)\"/>",
            label(Self.left, 30, "start", sketch.title, "font-size=\"18\" fill=\"#222\""),
        ]
        for breakeven in sketch.breakevens {
            lines.append(
                """
                <circle cx="\(place(x(breakeven)))" cy="\(place(zero))" r="4" fill="#222"/>
                """
            )
            lines.append(label(x(breakeven), zero - 8, "middle", Figures.plain(breakeven)))
        }
        lines += scales(zero, bottom)
        lines.append("</svg>\n")
        return lines.joined(separator: "\n")
    }

    private func scales(_ zero: Double, _ bottom: Double) -> [String] {
        var lines: [String] = []
        for worth in Set([worths.lowerBound, 0, worths.upperBound]).sorted() {
            lines.append(label(Self.left - 8, y(worth) + 4, "end", Figures.dollars(worth)))
        }
        for (price, anchor) in [(sketch.low, "start"), (sketch.high, "end")] {
            lines.append(label(x(price), bottom + 20, anchor, Figures.plain(price)))
        }
        let spot = "spot \(Figures.plain(sketch.spot))"
        lines.append(label(x(sketch.spot), bottom + 38, "middle", spot))
        return lines
    }

    private func half(_ id: String, top: Double, bottom: Double) -> String {
        """
        <clipPath id="\(id)"><rect x="0" y="\(place(top))" width="760" \
        height="\(place(max(0, bottom - top)))"/></clipPath>
        """
    }

    private func rule(
        _ x1: Double,
        _ y1: Double,
        _ x2: Double,
        _ y2: Double,
        _ style: String
    ) -> String {
        """
        <line x1="\(place(x1))" y1="\(place(y1))" x2="\(place(x2))" y2="\(place(y2))" \(style)/>
        """
    }

    private func label(
        _ x: Double,
        _ y: Double,
        _ anchor: String,
        _ text: String,
        _ style: String = "fill=\"#555\""
    ) -> String {
        """
        <text x="\(place(x))" y="\(place(y))" text-anchor="\(anchor)" \(style)>\(text)</text>
        """
    }

    private func x(_ price: Double) -> Double {
        let span = Self.width - Self.left - Self.right
        return Self.left + span * (price - sketch.low) / (sketch.high - sketch.low)
    }

    private func y(_ worth: Double) -> Double {
        let span = Self.height - Self.top - Self.bottom
        let size = worths.upperBound - worths.lowerBound
        return Self.top + span * (worths.upperBound - worth) / size
    }

    /// A hundredth of a unit is finer than any screen.
    private func place(_ coordinate: Double) -> String {
        Figures.plain((coordinate * 100).rounded() / 100)
    }
}
