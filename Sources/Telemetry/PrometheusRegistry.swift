package import CoreMetrics
internal import Synchronization

/// Holds every metric family of the process and shows them to Prometheus.
///
/// Families are declared once, at the start, with all their series; after that writing to one takes
/// no lock. It is also a swift-metrics backend, so that a library that counts through that API is
/// heard, when what it counts has been declared here; what has not is refused, because an
/// undeclared label is how a request's id gets into a time series.
package final class PrometheusRegistry: MetricsFactory {
    /// One family with its numbers, a cell for each of its series.
    struct Family: Sendable {
        enum Cells: Sendable {
            case counters([CounterCell])
            case gauges([GaugeCell])
            case histograms([HistogramCell])
            /// An info has no numbers.
            case none
        }

        let declaration: Declaration
        let cells: Cells
        /// Nil where the family is always shown.
        let visibility: Visibility?

        var isShown: Bool { visibility?.isShown ?? true }
    }

    private let families = Mutex<[Family]>([])
    private let refused: @Sendable (String) -> Void

    /// - Parameter refused: Told what was not declared, or declared wrongly, and why. Such a metric
    ///   goes nowhere. A debug build stops instead.
    package init(refused: (@Sendable (String) -> Void)? = nil) {
        self.refused = refused ?? { reason in assertionFailure(reason) }
    }

    /// All that is declared, in the order of declaration.
    package var declarations: [Declaration] { families.withLock { $0.map(\.declaration) } }

    package func expose(format: ExpositionFormat) -> [UInt8] {
        var exposition = Exposition(format: format)
        for family in families.withLock({ $0 }) { exposition.append(family) }
        return exposition.finished()
    }
}

// MARK: - Declaring

extension PrometheusRegistry {
    package func counter<L: Labels>(
        _ name: String,
        unit: Declaration.Unit? = nil,
        help: String,
        by labels: L.Type,
        shown visibility: Visibility? = nil
    ) -> CounterFamily<L> {
        let cells = L.allCases.map { _ in CounterCell() }
        declare(.counter, L.self, name, unit, help, [], .counters(cells), visibility)
        return CounterFamily(cells: cells)
    }

    package func counter(
        _ name: String,
        unit: Declaration.Unit? = nil,
        help: String,
        shown visibility: Visibility? = nil
    ) -> CounterFamily<NoLabels> {
        counter(name, unit: unit, help: help, by: NoLabels.self, shown: visibility)
    }

    package func gauge<L: Labels>(
        _ name: String,
        unit: Declaration.Unit? = nil,
        help: String,
        by labels: L.Type,
        shown visibility: Visibility? = nil
    ) -> GaugeFamily<L> {
        let cells = L.allCases.map { _ in GaugeCell() }
        declare(.gauge, L.self, name, unit, help, [], .gauges(cells), visibility)
        return GaugeFamily(cells: cells)
    }

    package func gauge(
        _ name: String,
        unit: Declaration.Unit? = nil,
        help: String,
        shown visibility: Visibility? = nil
    ) -> GaugeFamily<NoLabels> {
        gauge(name, unit: unit, help: help, by: NoLabels.self, shown: visibility)
    }

    /// A histogram of durations in seconds, the only unit ours have.
    package func histogram<L: Labels>(
        _ name: String,
        unit: Declaration.Unit? = .seconds,
        edges: [Double],
        help: String,
        by labels: L.Type,
        shown visibility: Visibility? = nil
    ) -> HistogramFamily<L> {
        let cells = L.allCases.map { _ in HistogramCell(edges: edges) }
        declare(.histogram, L.self, name, unit, help, edges, .histograms(cells), visibility)
        return HistogramFamily(cells: cells)
    }

    package func histogram(
        _ name: String,
        unit: Declaration.Unit? = .seconds,
        edges: [Double],
        help: String
    ) -> HistogramFamily<NoLabels> {
        histogram(name, unit: unit, edges: edges, help: help, by: NoLabels.self)
    }

    /// Facts that do not change while the process lives.
    package func info(_ name: String, help: String, facts: [(name: String, value: String)]) {
        let declaration = Declaration(
            name,
            .info,
            help: help,
            labelNames: facts.map(\.name),
            series: [facts.map(\.value)]
        )
        insert(Family(declaration: declaration, cells: .none, visibility: nil))
    }

    private func declare<L: Labels>(
        _ kind: Declaration.Kind,
        _: L.Type,
        _ name: String,
        _ unit: Declaration.Unit?,
        _ help: String,
        _ edges: [Double],
        _ cells: Family.Cells,
        _ visibility: Visibility?
    ) {
        let declaration = Declaration(
            name,
            kind,
            unit: unit,
            help: help,
            labelNames: L.names,
            series: L.allCases.map(\.values),
            edges: edges
        )
        insert(Family(declaration: declaration, cells: cells, visibility: visibility))
    }

    private func insert(_ family: Family) {
        let declaration = family.declaration
        if let fault = declaration.fault { return refused("\(declaration.name): \(fault)") }
        let isNew = families.withLock { families in
            if families.contains(where: { $0.declaration.familyName == declaration.familyName }) {
                return false
            }
            families.append(family)
            return true
        }
        if !isNew { refused("\(declaration.name): declared twice") }
    }
}

// MARK: - The swift-metrics backend

extension PrometheusRegistry {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard case .counters(let cells)? = find(label), let index = index(label, dimensions) else {
            return refuse(label, dimensions, as: "counter")
        }
        return cells[index]
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        guard case .counters(let cells)? = find(label), let index = index(label, dimensions) else {
            return refuse(label, dimensions, as: "counter")
        }
        return cells[index]
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        guard case .gauges(let cells)? = find(label), let index = index(label, dimensions) else {
            return refuse(label, dimensions, as: "gauge")
        }
        return cells[index]
    }

    /// A recorder that aggregates is a histogram, one that does not (`Gauge`) is a gauge.
    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        guard let index = index(label, dimensions) else {
            return refuse(label, dimensions, as: "recorder")
        }
        switch find(label) {
        case .histograms(let cells) where aggregate: return cells[index]
        case .gauges(let cells) where !aggregate: return cells[index]
        default: return refuse(label, dimensions, as: aggregate ? "histogram" : "gauge")
        }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        guard case .histograms(let cells)? = find(label), let index = index(label, dimensions)
        else { return refuse(label, dimensions, as: "histogram") }
        return cells[index]
    }

    // A declared series lives as long as the process, so that its count cannot fall.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func find(_ name: String) -> Family.Cells? {
        families.withLock { families in
            families.first { $0.declaration.name == name }?.cells
        }
    }

    /// Which series these dimensions, in any order, name.
    private func index(_ name: String, _ dimensions: [(String, String)]) -> Int? {
        let declaration = families.withLock { families in
            families.first { $0.declaration.name == name }?.declaration
        }
        guard let declaration, dimensions.count == declaration.labelNames.count else { return nil }
        let values = declaration.labelNames.compactMap { label in
            dimensions.first { $0.0 == label }?.1
        }
        return declaration.series.firstIndex(of: values)
    }

    private func refuse(
        _ name: String,
        _ dimensions: [(String, String)],
        as kind: String
    ) -> NOOPMetricsHandler {
        // Values stay out of the message: they are what must not leak.
        let labels = dimensions.map(\.0).joined(separator: ", ")
        refused("\(name)(\(labels)): no such \(kind) is declared")
        return NOOPMetricsHandler.instance
    }
}
