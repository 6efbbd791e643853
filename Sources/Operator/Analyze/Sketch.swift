import Desk
import Options

/// A profit curve as it is drawn: how far to look, and its course there.
struct Sketch {
    let title: String
    /// Prices of the underlying, dollars.
    let low: Double
    let high: Double
    let spot: Double
    let breakevens: [Double]
    /// Nil where the curve cannot be computed, which an analysis that succeeded excludes.
    private let curve: ProfitCurve?

    /// The stretch holds the spot, every strike and each breakeven that is near, with air around.
    init(_ request: AnalysisRequest, _ analysis: Analysis) {
        title = analysis.name.rawValue.split(separator: "_").joined(separator: " ")
        spot = request.spot
        let strikes = request.legs.filter { $0.kind != .stock }.compactMap(\.strike)
        let shown = strikes + [spot]
        let (least, most) = (shown.min() ?? spot, shown.max() ?? spot)
        let near = analysis.breakevens.filter { $0 > 0.5 * least && $0 < 2 * most }
        let (first, last) = ((near + [least]).min() ?? least, (near + [most]).max() ?? most)
        // A tenth of a cent is the least strike: nothing finer is looked at.
        let air = max(0.2 * (last - first), 0.08 * spot, 0.001)
        low = max(0, first - air)
        high = last + air
        breakevens = analysis.breakevens.filter { [low, high] in $0 >= low && $0 <= high }
        do throws(AnalysisError) {
            curve = try Analyst.curve(of: request)
        } catch {
            curve = nil
        }
    }

    /// Profit or loss in dollars; nothing where a model's figure leaves the numbers.
    func worth(at price: Double) -> Double {
        guard let worth = curve?.worth(at: price), worth.isFinite else { return 0 }
        return worth
    }

    /// `count` prices at equal distances, both ends included.
    func prices(_ count: Int) -> [Double] {
        (0..<count).map { low + (high - low) * Double($0) / Double(max(1, count - 1)) }
    }

    /// So many points of the curve, its corners and zeros among them, in order.
    func points(_ count: Int) -> [(price: Double, worth: Double)] {
        let corners = (curve?.corners ?? []).filter { $0 > low && $0 < high }
        return Set(prices(count) + corners + breakevens).sorted().map { ($0, worth(at: $0)) }
    }

    /// The range of worths shown: the curve's own and 0, never empty.
    func range(_ worths: [Double]) -> ClosedRange<Double> {
        let (least, most) = (min(0, worths.min() ?? 0), max(0, worths.max() ?? 0))
        return least < most ? least...most : -1...1
    }
}

/// The curve in characters: where it earns above the line, where it loses below.
struct TextPicture {
    static let columns = 64
    static let rowsOfSide = 6

    let lines: [String]

    init(_ sketch: Sketch) {
        let worths = sketch.prices(Self.columns).map(sketch.worth)
        let range = sketch.range(worths)
        let size = max(range.upperBound, -range.lowerBound)
        let here = Int(
            ((sketch.spot - sketch.low) / (sketch.high - sketch.low) * Double(Self.columns - 1))
                .rounded()
        )
        let (above, below) = (
            Self.rows(of: range.upperBound, size), Self.rows(of: -range.lowerBound, size)
        )
        var lines: [String] = []
        for row in stride(from: above, through: -below, by: -1) where row != 0 {
            let label =
                row == above ? range.upperBound : row == -below ? range.lowerBound : nil
            let bar = worths.map { Self.cell($0 / size * Double(Self.rowsOfSide), row: row) }
            lines.append(Self.labelled(label, Self.inked(bar.joined(), row)))
            if row == 1 { lines.append(Self.axis(here)) }
        }
        if above == 0 { lines.insert(Self.axis(here), at: 0) }
        lines.append(Self.scale(sketch, here))
        self.lines = lines
    }

    private static func rows(of worth: Double, _ size: Double) -> Int {
        worth <= 0 ? 0 : max(1, Int((worth / size * Double(rowsOfSide)).rounded(.up)))
    }

    /// An eighth of a row is told apart above the line, half of one below.
    private static func cell(_ height: Double, row: Int) -> String {
        let filled = (row > 0 ? height : -height) - Double(abs(row) - 1)
        guard filled > 0 else { return " " }
        if row < 0 { return filled >= 0.75 ? "█" : filled >= 0.25 ? "▀" : " " }
        let eighths = Int((filled * 8).rounded())
        return eighths >= 8 ? "█" : [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇"][max(0, eighths)]
    }

    private static func inked(_ text: String, _ row: Int) -> String {
        row > 0 ? Ink.green(text) : Ink.red(text)
    }

    private static func labelled(_ label: Double?, _ text: String) -> String {
        let figure = label.map(Figures.dollars) ?? ""
        return "  " + String(repeating: " ", count: max(0, 14 - figure.count)) + figure + " " + text
    }

    private static func axis(_ here: Int) -> String {
        let line = (0..<columns).map { $0 == here ? "┼" : "─" }.joined()
        return labelled(0, line)
    }

    private static func scale(_ sketch: Sketch, _ here: Int) -> String {
        var cells = [Character](repeating: " ", count: columns)
        func write(_ text: String, at place: Int) {
            let start = min(max(0, place), columns - text.count)
            let around = max(0, start - 1)..<min(columns, start + text.count + 1)
            guard start >= 0, cells[around].allSatisfy({ $0 == " " }) else { return }
            for (offset, character) in text.enumerated() { cells[start + offset] = character }
        }
        let spot = Figures.plain(sketch.spot)
        write(spot, at: here - spot.count / 2)
        write(Figures.plain(sketch.low), at: 0)
        let high = Figures.plain(sketch.high)
        write(high, at: columns - high.count)
        return labelled(nil, String(cells)).replacing(/\ +$/, with: "")
    }
}
