// EventLoop: one thread that waits for descriptors, deadlines and wake-ups, and runs Swift tasks.
// Belongs here: epoll, timers, the executor, and what every driver on it needs: names made addresses
// off its thread, rests between attempts. Does not: protocols, names of streams, when to try again.

internal import CLinux
internal import Glibc
internal import Synchronization

/// One thread that is at once an epoll loop, a `SerialExecutor` and a `TaskExecutor`.
///
/// Actors pinned to it and child tasks that prefer it run on its thread and on no other, so what
/// they touch needs no lock. A turn of the loop is `turn()`: jobs, timers, descriptors.
///
/// Everything said to be *loop-bound* may be called on the loop's thread alone, and traps elsewhere.
///
/// `@unchecked Sendable`: `inbox` is behind a mutex; all other mutable state is loop-bound.
@safe package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    package enum Limits {
        /// Jobs run in one turn before descriptors and timers are looked at again.
        package static let jobsPerTurnMax = 1_024
        /// The time that a turn may take before no other job begins in it, and what jobs have of it where
        /// descriptors took long. Most jobs take 1–5 µs, one that judges some 100: so no ready socket
        /// waits longer than 2 ms. A look at the clock takes some 20 ns.
        package static let turnTimeMax = Duration.microseconds(1_200)
        static let jobsTimeMin = Duration.microseconds(400)
        /// Events taken from one `epoll_wait`; more are taken by the next turn.
        package static let eventsPerTurnMax = 128
    }

    private let epoll: Int32
    private let wakeup: Int32
    private let inbox = Mutex(Inbox())
    /// True while the thread may be blocked, or about to be: only then does a poster write the eventfd.
    private let mayBlock = Atomic(false)
    private let thread = Mutex(pthread_t(0))
    private let threadToken = Atomic(UInt(0))

    // Loop-bound from here on.
    private var jobs: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var watchers = WatcherTable()
    private var timers = TimerHeap()
    private var turnEnds: [() -> Void] = []
    private var events: [epoll_event]
    /// The loop's idea of the present, refreshed at the fixed points of `turn()`.
    private var present: Instant = .now
    private var turns = 0
    /// When the loop last ceased to wait.
    private var wokeAt = Instant.now
    private var turnWatch: (@Sendable (Duration) -> Void)?

    /// What other threads hand in.
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []
        var stopping = false
        var ended = false
    }

    private init() throws(LoopError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw LoopError(call: "epoll_create1", errno: errno) }
        wakeup = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard wakeup >= 0 else {
            let code = errno
            close(epoll)
            throw LoopError(call: "eventfd", errno: code)
        }
        unsafe events = Array(repeating: epoll_event(), count: Limits.eventsPerTurnMax)
        guard clinux_epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, EPOLLIN.rawValue, Self.wakeupTag) == 0
        else {
            let code = errno
            close(wakeup)
            close(epoll)
            throw LoopError(call: "epoll_ctl", errno: code)
        }
    }

    private static let wakeupTag = UInt64.max
}

/// A system call that a loop cannot live without has failed; usually the descriptor limit.
package struct LoopError: Error, CustomStringConvertible {
    package let call: String
    package let errno: Int32
    package var description: String { "\(call) failed: errno \(errno)" }
}

// MARK: - Life

extension EventLoop {
    /// Starts a loop, runs `body` on it, and returns when the thread is gone and its descriptors
    /// are closed.
    ///
    /// `body` and its child tasks prefer the loop as their executor. Whoever adds a watcher or a
    /// timer inside `body` takes it away before `body` ends: what is left is a bug, and traps.
    package static func run<Value: Sendable>(
        named name: String = "loop",
        _ body: @escaping @Sendable (EventLoop) async throws -> Value
    ) async throws -> Value {
        let loop = try EventLoop()
        try loop.startThread(name)
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(
                try await withTaskExecutorPreference(loop) { try await body(loop) }
            )
        } catch {
            outcome = .failure(error)
        }
        await loop.stop()
        return try outcome.get()
    }

    private func startThread(_ name: String) throws(LoopError) {
        let box = unsafe Unmanaged.passRetained(ThreadStart(loop: self, name: name)).toOpaque()
        let code = thread.withLock { thread in
            unsafe pthread_create(
                &thread,
                nil,
                { box in
                    // SAFETY: pairs with `passRetained` above; the thread's main runs once.
                    guard let box = unsafe box else { return nil }
                    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(box).takeRetainedValue()
                    unsafe clinux_name_thread(start.name)
                    start.loop.threadToken.store(UInt(pthread_self()), ordering: .releasing)
                    start.loop.runUntilStopped()
                    return nil
                },
                box
            )
        }
        guard code == 0 else {
            // SAFETY: the thread never ran, so its half of the pair is ours to end.
            unsafe Unmanaged<ThreadStart>.fromOpaque(box).release()
            close(wakeup)
            close(epoll)
            throw LoopError(call: "pthread_create", errno: code)
        }
    }

    /// Boxed for the trip through `pthread_create`. Made by `startThread`, ended by the thread's main.
    private final class ThreadStart {
        let loop: EventLoop
        let name: String
        init(loop: EventLoop, name: String) {
            self.loop = loop
            self.name = name
        }
    }

    private func stop() async {
        precondition(!isOnLoop, "a loop cannot wait for its own thread")
        inbox.withLock { $0.stopping = true }
        wake()
        // The thread ends within one turn: it has no work left, or it traps and says what was left.
        let thread = thread.withLock { $0 }
        pthread_join(thread, nil)
        close(wakeup)
        close(epoll)
    }

    private func runUntilStopped() {
        while turn() {}
        precondition(
            watchers.isEmpty && timers.isEmpty,
            "the loop ended with \(watchers.count) watchers and \(timers.count) timers left"
        )
    }
}

