/// The documentation's table of metrics.
enum MetricsTable {
    static func markdown(_ declarations: [Declaration]) -> String {
        var lines = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
        for declaration in declarations {
            var meaning = escaped(declaration.help)
            if !declaration.edges.isEmpty {
                let edges = declaration.edges.map { shown($0) }.joined(separator: ", ")
                meaning += " Buckets (s): \(edges)."
            }
            lines.append(
                "| `\(declaration.name)` | \(declaration.kind.rawValue) | "
                    + "\(labels(declaration)) | \(meaning) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `name`: every value that it takes, in the order they first stand.
    private static func labels(_ declaration: Declaration) -> String {
        declaration.labelNames.enumerated().map { column, name in
            var values: [String] = []
            for series in declaration.series where !values.contains(series[column]) {
                values.append(series[column])
            }
            // An info's value differs by release.
            guard declaration.kind != .info else { return "`\(name)`" }
            return "`\(name)`: " + values.map(escaped).joined(separator: ", ")
        }.joined(separator: "; ")
    }

    /// Whole seconds without the point.
    private static func shown(_ edge: Double) -> String {
        let text = "\(edge)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func escaped(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
