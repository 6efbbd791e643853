internal import CLinux
internal import Glibc

extension EventLoop {
    /// A moment of the clock that goes on while the machine sleeps; from one boot to the next only.
    ///
    /// What `ContinuousClock.Instant` is, but of a layout that is known here: the library's own may
    /// change with the library, so each copy of one is a call, and a loop copies many.
    /// The corresponding clock of `clock_gettime` is `CLOCK_BOOTTIME`.
    package struct Instant: Comparable, Hashable, Sendable {
        private let sinceBoot: Duration

        private init(sinceBoot: Duration) { self.sinceBoot = sinceBoot }

        package static var now: Instant {
            var time = timespec()
            _ = unsafe clock_gettime(CLOCK_BOOTTIME, &time)
            return Instant(
                sinceBoot: Duration(
                    secondsComponent: Int64(time.tv_sec),
                    attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000
                )
            )
        }

        package static func < (a: Self, b: Self) -> Bool { a.sinceBoot < b.sinceBoot }
        package static func - (a: Self, b: Self) -> Duration { a.sinceBoot - b.sinceBoot }
        package static func + (a: Self, b: Duration) -> Instant {
            Instant(sinceBoot: a.sinceBoot + b)
        }
        package static func - (a: Self, b: Duration) -> Instant {
            Instant(sinceBoot: a.sinceBoot - b)
        }
    }
}
