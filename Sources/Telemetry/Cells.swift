internal import CoreMetrics
internal import Synchronization

// The cells hold the numbers. Each operation is one relaxed atomic read-modify-write (a histogram's
// two): nothing is published by them, so no order is needed, and any thread may write.

/// A count that only grows. Whole steps cost one `lock xadd`.
package final class CounterCell: CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    /// What came in fractions; kept apart so that whole steps never lose digits to it.
    private let fraction = Atomic<Double>(0)

    package var value: Double {
        Double(whole.load(ordering: .relaxed)) + fraction.load(ordering: .relaxed)
    }

    /// The count as text, exact to 2⁶³ when only whole steps came.
    var text: String {
        let part = fraction.load(ordering: .relaxed)
        let steps = whole.load(ordering: .relaxed)
        return part == 0 ? String(steps) : Exposition.number(Double(steps) + part)
    }

    /// Negative steps are dropped: a counter that falls reads as a restart.
    package func increment(by amount: Int64) {
        guard amount > 0 else { return }
        whole.wrappingAdd(amount, ordering: .relaxed)
    }

    package func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        fraction.add(amount)
    }

    /// Follows a total that something else counts, as the kernel does. Never falls.
    func follow(_ total: Double) {
        while true {
            let seen = fraction.load(ordering: .relaxed)
            guard total > seen, total.isFinite else { return }
            let (done, _) = fraction.compareExchange(
                expected: seen,
                desired: total,
                ordering: .relaxed
            )
            if done { return }
        }
    }

    /// Shows a total that somebody else counts, as it is now.
    func show(_ total: Int64) { whole.store(total, ordering: .relaxed) }
    func show(_ total: Double) { fraction.store(total, ordering: .relaxed) }

    package func reset() {
        whole.store(0, ordering: .relaxed)
        fraction.store(0, ordering: .relaxed)
    }
}

/// A value that goes up and down.
package final class GaugeCell: MeterHandler, RecorderHandler {
    private let current = Atomic<Double>(0)

    package var value: Double { current.load(ordering: .relaxed) }

    package func set(_ value: Double) { current.store(value, ordering: .relaxed) }
    package func set(_ value: Int64) { set(Double(value)) }
    package func increment(by amount: Double) { current.add(amount) }
    package func decrement(by amount: Double) { current.add(-amount) }

    /// A recorder that does not aggregate is a gauge: the last value counts.
    package func record(_ value: Int64) { set(Double(value)) }
    package func record(_ value: Double) { set(value) }
}

/// A distribution in fixed buckets.
package final class HistogramCell: RecorderHandler, TimerHandler {
    /// What was recorded so far. While others write, `sum` may be a few records ahead or behind;
    /// `cumulative` always agrees with itself.
    package struct Snapshot: Equatable {
        /// One number an edge and one for `+Inf`, each including those before it.
        package let cumulative: [UInt64]
        package let sum: Double
        package var count: UInt64 { cumulative.last ?? 0 }
    }

    private let edges: [Double]
    /// Room for `Declaration.Limits.edgesMax` edges and `+Inf`, in the object itself.
    private let counts: [24 of Atomic<UInt64>]
    private let sum = Atomic<Double>(0)

    /// - Parameter edges: Ascending; more than `Declaration.Limits.edgesMax` are ignored.
    package init(edges: [Double]) {
        self.edges = Array(edges.prefix(Declaration.Limits.edgesMax))
        counts = InlineArray { _ in Atomic(0) }
    }

    package func record(_ value: Double) {
        // NaN would make the sum NaN for ever.
        guard !value.isNaN else { return }
        var bucket = 0
        while bucket < edges.count, value > edges[bucket] { bucket += 1 }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    package func record(_ value: Int64) { record(Double(value)) }

    /// Shows what somebody else has counted: a number an edge and one for `+Inf`, each by itself.
    func show(_ numbers: [UInt64], sum total: Double) {
        for (bucket, number) in numbers.prefix(edges.count + 1).enumerated() {
            counts[bucket].store(number, ordering: .relaxed)
        }
        sum.store(total, ordering: .relaxed)
    }

    /// Kept in seconds, as Prometheus asks.
    package func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    package func snapshot() -> Snapshot {
        var total: UInt64 = 0
        let cumulative = (0...edges.count).map { bucket in
            total += counts[bucket].load(ordering: .relaxed)
            return total
        }
        return Snapshot(cumulative: cumulative, sum: sum.load(ordering: .relaxed))
    }
}

extension Atomic where Value == Double {
    /// Floating-point addition has no instruction of its own; alone on a core this loops once.
    fileprivate borrowing func add(_ amount: Double) {
        var seen = load(ordering: .relaxed)
        while true {
            let (done, original) = weakCompareExchange(
                expected: seen,
                desired: seen + amount,
                ordering: .relaxed
            )
            if done { return }
            seen = original
        }
    }
}
