// Catalogue: every metric that a program of ours shows is declared in this folder and nowhere else: its
// name, help, unit, type, labels with all their values, and buckets. From here the page of the
// documentation is written; what declares one elsewhere fails a test.
//
//   Metrics.swift            the worker's
//   SupervisorMetrics.swift  the supervisor's, with LoadMetrics, LedgerMetrics and AuditMetrics
//   FleetMetrics.swift       the whole service's, shown by one supervisor at a time
//   AuthorizationMetrics.swift, and `ProcessMetrics` in Metrics.swift: of both programs
//   MetricLabels.swift       the values that the worker's labels may have

/// The documentation's page of metrics, from their declarations alone.
package enum MetricsPage {
    /// `deploy/prometheus/metrics.md`.
    package static func markdown() -> String {
        """
        # Metrics

        Written from the declarations in `Sources/Telemetry/Catalogue`; a test holds both against each other.
        Prometheus text 0.0.4 and OpenMetrics 1.0, as the scraper asks. No label ever names a user, a
        request or a consumer.

        ## Supervisor, port 8006

        `gpt4_strategy_*` is the whole service's and shown by one supervisor at a time, the one that
        leads the first partition; what ended is counted in Redis, by the scripts that end it.
        `strategy_supervisor_*` is each process' own; figures of a partition come from who leads it.

        \(SupervisorMetrics.documentationTable())
        ## Worker, port 8007

        \(Metrics.documentationTable())
        """
    }
}

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
