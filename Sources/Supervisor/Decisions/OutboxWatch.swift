package import EventLoop

/// How long an outbox lasts that fills up. Knows no clock.
package struct OutboxWatch: Sendable {
    private let bytesMax: Int
    private var seen: [(at: EventLoop.Instant, bytes: Int)] = []
    package private(set) var isFull = false

    package enum Limits {
        /// The rate is that of the last minute.
        package static let window = Duration.seconds(60)
        /// Full until so much of it is free again: else it would be full and not by turns.
        package static let freeShare = 0.05
        /// What "for ever" is shown as.
        package static let longest = Duration.seconds(365 * 86_400)
    }

    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    package mutating func saw(bytes: Int, at now: EventLoop.Instant) {
        seen.append((now, bytes))
        while let first = seen.first, now - first.at > Limits.window { seen.removeFirst() }
        if bytes > bytesMax {
            isFull = true
        } else if Double(bytes) < Double(bytesMax) * (1 - Limits.freeShare) {
            isFull = false
        }
    }

    /// How long until it is full, at the rate at which it grew.
    package var left: Duration {
        guard let first = seen.first, let last = seen.last, last.at > first.at,
            last.bytes > first.bytes
        else { return isFull ? .zero : Limits.longest }
        let perSecond =
            Double(last.bytes - first.bytes) / ((last.at - first.at) / .seconds(1))
        let seconds = Double(max(bytesMax - last.bytes, 0)) / perSecond
        return min(.seconds(Int64(min(seconds, 4e8))), Limits.longest)
    }
}
