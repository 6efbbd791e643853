import Foundation
import Glibc

/// What the kernel says of a process.
enum Probe {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// CPU time of all threads of a process, its own and the kernel's on its behalf.
    /// The corresponding C functions are `clock_getcpuclockid` and `clock_gettime`.
    static func cpu(of pid: pid_t) throws -> Duration {
        var clock = clockid_t()
        var time = timespec()
        guard unsafe clock_getcpuclockid(pid, &clock) == 0,
            unsafe clock_gettime(clock, &time) == 0
        else { throw Failure(description: "process \(pid) is gone") }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The most memory that a process has had resident: `VmHWM`, in KiB.
    static func residentPeakKiB(of pid: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let figure = line?.split(separator: " ").dropFirst().first, let kib = Int(figure)
        else { throw Failure(description: "process \(pid) has no VmHWM") }
        return kib
    }
}

/// Runnable processes on average over a minute, as in `uptime`.
enum LoadAverage {
    static var now: Double {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) } ?? .nan
    }
}

/// How much of this machine others used while something was measured.
struct Noise {
    private let busy: Duration
    private let ours: Duration
    private let start = ContinuousClock.now

    /// - Parameter ours: CPU of the bench and its servers until now.
    init(ours: Duration) {
        self.ours = ours
        busy = Self.busy
    }

    /// The part of all cores' time that neither the bench nor its servers used, 0…1.
    func end(ours: Duration) -> Double {
        let cores = Double(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let others = (Self.busy - busy) - (ours - self.ours)
        return max(others / (ContinuousClock.now - start), 0) / cores
    }

    /// All that was not idle, of all cores, since the machine started.
    private static var busy: Duration {
        let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let ticks = text.prefix { $0 != "\n" }.split(separator: " ").compactMap { Double($0) }
        guard ticks.count >= 8 else { return .zero }
        // user nice system idle iowait irq softirq steal; guests are within user.
        let busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]
        return .seconds(busy / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}

/// How much more of the cores the bench and its servers are given than others: all of them alike,
/// so that no comparison is moved, and neighbours disturb less.
struct Priority: Sendable {
    private let autogroupBefore: String?

    /// - Parameter nice: As `nice(1)` has it; below 0 only for root, otherwise nothing changes.
    /// The corresponding C function is `setpriority`; where the kernel schedules by sessions
    /// (`sched(7)`, "The autogroup feature"), the session's own value is what counts.
    init(nice: Int) {
        // Each thread has its own, and gives it to those that it starts, processes too.
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        for thread in (threads ?? []).compactMap({ id_t($0) }) {
            _ = setpriority(Self.process, thread, Int32(nice))
        }
        let text = try? String(contentsOfFile: Self.autogroup, encoding: .utf8)
        autogroupBefore = text?.split(whereSeparator: \.isWhitespace).last.map(String.init)
        Self.write("\(nice)")
    }

    /// Gives the session back what it had; it may be a person's shell.
    func restore() {
        if let autogroupBefore { Self.write(autogroupBefore) }
    }

    /// What was granted.
    static var nice: Int { Int(getpriority(process, 0)) }

    /// Runs `body` while the kernel runs nothing in a process' place when that has work, so that the
    /// time it takes for something is its own.
    ///
    /// - Parameter body: Given whether that could be had: root may ask for it.
    /// The corresponding C function is `sched_setscheduler`.
    static func withAhead<Value>(
        of process: pid_t,
        _ body: (Bool) async throws -> Value
    ) async throws -> Value {
        let folder = "/proc/\(process)/task"
        func schedule(_ policy: Int32, _ priority: Int32) -> Bool {
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            var parameters = sched_param(sched_priority: priority)
            return threads.compactMap({ pid_t($0) }).allSatisfy {
                unsafe sched_setscheduler($0, policy, &parameters) == 0
            }
        }
        let isAhead = schedule(SCHED_RR, 1)
        defer { _ = schedule(SCHED_OTHER, 0) }
        return try await body(isAhead)
    }

    private static let process = __priority_which_t(PRIO_PROCESS.rawValue)
    private static let autogroup = "/proc/self/autogroup"

    private static func write(_ nice: String) {
        try? nice.write(toFile: autogroup, atomically: false, encoding: .utf8)
    }
}
