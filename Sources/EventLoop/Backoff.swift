/// How long to rest before the next attempt: full jitter, up to a ceiling that doubles.
///
/// Knows no clock and no dice; both are handed in. Attempts are forgotten only after a connection
/// that held, so that a server which greets and hangs up is not asked ever faster.
package struct Backoff: Sendable {
    /// The ceiling of the first rest. Short: most losses are a server's restart.
    package static let ceilingFirst = Duration.milliseconds(50)
    /// The least rest. Nothing at all, drawn a few times in a row, would be a busy loop.
    package static let floor = Duration.milliseconds(1)

    private let ceilingLast: Duration
    package private(set) var attempts = 0

    package init(upTo ceilingLast: Duration) {
        self.ceilingLast = max(ceilingLast, Self.floor)
    }

    /// The rest before the next attempt. `random(n)` answers a number from 0 up to, without, `n`.
    package mutating func next(_ random: (UInt64) -> UInt64) -> Duration {
        // 50 ms doubled 20 times is 14 hours: past any ceiling, short of overflow.
        let doubled = Self.ceilingFirst * (1 << min(attempts, 20))
        attempts += 1
        let ceiling = min(doubled, ceilingLast)
        let microseconds = UInt64(ceiling / .microseconds(1))
        return max(Self.floor, .microseconds(Int64(random(microseconds + 1))))
    }

    /// The last connection was ready for `duration`, then lost.
    package mutating func connectionHeld(for duration: Duration) {
        if duration >= ceilingLast { attempts = 0 }
    }
}
