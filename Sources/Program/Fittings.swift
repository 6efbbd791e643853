import Glibc
package import Logging

extension Logger {
    /// The same, for a library that tells too much below `level`.
    package func from(_ level: Logger.Level) -> Logger {
        var quiet = self
        quiet.logLevel = level
        return quiet
    }
}

extension Duration {
    /// As scripts and keys' expiries count it; what is less than one is dropped.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}

/// The machine a process runs on.
package enum Host {
    /// Its name; `host` where it has none.
    package static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "host" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    /// Its own clock, Unix milliseconds.
    package static func nowMs() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
