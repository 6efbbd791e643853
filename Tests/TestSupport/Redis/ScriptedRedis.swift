import Foundation
import Glibc
import Synchronization

/// A TCP server on loopback that does what a test tells it, for what no real server does: silence,
/// half a reply, garbage, a close in the wrong moment.
///
/// Each connection it accepts runs the script on a thread of its own, with the number of the
/// connection, from 0.
package final class ScriptedRedis: Sendable {
    package let port: Int
    private let listener: Int32
    private let state = Mutex(State())

    private struct State {
        var accepted = 0
        var open: [Int32] = []
        var closed = false
    }

    package init(_ script: @escaping @Sendable (BlockingSocket, Int) -> Void) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw ChildProcess.Failure("socket: errno \(errno)") }
        var address = loopbackAddress(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(fd, address, size) == 0 && listen(fd, 64) == 0
                    ? getsockname(fd, address, &size) : -1
            }
        }
        listener = fd
        port = Int(UInt16(bigEndian: address.sin_port))
        guard code == 0 else { throw ChildProcess.Failure("listen: errno \(errno)") }
        Thread.detachNewThread { [self] in accept(script) }
    }

    /// How many connections came so far.
    package var accepted: Int { state.withLock { $0.accepted } }

    /// Ends the listening and all connections. Scripts that wait for bytes find the end of them.
    package func stop() {
        state.withLock { state in
            guard !state.closed else { return }
            state.closed = true
            shutdown(listener, Int32(SHUT_RDWR))
            for fd in state.open { shutdown(fd, Int32(SHUT_RDWR)) }
        }
    }

    private func accept(_ script: @escaping @Sendable (BlockingSocket, Int) -> Void) {
        while true {
            let fd = Glibc.accept(listener, nil, nil)
            if fd >= 0 { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
            let number: Int? = state.withLock { state in
                guard fd >= 0, !state.closed else { return nil }
                state.open.append(fd)
                state.accepted += 1
                return state.accepted - 1
            }
            guard let number else {
                if fd >= 0 { close(fd) }
                close(listener)
                return
            }
            Thread.detachNewThread { [self] in
                script(BlockingSocket(fd: fd), number)
                state.withLock { $0.open.removeAll { $0 == fd } }
                close(fd)
            }
        }
    }
}

extension BlockingSocket {
    /// Reads until the bytes hold `mark`, or the other side is gone; answers what came.
    @discardableResult
    package func read(until mark: String) -> String {
        var text = ""
        while !text.contains(mark) {
            let more = read(upTo: 65_536)
            guard !more.isEmpty else { return text }
            text += String(decoding: more, as: UTF8.self)
        }
        return text
    }

    /// Answers a greeting of one `PING`, as a connection without password and database sends it.
    @discardableResult
    package func greet() -> Bool {
        read(until: "PING\r\n")
        return write("+PONG\r\n")
    }

    @discardableResult
    package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    /// Takes what comes, and answers nothing, until the other side is gone.
    package func readUntilEnd() { while !read(upTo: 65_536).isEmpty {} }
}
