/// A metric family as it is declared: everything about it but its numbers.
package struct Declaration: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
        /// Facts as labels; the value is always 1.
        case info
    }

    /// The base unit, which the name must end in.
    package enum Unit: String, Sendable {
        case seconds
        case bytes
    }

    package enum Limits {
        /// Upper edges of one histogram, `+Inf` not counted: the room its cells have. A label's
        /// series each hold as many, so more would be a question to the scrape's size first.
        package static let edgesMax = 23
        /// Series of one family. All are shown from the start, so this bounds the page too.
        package static let seriesMax = 64
    }

    /// As the old format writes it: a counter ends in `_total`, an info in `_info`.
    package let name: String
    package let help: String
    package let kind: Kind
    package let unit: Unit?
    package let labelNames: [String]
    /// Every combination of label values there will ever be, in order.
    package let series: [[String]]
    /// Upper edges of a histogram's buckets, inclusive, ascending, without `+Inf`.
    package let edges: [Double]

    init(
        _ name: String,
        _ kind: Kind,
        unit: Unit? = nil,
        help: String,
        labelNames: [String] = [],
        series: [[String]] = [[]],
        edges: [Double] = []
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.unit = unit
        self.labelNames = labelNames
        self.series = series
        self.edges = edges
    }

    /// The name of the family in OpenMetrics, which puts `_total` and `_info` on the samples.
    package var familyName: String {
        switch kind {
        case .counter: String(name.dropLast("_total".count))
        case .info: String(name.dropLast("_info".count))
        case .gauge, .histogram: name
        }
    }

    /// What makes this unfit to be shown, or nil. The rules are those of the two formats and of
    /// `promtool check metrics`.
    package var fault: String? {
        let samples = Set(["_total", "_info", "_sum", "_count", "_bucket", "_created"])
        if !Self.isName(name) { return "not a metric name" }
        if kind == .counter, !name.hasSuffix("_total") { return "a counter ends in _total" }
        if kind == .info, !name.hasSuffix("_info") { return "an info ends in _info" }
        if samples.contains(where: familyName.hasSuffix) { return "ends like a sample" }
        if let unit, !familyName.hasSuffix("_\(unit.rawValue)") {
            return "does not end in its unit, \(unit.rawValue)"
        }
        if help.isEmpty { return "no help" }
        if !labelNames.allSatisfy(Self.isLabelName) { return "not a label name" }
        if Set(labelNames).count != labelNames.count { return "a label stands twice" }
        if labelNames.contains("le") { return "le is the histogram's own label" }
        if series.isEmpty || series.count > Limits.seriesMax { return "too few or too many series" }
        if series.contains(where: { $0.count != labelNames.count }) {
            return "a series lacks a label"
        }
        if Set(series).count != series.count { return "a series stands twice" }
        if (kind == .histogram) == edges.isEmpty { return "edges belong to histograms alone" }
        if edges.count > Limits.edgesMax { return "too many edges" }
        if !zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) { return "edges do not ascend" }
        if !edges.allSatisfy(\.isFinite) { return "an edge is not finite" }
        return nil
    }

    private static func isName(_ name: String) -> Bool {
        // A colon is legal too, but it is left to recording rules.
        isLabelName(name)
    }

    private static func isLabelName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return !name.hasPrefix("__")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