// MARK: - One turn

extension EventLoop {
    /// Jobs and calls, then due timers, what ends the turn, then descriptors. False when the loop was stopped and has
    /// nothing left to run.
    private func turn() -> Bool {
        turns += 1
        present = .now
        let stopping = takeInbox()
        runJobs()
        runDueTimers()
        runTurnEnds()
        if stopping, jobs.isEmpty, turnEnds.isEmpty { return !finish() }
        waitForEvents()
        return true
    }

    /// Closes the inbox for good, if nothing came in meanwhile. Whoever posts later has outlived
    /// the loop, and traps at the post.
    private func finish() -> Bool {
        inbox.withLock { inbox in
            guard inbox.jobs.isEmpty, inbox.calls.isEmpty else { return false }
            inbox.ended = true
            return true
        }
    }

    private func takeInbox() -> Bool {
        let (posted, calls, stopping) = inbox.withLock { inbox in
            defer {
                inbox.jobs.removeAll(keepingCapacity: false)
                inbox.calls.removeAll(keepingCapacity: false)
            }
            return (inbox.jobs, inbox.calls, inbox.stopping)
        }
        if jobs.isEmpty, !posted.isEmpty { jobs = posted } else { jobs.append(contentsOf: posted) }
        for call in calls { call() }
        return stopping
    }

    private func runJobs() {
        guard !jobs.isEmpty else { return }
        var left = Limits.jobsPerTurnMax
        let end = max(wokeAt + Limits.turnTimeMax, .now + Limits.jobsTimeMin)
        // What a job enqueues runs in the same turn, while the bounds allow.
        while !jobs.isEmpty, left > 0 {
            swap(&jobs, &running)
            let count = min(running.count, left)
            var done = 0
            while done < count {
                unsafe running[done].runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(),
                    taskExecutor: asUnownedTaskExecutor()
                )
                done += 1
                left -= 1
                if Instant.now >= end { left = 0 }
                if left == 0 { break }
            }
            if done < running.count { jobs.insert(contentsOf: running[done...], at: 0) }
            running.removeAll(keepingCapacity: true)
        }
    }

    private func runDueTimers() {
        guard !timers.isEmpty else { return }
        present = .now
        // At most as many as there are: a timer that sets another for now waits a turn.
        for _ in 0..<timers.count {
            guard let act = timers.popDue(by: present) else { return }
            act()
        }
    }

    /// What is added meanwhile, and later by descriptors, is for the next turn, which then comes
    /// without waiting.
    private func runTurnEnds() {
        guard !turnEnds.isEmpty else { return }
        let ends = turnEnds
        turnEnds = []
        for end in ends { end() }
    }

    private func waitForEvents() {
        if let turnWatch { turnWatch(.now - wokeAt) }
        mayBlock.store(true, ordering: .sequentiallyConsistent)
        let idle =
            jobs.isEmpty && turnEnds.isEmpty
            && inbox.withLock { $0.jobs.isEmpty && $0.calls.isEmpty && !$0.stopping }
        let timeout = idle ? millisecondsToNextTimer() : 0
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe epoll_wait(epoll, buffer.baseAddress, Int32(buffer.count), timeout)
        }
        mayBlock.store(false, ordering: .sequentiallyConsistent)
        wokeAt = .now
        guard count > 0 else {
            precondition(count == 0 || errno == EINTR, "epoll_wait failed: errno \(errno)")
            return
        }
        present = wokeAt
        for index in 0..<Int(count) {
            let tag = unsafe clinux_event_tag(&events[index])
            let flags = unsafe clinux_event_flags(&events[index])
            if tag == Self.wakeupTag { drainWakeup() } else { watchers.deliver(flags, tag: tag) }
        }
    }

    private func millisecondsToNextTimer() -> Int32 {
        guard let due = timers.earliest else { return -1 }
        let wait = due - .now
        guard wait > .zero else { return 0 }
        let (seconds, attoseconds) = wait.components
        // Rounded up: a turn that is early by a fraction would spin until the timer is due.
        let milliseconds =
            seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: milliseconds)
    }

    private func drainWakeup() {
        var count: UInt64 = 0
        _ = unsafe read(wakeup, &count, 8)
    }

    private func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeup, &one, 8)
    }
}

