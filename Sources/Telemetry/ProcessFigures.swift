internal import Glibc

/// What the kernel says of this process. See `proc_pid_stat(5)`.
package struct ProcessFigures: Sendable, Equatable {
    package let residentBytes: Int
    /// User and system time since the start.
    package let cpuSeconds: Double
    package let openDescriptors: Int
    /// Unix time of the start, in seconds.
    package let startSeconds: Double

    /// Reads `/proc`. Nil where it cannot be read, as in a container that hides it.
    package static func current() -> ProcessFigures? {
        guard let stat = contents(of: "/proc/self/stat"),
            let system = contents(of: "/proc/stat"),
            let descriptors = countDescriptors()
        else { return nil }
        return ProcessFigures(
            stat: stat,
            systemStat: system,
            openDescriptors: descriptors,
            cpuSeconds: cpuSeconds(),
            pageBytes: sysconf(Int32(_SC_PAGESIZE)),
            ticksPerSecond: sysconf(Int32(_SC_CLK_TCK))
        )
    }

    /// - Parameters:
    ///   - stat: `/proc/self/stat`. The second field is the program's name in parentheses and may
    ///     hold both spaces and parentheses, so fields count from the last `)`.
    ///   - systemStat: `/proc/stat`, for the boot time in its line `btime`.
    package init?(
        stat: String,
        systemStat: String,
        openDescriptors: Int,
        cpuSeconds: Double,
        pageBytes: Int,
        ticksPerSecond: Int
    ) {
        guard let nameEnd = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: nameEnd)...].split(whereSeparator: \.isWhitespace)
        // After the name comes field 3; `starttime` is field 22, `rss` field 24.
        guard fields.count > 21, let startTicks = Int(fields[19]), let pages = Int(fields[21]),
            let bootLine = systemStat.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }
            ),
            let boot = Int(bootLine.dropFirst("btime ".count)), ticksPerSecond > 0
        else { return nil }
        residentBytes = pages * pageBytes
        self.cpuSeconds = cpuSeconds
        self.openDescriptors = openDescriptors
        startSeconds = Double(boot) + Double(startTicks) / Double(ticksPerSecond)
    }

    /// The clock counts nanoseconds where `utime` and `stime` count hundredths of a second.
    private static func cpuSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Descriptors open but for the one that counts them.
    private static func countDescriptors() -> Int? {
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(directory) }
        var entries = 0
        while unsafe readdir(directory) != nil { entries += 1 }
        // `.`, `..` and the directory's own.
        return entries - 3
    }

    private static func contents(of path: String) -> String? {
        let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(fd, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
