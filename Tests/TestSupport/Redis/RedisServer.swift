import Foundation
import Glibc
import Synchronization

/// A real redis-server of a test's own: its own directory, port and unix socket, noeviction.
///
/// ```swift
/// let server = try await RedisServer()
/// defer { server.stop() }
/// ```
package final class RedisServer: Sendable {
    package var port: Int { state.withLock { $0.port } }
    package var socketPath: String { directory.path("redis.sock") }
    package var url: String { "redis://127.0.0.1:\(port)" }
    package var unixURL: String { "unix://\(socketPath)" }

    private let directory: TemporaryDirectory
    private let arguments: [String]
    private let state = Mutex(State())

    private struct State {
        var port = 0
        var process: ChildProcess?
    }

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - users: ACL rules, as in `user alice on >secret ~* &* +@all`, without the word `user`.
    ///   - appendOnly: Whether data outlives `kill()`.
    ///   - extra: More of redis-server's arguments, as in `["--maxclients", "1"]`.
    package init(
        password: String? = nil,
        users: [String] = [],
        appendOnly: Bool = false,
        extra: [String] = []
    ) async throws {
        directory = try TemporaryDirectory()
        let configuration = directory.path("redis.conf")
        arguments = ["redis-server", configuration] + extra
        let settings =
            [
                "bind 127.0.0.1", "dir \(directory.url.path)", "unixsocket \(socketPath)",
                "maxmemory-policy noeviction", "enable-debug-command local", "save \"\"",
                "stream-node-max-bytes 1024", "appendonly \(appendOnly ? "yes" : "no")",
                "appendfsync always",
            ] + (password.map { ["requirepass \($0)"] } ?? []) + users.map { "user \($0)" }
        // A port that was free may be taken before the server asks for it.
        for attempt in 1...5 {
            let port = try freePort()
            state.withLock { $0.port = port }
            let text = (settings + ["port \(port)"]).joined(separator: "\n")
            try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
            do {
                try await start()
                return
            } catch let failure as ChildProcess.Failure
                where failure.description.contains("already in use") && attempt < 5
            {}
        }
    }

    deinit { stop() }

    /// Starts it again, on the same address and with the data that it kept. Returns when it answers.
    package func start() async throws {
        try await offLoop { [self] in
            let log = directory.url.appendingPathComponent("log")
            let started = try ChildProcess(arguments, log: log)
            state.withLock { $0.process = started }
            var fate = "answers nothing"
            for _ in 0..<2_000 {
                if answers() { return }
                if let status = started.reapIfEnded() {
                    state.withLock { $0.process = nil }
                    fate = "ended with \(status)"
                    break
                }
                usleep(5_000)
            }
            let said = (try? String(contentsOf: log, encoding: .utf8)) ?? "(no log)"
            throw ChildProcess.Failure("redis-server \(fate):\n\(said)")
        }
    }

    /// Ends it without a chance to say goodbye. Gone when this returns; `start` brings it back.
    package func kill() { state.withLock { $0.process.take() }?.killAndReap() }

    /// As `kill`: a test's data is nothing to save.
    package func stop() { kill() }

    /// Whether it answers, with anything at all: a refusal for want of a password is an answer.
    private func answers() -> Bool {
        guard let peer = try? BlockingSocket(unixPath: socketPath) else { return false }
        defer { peer.close() }
        guard peer.write(Array("PING\r\n".utf8)) else { return false }
        let answer = String(decoding: peer.read(upTo: 128), as: UTF8.self)
        return !answer.isEmpty && !answer.hasPrefix("-LOADING")
    }
}

/// A connected socket that blocks, for the side of a test that is not under test.
package struct BlockingSocket: Sendable {
    package let fd: Int32

    package init(fd: Int32) { self.fd = fd }

    package init(unixPath path: String) throws {
        fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw ChildProcess.Failure("socket: errno \(errno)") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        let code = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(fd, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else {
            let why = errno
            Glibc.close(fd)
            throw ChildProcess.Failure("connect: errno \(why)")
        }
    }

    /// False when the other side is gone.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe send(
                    fd,
                    all.baseAddress?.advanced(by: sent),
                    all.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Blocks until something comes. Empty when the other side is gone.
    package func read(upTo count: Int) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = unsafe recv(fd, &buffer, count, 0)
        return Array(buffer.prefix(max(0, got)))
    }

    package func close() { Glibc.close(fd) }
}

func loopbackAddress(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}
