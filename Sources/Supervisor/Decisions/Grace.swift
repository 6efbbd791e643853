/// Whether Redis has answered for long enough that a missing sign of life means a dead worker.
///
/// Workers that could not reach Redis could not renew theirs either: after an outage everybody looks
/// dead for a moment.
package struct Grace: Sendable {
    /// How long Redis must have answered without a gap, and been up itself: `RECLAIM_GRACE`.
    private let needed: Duration
    /// Between two answers; in a longer pause Redis may have stood still while signs of life expired.
    private let gapMax: Duration
    /// Since when it has answered without a gap.
    private var since: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    private var uptime = Duration.zero

    package enum Limits {
        /// Between two renewals of a worker's sign of life.
        package static let renewal = Duration.seconds(1)
        /// Asked every second, Redis is heard in time at the latest after this.
        package static let gapLeast = Duration.milliseconds(1_500)
    }

    /// - Parameter heartbeatTTL: After which a worker's sign of life expires, `HEARTBEAT_TTL`.
    package init(heartbeatTTL: Duration) {
        needed = heartbeatTTL * 2
        gapMax = max(heartbeatTTL - Limits.renewal, Limits.gapLeast)
    }

    /// Redis has answered, and told how long it has been up.
    package mutating func answered(at now: ContinuousClock.Instant, uptime: Duration) {
        // Who has slept so long himself knows nothing of the time between.
        let hasGap = last.map { now - $0 > gapMax } ?? true
        if hasGap { since = now }
        last = now
        self.uptime = uptime
    }

    /// Redis did not answer, or the connection was made anew.
    package mutating func missed() { (since, last) = (nil, nil) }

    package func isOver(at now: ContinuousClock.Instant) -> Bool {
        guard let since else { return false }
        return now - since >= needed && uptime >= needed
    }
}
