/// The labels of one metric: a closed set of combinations, so that a label can never take a value
/// from a request.
package protocol Labels: CaseIterable, Hashable, Sendable {
    static var names: [String] { get }
    /// One value a name.
    var values: [String] { get }
    /// The place in `allCases`.
    var ordinal: Int { get }
}

extension Labels {
    package var ordinal: Int {
        var place = 0
        for other in Self.allCases {
            if other == self { return place }
            place += 1
        }
        return place
    }
}

extension Labels where Self: RawRepresentable, RawValue == String {
    package var values: [String] { [rawValue] }
}

/// For a metric of one series.
package struct NoLabels: Labels {
    package static let names: [String] = []
    package static let allCases = [NoLabels()]
    package var values: [String] { [] }
    package var ordinal: Int { 0 }
}

/// A counter for each combination of labels.
package struct CounterFamily<L: Labels>: Sendable {
    let cells: [CounterCell]

    package func increment(_ labels: L, by amount: Int = 1) {
        cells[labels.ordinal].increment(by: Int64(amount))
    }

    package func value(_ labels: L) -> Double { cells[labels.ordinal].value }

    /// Shows a total that somebody else counts.
    func show(_ labels: L, _ total: Int) { cells[labels.ordinal].show(Int64(total)) }
    func show(_ labels: L, _ total: Double) { cells[labels.ordinal].show(total) }
}

extension CounterFamily where L == NoLabels {
    package func increment(by amount: Int = 1) { cells[0].increment(by: Int64(amount)) }

    /// Follows a total, of any unit, that something else counts. Never falls.
    package func follow(_ total: Double) { cells[0].follow(total) }

    package var value: Double { cells[0].value }
}

/// A gauge for each combination of labels.
package struct GaugeFamily<L: Labels>: Sendable {
    let cells: [GaugeCell]

    package func set(_ labels: L, to value: Double) { cells[labels.ordinal].set(value) }
    package func set(_ labels: L, to value: Int) { set(labels, to: Double(value)) }
    package func set(_ labels: L, to value: Bool) { set(labels, to: value ? 1.0 : 0.0) }

    package func value(_ labels: L) -> Double { cells[labels.ordinal].value }
}

extension GaugeFamily where L == NoLabels {
    package func set(to value: Double) { cells[0].set(value) }
    package func set(to value: Int) { cells[0].set(Double(value)) }
    package func set(to value: Bool) { cells[0].set(value ? 1.0 : 0.0) }
    package func add(_ amount: Int) { cells[0].increment(by: Double(amount)) }

    package var value: Double { cells[0].value }
}

/// A histogram for each combination of labels.
package struct HistogramFamily<L: Labels>: Sendable {
    let cells: [HistogramCell]

    package func record(_ labels: L, _ duration: Duration) {
        cells[labels.ordinal].record(duration.inSeconds)
    }

    /// Shows what somebody else has counted.
    func show(_ labels: L, _ numbers: [UInt64], sum: Double) {
        cells[labels.ordinal].show(numbers, sum: sum)
    }

    package func snapshot(_ labels: L) -> HistogramCell.Snapshot {
        cells[labels.ordinal].snapshot()
    }
}

extension HistogramFamily where L == NoLabels {
    package func record(_ duration: Duration) { cells[0].record(duration.inSeconds) }
    package func record(ratio: Double) { cells[0].record(ratio) }

    package func snapshot() -> HistogramCell.Snapshot { cells[0].snapshot() }
}

extension Duration {
    /// Off by less than a nanosecond for any duration under a hundred days.
    fileprivate var inSeconds: Double {
        // Up to nine seconds, which nearly all are, the attoseconds fit 64 bits.
        if let short = Int64(exactly: attoseconds) { return Double(short) / 1e18 }
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
