internal import CCurl
internal import EventLoop
internal import Glibc

/// The descriptors that curl uses, by number, and how the loop watches each.
///
/// A kept connection is left on the loop between two requests: curl takes its interest back and
/// declares it anew each time, and to obey would cost two system calls a request. So descriptors
/// are opened and closed here, which is how we know that a number still means the same socket.
final class SocketTable {
    private struct Row {
        var watch: EventLoop.Watch?
        /// What the loop watches for.
        var watched: EventLoop.Interest = []
        /// What curl wants to hear of.
        var wanted: EventLoop.Interest = []
        /// Opened by `open`, so that `close` will tell of its end. Others, such as the pipe of a
        /// name look-up, curl closes without a word.
        var isOurs = false
    }

    private var rows: [Row] = []
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    /// The corresponding C function is `socket`; -1 when there is none to be had.
    func open(family: Int32, type: Int32, protocol: Int32) -> Int32 {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let fd = socket(family, type | flags, `protocol`)
        guard fd >= 0 else { return fd }
        grow(to: fd)
        rows[Int(fd)] = Row(isOurs: true)
        return fd
    }

    func close(_ fd: Int32) {
        if rows.indices.contains(Int(fd)) {
            unwatch(fd)
            rows[Int(fd)].isOurs = false
        }
        _ = Glibc.close(fd)
    }

    /// Does what curl wants. False when the loop cannot watch the descriptor.
    func want(
        _ interest: EventLoop.Interest,
        of fd: Int32,
        _ act: @autoclosure () -> (EventLoop.Readiness) -> Void
    ) -> Bool {
        grow(to: fd)
        let row = rows[Int(fd)]
        rows[Int(fd)].wanted = interest
        guard let watch = row.watch else {
            guard !interest.isEmpty else { return true }
            do throws(LoopError) {
                rows[Int(fd)].watch = try loop.watch(fd, for: interest, act())
                rows[Int(fd)].watched = interest
                return true
            } catch {
                return false
            }
        }
        if interest.isEmpty, !row.isOurs || row.watched != .read {
            unwatch(fd)
        } else if !interest.isEmpty, interest != row.watched {
            loop.change(watch, to: interest)
            rows[Int(fd)].watched = interest
        }
        return true
    }

    /// What of this event is curl's business: bits of `CURL_CSELECT_…`, or 0.
    func bits(of readiness: EventLoop.Readiness, at fd: Int32) -> Int32 {
        let wanted = rows[Int(fd)].wanted
        guard !wanted.isEmpty else {
            // An idle connection has bytes or is closed. curl finds that out before it uses it
            // again; until then the loop need not hear of it at every turn.
            unwatch(fd)
            return 0
        }
        var bits: Int32 = 0
        // A broken one is reported as ready: the next read or write tells how it broke, after
        // what came before the break was read.
        let broken = readiness.contains(.broken)
        if wanted.contains(.read), broken || readiness.contains(.read) { bits |= CURL_CSELECT_IN }
        if wanted.contains(.write), broken || readiness.contains(.write) {
            bits |= CURL_CSELECT_OUT
        }
        return bits
    }

    private func unwatch(_ fd: Int32) {
        guard let watch = rows[Int(fd)].watch.take() else { return }
        loop.unwatch(watch)
        rows[Int(fd)].watched = []
    }

    private func grow(to fd: Int32) {
        guard rows.count <= Int(fd) else { return }
        rows.append(contentsOf: repeatElement(Row(), count: max(64, Int(fd) + 1 - rows.count)))
    }
}