// MARK: - Executor

extension EventLoop {
    package var isOnLoop: Bool {
        threadToken.load(ordering: .acquiring) == UInt(pthread_self())
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isOnLoop {
            jobs.append(job)
        } else {
            post { $0.jobs.append(job) }
        }
    }

    /// Turns taken since the start: with nothing to do a loop takes none. Loop-bound.
    package var turnCount: Int {
        checkIsolated()
        return turns
    }

    /// - Parameter act: Told how long each turn has kept all else waiting: from when the loop ceased to wait
    ///   until it waits again; on the loop.
    package func watchTurns(_ act: @escaping @Sendable (Duration) -> Void) {
        execute { self.turnWatch = act }
    }

    /// Runs `call` on the loop's thread: at once when already there, else in its next turn.
    package func execute(_ call: @escaping @Sendable () -> Void) {
        if isOnLoop { call() } else { post { $0.calls.append(call) } }
    }

    /// Calls `act` once when this turn ends: after its jobs and timers, before the loop waits. For
    /// what is gathered in a turn. Loop-bound.
    package func atTurnEnd(_ act: @escaping () -> Void) {
        checkIsolated()
        turnEnds.append(act)
    }

    private func post(_ add: (inout Inbox) -> Void) {
        inbox.withLock { inbox in
            precondition(!inbox.ended, "work was handed to a loop that has ended")
            add(&inbox)
        }
        if mayBlock.exchange(false, ordering: .sequentiallyConsistent) { wake() }
    }

    package func checkIsolated() {
        precondition(isOnLoop, "this is loop-bound, and was called on another thread")
    }

    package func isIsolatingCurrentContext() -> Bool? { isOnLoop }
}

// MARK: - Descriptors

extension EventLoop {
    /// Calls `act` on the loop whenever `fd` is ready for what it is watched for, or broken.
    ///
    /// Level-triggered. Loop-bound. The descriptor must stay open until `unwatch`.
    /// The corresponding C function is `epoll_ctl`.
    package func watch(
        _ fd: Int32,
        for interest: Interest,
        _ act: @escaping (Readiness) -> Void
    ) throws(LoopError) -> Watch {
        checkIsolated()
        let watch = watchers.add(fd: fd, act)
        guard clinux_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, interest.epollFlags, watch.tag) == 0 else {
            let code = errno
            watchers.remove(watch)
            throw LoopError(call: "epoll_ctl", errno: code)
        }
        return watch
    }

    /// Changes what a watched descriptor is watched for; an empty interest still reports breakage.
    package func change(_ watch: Watch, to interest: Interest) {
        checkIsolated()
        guard let fd = watchers.descriptor(of: watch) else { return }
        _ = clinux_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, interest.epollFlags, watch.tag)
    }

    /// Ends a watch. Safe inside its own callback: no event that is already read is delivered to it.
    package func unwatch(_ watch: Watch) {
        checkIsolated()
        guard let fd = watchers.remove(watch) else { return }
        _ = clinux_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0, 0)
    }

    /// What a descriptor is watched for.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: 1)
        package static let write = Interest(rawValue: 2)

        fileprivate var epollFlags: UInt32 {
            (contains(.read) ? EPOLLIN.rawValue | EPOLLRDHUP.rawValue : 0)
                | (contains(.write) ? EPOLLOUT.rawValue : 0)
        }
    }

    /// What a descriptor is ready for. `broken` is an error or a hang-up of both directions; the
    /// next read or write tells which.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let read = Readiness(rawValue: 1)
        package static let write = Readiness(rawValue: 2)
        package static let broken = Readiness(rawValue: 4)
    }
}

// MARK: - Time

extension EventLoop {
    /// The loop's present: read once a turn, so that all decisions of one turn agree. Loop-bound.
    package var now: Instant {
        checkIsolated()
        return present
    }

    /// Calls `act` on the loop once `deadline` has passed, within about a millisecond. Loop-bound.
    package func schedule(at deadline: Instant, _ act: @escaping () -> Void) -> Timer {
        checkIsolated()
        return timers.insert(at: deadline, act)
    }

    /// Takes a timer back. Nothing happens when it has fired already. Loop-bound.
    package func cancel(_ timer: Timer) {
        checkIsolated()
        timers.remove(timer)
    }
}
