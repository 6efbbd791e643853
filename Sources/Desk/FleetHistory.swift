import Contract
package import Telemetry

/// What was read in the last quarter of an hour, for curves and for rates.
package struct FleetHistory: Sendable {
    /// What a curve shows of one moment.
    package struct Sample: Equatable, Sendable {
        /// Unix milliseconds, Redis' clock.
        package let at: Int64
        package let waiting: Int
        package let inFlight: Int
        package let oldestMs: Int64
        package let rates: Rates
    }

    /// What was counted of late. Nil where there is nothing to tell it from.
    package struct Rates: Equatable, Sendable {
        /// Requests that ended, of any kind, of the last ten seconds.
        package var endedPerSecond: Double?
        package var errorsPerSecond: Double?
        /// Of the last minute, as the two below.
        package var dollarsPerMinute: Double?
        package var seconds50: Double?
        package var seconds95: Double?
        package var seconds99: Double?
    }

    package enum Limits {
        /// Samples that are kept: a quarter of an hour, at one a second.
        package static let samplesMax = 900
        package static let quickMs: Int64 = 10_000
        package static let slowMs: Int64 = 60_000
    }

    private struct Mark {
        let at: Int64
        let ended: Int
        let errors: Int
        let cost: Int64
        let times: [UInt64]
    }

    package private(set) var samples: [Sample] = []
    private var marks: [Mark] = []

    package init() {}

    /// - Parameter at: Unix milliseconds, by the same clock as all others.
    package mutating func add(_ figures: FleetMetrics.Figures, at: Int64) {
        let mark = Mark(
            at: at,
            ended: figures.counts.ended,
            errors: figures.counts.errors,
            cost: (figures.counts.cost(.user) + figures.counts.cost(.house)).amount,
            times: figures.counts.times
        )
        // Counters that have fallen are of other data: what came before says nothing.
        if let last = marks.last, last.ended > mark.ended || last.at > at { marks = [] }
        marks.append(mark)
        marks.removeAll { $0.at < at - Limits.slowMs }
        samples.append(
            Sample(
                at: at,
                waiting: figures.waiting.values.reduce(0, +),
                inFlight: figures.inFlight.values.reduce(0, +),
                oldestMs: figures.oldestWaitingMs.values.max() ?? 0,
                rates: rates(at: mark)
            )
        )
        if samples.count > Limits.samplesMax {
            samples.removeFirst(samples.count - Limits.samplesMax)
        }
    }

    private func rates(at mark: Mark) -> Rates {
        var rates = Rates()
        if let from = marks.first(where: { $0.at >= mark.at - Limits.quickMs }), from.at < mark.at {
            let seconds = Double(mark.at - from.at) / 1_000
            rates.endedPerSecond = Double(mark.ended - from.ended) / seconds
            rates.errorsPerSecond = Double(mark.errors - from.errors) / seconds
        }
        guard let from = marks.first, from.at < mark.at else { return rates }
        let minutes = Double(mark.at - from.at) / 60_000
        rates.dollarsPerMinute = Double(mark.cost - from.cost) / 1e9 / minutes
        let times = zip(mark.times, from.times).map { $0 >= $1 ? $0 - $1 : 0 }
        func seconds(_ share: Double) -> Double? {
            Percentiles.value(at: share, of: times, edges: FleetCounts.edges)
        }
        rates.seconds50 = seconds(0.5)
        rates.seconds95 = seconds(0.95)
        rates.seconds99 = seconds(0.99)
        return rates
    }
}
