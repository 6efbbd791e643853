import EventLoop
import Foundation

/// A plain thread that runs one closure, and hands its answer to whoever joins it.
final class PlainThread: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var answer = false

    init(_ body: @escaping @Sendable () -> Bool) {
        Thread.detachNewThread { [self] in
            answer = body()
            done.signal()
        }
    }

    func join() -> Bool {
        done.wait()
        return answer
    }
}

/// Reads a pipe two bytes a turn, as a level-triggered watcher may, until its end.
actor PipeReader {
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private var collected: [UInt8] = []
    private var turns = 0
    private var watch: EventLoop.Watch?
    private var continuation: CheckedContinuation<[UInt8], Never>?
    private let ends: (read: Int32, write: Int32)

    init(on loop: EventLoop) {
        self.loop = loop
        var fds: [Int32] = [0, 0]
        _ = unsafe pipe(&fds)
        ends = (fds[0], fds[1])
    }

    /// What came through the pipe, and in how many turns.
    func collect(writing bytes: [UInt8]) async throws -> (bytes: [UInt8], turns: Int) {
        watch = try loop.watch(ends.read, for: .read) { [self] readiness in
            assumeIsolated { $0.readable(readiness) }
        }
        _ = unsafe write(ends.write, bytes, bytes.count)
        close(ends.write)
        let collected = await withCheckedContinuation { continuation = $0 }
        return (collected, turns)
    }

    private func readable(_ readiness: EventLoop.Readiness) {
        turns += 1
        var buffer: [UInt8] = [0, 0]
        let count = unsafe read(ends.read, &buffer, 2)
        if count > 0 {
            collected.append(contentsOf: buffer[..<count])
        } else if let watch = watch.take() {
            loop.unwatch(watch)
            close(ends.read)
            continuation.take()?.resume(returning: collected)
        }
    }
}
