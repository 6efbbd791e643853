import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

/// How a connection comes to stand, or does not.
@Suite struct DialTests {
    @Test func `a host that does not answer a connect is given up after the time limit`()
        async throws
    {
        let door = try JammedDoor()
        defer { door.close() }
        let history = History()
        try await withConnection(
            to: "redis://127.0.0.1:\(door.port)",
            options: briskOptions { $0.connectTimeLimit = .milliseconds(50) },
            history: history
        ) { _, loop in
            try await loop.until { history.losses.count >= 2 }
        }
        #expect(history.losses.allSatisfy { $0 == .connectTimedOut })
    }

    @Test func `a socket that is not there is said so, and found when it is`() async throws {
        let directory = try TemporaryDirectory()
        let history = History()
        try await withConnection(
            to: "unix://\(directory.path("later.sock"))",
            history: history
        ) { connection, loop in
            try await loop.until { history.losses.count >= 2 }
            guard case .network(let why) = history.losses[0] else {
                Issue.record("\(history.losses[0])")
                return
            }
            #expect(why.contains("No such file"))
            let server = try await RedisServer()
            try symlink(server.socketPath, at: directory.path("later.sock"))
            try await connection.whenReady(within: .seconds(20))
            server.stop()
        }
    }

    @Test func `a name with several addresses is tried at each before a rest`() async throws {
        // `localhost` leads to ::1 and 127.0.0.1 on most machines; the server has only the second.
        let server = try await RedisServer()
        let history = History()
        let generation = try await withConnection(
            to: "redis://localhost:\(server.port)",
            history: history
        ) { connection, _ in
            try await connection.whenReady(within: .seconds(20))
        }
        #expect(generation == 1)
        #expect(history.losses.isEmpty)
    }

    @Test func `who waits for readiness can be cancelled, and others wait on`() async throws {
        let peer = try ScriptedRedis { socket, _ in socket.readUntilEnd() }
        defer { peer.stop() }
        try await withConnection(to: "redis://127.0.0.1:\(peer.port)") { connection, loop in
            let fates = try await withThrowingTaskGroup(of: RedisError?.self) { patient in
                patient.addTask {
                    await redisError { () throws(RedisError) in
                        try await connection.whenReady(within: .milliseconds(100))
                    }
                }
                let impatient = await withTaskGroup(of: RedisError?.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            await redisError { () throws(RedisError) in
                                try await connection.whenReady()
                            }
                        }
                    }
                    await Task.yield()
                    group.cancelAll()
                    return await group.reduce(into: []) { $0.append($1) }
                }
                return try await patient.reduce(into: impatient) { $0.append($1) }
            }
            #expect(fates.dropLast().allSatisfy { $0 == .cancelled })
            #expect(fates.last == .notConnected(.notYetConnected))
        }
    }

    private func symlink(_ target: String, at path: String) throws {
        let code = unsafe Glibc.symlink(target, path)
        try #require(code == 0)
    }
}

/// A listener whose queue is full: the kernel drops whoever knocks, as a dead host would.
private struct JammedDoor {
    let port: Int
    private let listener: Int32
    private let knockers: [Int32]

    init() throws {
        let stream = Int32(SOCK_STREAM.rawValue)
        let door = socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var named = size
        var knocking: [Int32] = []
        let code = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(door, address, size) == 0, listen(door, 0) == 0 else {
                    return false
                }
                guard unsafe getsockname(door, address, &named) == 0 else { return false }
                for _ in 0..<8 {
                    let knocker = socket(AF_INET, stream | Int32(SOCK_NONBLOCK.rawValue), 0)
                    _ = unsafe connect(knocker, address, size)
                    knocking.append(knocker)
                }
                return true
            }
        }
        listener = door
        knockers = knocking
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(code)
    }

    func close() { for fd in knockers + [listener] { Glibc.close(fd) } }
}
