/// The two texts that Prometheus reads.
package enum ExpositionFormat: Sendable, CaseIterable {
    /// Text format 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.
    case openMetrics

    package var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What a scraper with this `Accept` header wants (RFC 9110, 12.5.1): the one of greater `q`,
    /// and 0.0.4 when it does not say.
    package init(accept: String) {
        var (text, open) = (0.0, 0.0)
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { Self.trimmed($0).lowercased() }
            let parameters = parts.dropFirst()
            var quality = 1.0
            for parameter in parameters where parameter.hasPrefix("q=") {
                quality = Double(parameter.dropFirst(2)) ?? 0
            }
            let version = parameters.first { $0.hasPrefix("version=") }?.dropFirst("version=".count)
            switch parts.first {
            case "application/openmetrics-text" where version == nil || version == "1.0.0":
                open = max(open, quality)
            case "text/plain", "text/*", "*/*": text = max(text, quality)
            default: continue
            }
        }
        self = open > 0 && open >= text ? .openMetrics : .prometheus
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text.drop { $0 == " " || $0 == "\t" }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}

/// Writes families as text, one after the other.
struct Exposition {
    private let format: ExpositionFormat
    private var bytes: [UInt8] = []

    init(format: ExpositionFormat) {
        self.format = format
        // The worker's own page is about 25 KB.
        bytes.reserveCapacity(32_768)
    }

    consuming func finished() -> [UInt8] {
        if format == .openMetrics { put("# EOF\n") }
        return bytes
    }

    mutating func append(_ family: PrometheusRegistry.Family) {
        let declaration = family.declaration
        header(declaration)
        guard family.isShown else { return }
        switch family.cells {
        case .counters(let cells):
            for (values, cell) in zip(declaration.series, cells) {
                sample(declaration.name, labels(declaration, values), cell.text)
            }
        case .gauges(let cells):
            for (values, cell) in zip(declaration.series, cells) {
                sample(declaration.name, labels(declaration, values), Self.number(cell.value))
            }
        case .histograms(let cells):
            for (values, cell) in zip(declaration.series, cells) {
                histogram(declaration, labels(declaration, values), cell.snapshot())
            }
        case .none:
            for values in declaration.series {
                sample(declaration.name, labels(declaration, values), "1")
            }
        }
    }

    private mutating func header(_ declaration: Declaration) {
        let name = format == .openMetrics ? declaration.familyName : declaration.name
        // 0.0.4 knows no info; there it is a gauge that stands at 1.
        let kind =
            format == .prometheus && declaration.kind == .info ? .gauge : declaration.kind
        put("# HELP \(name) ")
        // OpenMetrics escapes quotes in help too, 0.0.4 does not.
        escape(declaration.help, quotes: format == .openMetrics)
        put("\n# TYPE \(name) \(kind.rawValue)\n")
        if format == .openMetrics, let unit = declaration.unit {
            put("# UNIT \(name) \(unit.rawValue)\n")
        }
    }

    private mutating func histogram(
        _ declaration: Declaration,
        _ labels: [(String, String)],
        _ snapshot: HistogramCell.Snapshot
    ) {
        for (bucket, count) in snapshot.cumulative.enumerated() {
            let edge =
                bucket < declaration.edges.count ? declaration.edges[bucket] : .infinity
            sample(
                "\(declaration.name)_bucket",
                labels + [("le", Self.number(edge))],
                String(count)
            )
        }
        sample("\(declaration.name)_sum", labels, Self.number(snapshot.sum))
        sample("\(declaration.name)_count", labels, String(snapshot.count))
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        put(name)
        for (index, label) in labels.enumerated() {
            put(index == 0 ? "{" : ",")
            put(label.0)
            put("=\"")
            escape(label.1, quotes: true)
            put("\"")
        }
        put(labels.isEmpty ? " " : "} ")
        put(value)
        put("\n")
    }

    private func labels(_ declaration: Declaration, _ values: [String]) -> [(String, String)] {
        Array(zip(declaration.labelNames, values))
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func escape(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): put("\\\\")
            case UInt8(ascii: "\n"): put("\\n")
            case UInt8(ascii: "\"") where quotes: put("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    /// The shortest text that reads back as the same number. Always with a point or an exponent,
    /// the canonical form of OpenMetrics: `le="1"` and `le="1.0"` would be two series.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }
}
