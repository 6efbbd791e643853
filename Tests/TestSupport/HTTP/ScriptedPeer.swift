import Foundation
import Glibc
import Synchronization

/// A raw TCP server on a port of its own that does to each connection what a script says: answer,
/// stall, drip, reset, hang up. Every connection has a thread, so a script may simply block.
package final class ScriptedPeer: Sendable {
    /// What has happened so far.
    package struct Record: Sendable {
        package var connections = 0
        package var requests: [PeerRequest] = []
        /// Connections of which the other side has closed or reset its half, as `waitForEnd` saw.
        package var endsSeen = 0
        /// Bytes that the scripts have written.
        package var bytesWritten = 0
        fileprivate var scriptsRunning = 0
        fileprivate var open: Set<Int32> = []
        fileprivate var isStopping = false
    }

    private struct Waiter {
        let condition: @Sendable (Record) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var record = Record()
        var waiters: [Waiter] = []
    }

    package let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())
    private let gate = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - backlog: Connections that the kernel completes for us before they are accepted.
    ///   - accepts: False for a peer that only listens.
    package init(
        backlog: Int32 = 1_024,
        accepts: Bool = true,
        _ script: @escaping @Sendable (PeerConnection) -> Void = { _ in }
    ) throws {
        (listener, port) = try Self.listen(backlog: backlog)
        guard accepts else { return }
        state.withLock { $0.record.scriptsRunning += 1 }
        Self.onThread { [self] in
            acceptAll(script)
            note { $0.scriptsRunning -= 1 }
        }
    }

    package func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    package var record: Record { state.withLock { $0.record } }

    /// Suspends until `condition` holds; it is asked again after everything that happens.
    package func until(_ condition: @escaping @Sendable (Record) -> Bool) async {
        await withCheckedContinuation { continuation in
            let holds = state.withLock { state in
                if condition(state.record) { return true }
                state.waiters.append(Waiter(condition: condition, continuation: continuation))
                return false
            }
            if holds { continuation.resume() }
        }
    }

    /// Lets `count` calls of `PeerConnection.waitForRelease` go on.
    package func release(_ count: Int = 1) {
        for _ in 0..<count { gate.signal() }
    }

    /// Breaks every connection, ends every script, and returns when their threads are done.
    package func stop() async {
        let (open, running) = state.withLock { state in
            state.record.isStopping = true
            return (state.record.open, state.record.scriptsRunning)
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for fd in open { shutdown(fd, Int32(SHUT_RDWR)) }
        release(running)
        await until { $0.scriptsRunning == 0 }
        close(listener)
    }

    /// For a peer that does not accept: gives its port back.
    func stopListening() { close(listener) }

    /// Whether somebody on 127.0.0.1 accepts connections at `port`.
    static func isListening(_ port: UInt16) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        return unsafe withLoopbackAddress(port) { unsafe connect(fd, $0, $1) == 0 }
    }
}

/// One request as it came over the wire.
package struct PeerRequest: Sendable, Equatable {
    /// As it came: `POST /path HTTP/1.1`.
    package let line: String
    package let headers: [String]
    package let body: [UInt8]

    /// The values of a header, its name compared without case.
    package func values(of name: String) -> [String] {
        headers.compactMap { header in
            let parts = header.split(
                separator: ":",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
    }
}

// MARK: - For the connections

extension ScriptedPeer {
    fileprivate func note(_ change: (inout Record) -> Void) {
        let ready = state.withLock { state in
            change(&state.record)
            let record = state.record
            let ready = state.waiters.filter { $0.condition(record) }
            state.waiters.removeAll { $0.condition(record) }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    fileprivate var isStopping: Bool { state.withLock { $0.record.isStopping } }

    fileprivate func waitForRelease() { if !isStopping { gate.wait() } }

    private func acceptAll(_ script: @escaping @Sendable (PeerConnection) -> Void) {
        while true {
            let fd = accept(listener, nil, nil)
            guard fd >= 0, !isStopping else {
                if fd >= 0 { close(fd) }
                return
            }
            note {
                $0.connections += 1
                $0.scriptsRunning += 1
                $0.open.insert(fd)
            }
            Self.onThread { [self] in
                script(PeerConnection(fd: fd, peer: self))
                note { $0.open.remove(fd) }
                close(fd)
                note { $0.scriptsRunning -= 1 }
            }
        }
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 256 * 1024
        thread.start()
    }

    private static func listen(backlog: Int32) throws -> (fd: Int32, port: UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isListening = unsafe withLoopbackAddress(0) { address, length in
            unsafe bind(fd, address, length) == 0 && Glibc.listen(fd, backlog) == 0
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isKnown = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(fd, address, &length) == 0
            }
        }
        guard isListening, isKnown else {
            throw ChildProcess.Failure("cannot listen: errno \(errno)")
        }
        return (fd, UInt16(bigEndian: address.sin_port))
    }

    private static func withLoopbackAddress<Value>(
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe body(address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// One accepted connection, for the thread that runs its script. Closed when the script returns.
package final class PeerConnection {
    private let fd: Int32
    private let peer: ScriptedPeer
    private var unread: [UInt8] = []

    fileprivate init(fd: Int32, peer: ScriptedPeer) {
        self.fd = fd
        self.peer = peer
    }

    /// Reads one request, with a body as long as its Content-Length. Nil when the connection ends.
    @discardableResult
    package func readRequest() -> PeerRequest? {
        let blankLine = Array("\r\n\r\n".utf8)
        var end = unread.firstRange(of: blankLine)
        while end == nil {
            guard readMore() else { return nil }
            end = unread.firstRange(of: blankLine)
        }
        guard let end else { return nil }
        let lines = String(decoding: unread[..<end.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        unread.removeSubrange(..<end.upperBound)
        let head = PeerRequest(line: lines[0], headers: Array(lines.dropFirst()), body: [])
        let length = head.values(of: "content-length").first.flatMap { Int($0) } ?? 0
        while unread.count < length { guard readMore() else { return nil } }
        let request = PeerRequest(
            line: head.line,
            headers: head.headers,
            body: Array(unread.prefix(length))
        )
        unread.removeFirst(length)
        peer.note { $0.requests.append(request) }
        return request
    }

    /// False when the other side has gone.
    @discardableResult
    package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            left = left.dropFirst(count)
            peer.note { $0.bytesWritten += count }
        }
        return true
    }

    /// A complete answer, with its Content-Length.
    @discardableResult
    package func answer(_ body: String, status: String = "200 OK", headers: String = "") -> Bool {
        write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Reads and drops until the other side has closed or reset, and counts that.
    package func waitForEnd() {
        while readMore() { unread.removeAll() }
        peer.note { $0.endsSeen += 1 }
    }

    /// Blocks until the test calls `release`.
    package func waitForRelease() { peer.waitForRelease() }

    /// Makes the close at the end of the script a reset. The corresponding option is `SO_LINGER`.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            fd,
            SOL_SOCKET,
            SO_LINGER,
            &option,
            socklen_t(MemoryLayout<linger>.size)
        )
    }

    /// Reads something and drops it. False at the end of the connection.
    @discardableResult
    package func readSome() -> Bool {
        unread.removeAll()
        return readMore()
    }

    private func readMore() -> Bool {
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            count = unsafe max(0, recv(fd, buffer.baseAddress, buffer.count, 0))
        }
        unread.append(contentsOf: chunk)
        return !chunk.isEmpty
    }
}
