import EventLoop
import Foundation
import Redis
import Synchronization
import TestSupport
import Testing

/// Against a real server: who we are there, what it keeps, what happens when it goes away.
@Suite struct ConnectionTests {
    @Test func `user, password, database and name of the URL are those of the connection`()
        async throws
    {
        let server = try await RedisServer(
            password: "top secret".replacing(" ", with: "_"),
            users: ["worker on >p@:/?# ~* +@all"]
        )
        let url = "redis://worker:p%40%3A%2F%3F%23@127.0.0.1:\(server.port)/5"
        var options = briskOptions()
        options.clientName = "worker-1"
        try await withConnection(to: url, options: options) { connection, _ in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("ACL", "WHOAMI")).text == "worker")
            let info = try await connection.send(RedisCommand("CLIENT", "INFO")).text ?? ""
            #expect(info.contains(" db=5 "))
            #expect(info.contains(" name=worker-1 "))
        }
        try await withConnection(to: "unix://:top_secret@\(server.socketPath)?db=2") {
            connection,
            _ in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("ACL", "WHOAMI")).text == "default")
            let info = try await connection.send(RedisCommand("CLIENT", "INFO")).text ?? ""
            #expect(info.contains(" db=2 "))
        }
    }

    @Test(arguments: [
        ("", "NOAUTH"), ("worker:wrong@", "WRONGPASS"), (":wrong@", "WRONGPASS"),
        ("nobody:right@", "WRONGPASS"), ("worker@", "WRONGPASS"),
    ])
    func `a wrong user or password, or none, is said so, and tried again without haste`(
        _ userInfo: String,
        _ prefix: String
    ) async throws {
        let server = try await RedisServer(password: "other", users: ["worker on >right ~* +@all"])
        let history = History()
        let url = "redis://\(userInfo)127.0.0.1:\(server.port)"
        try await withConnection(to: url, history: history) { connection, loop in
            try await loop.until { history.losses.count >= 3 }
            for loss in history.losses {
                guard case .authentication(let error) = loss else {
                    Issue.record("\(loss)")
                    continue
                }
                #expect(error.prefix == prefix)
            }
            let error = await redisError { () throws(RedisError) in
                try await connection.send(RedisCommand("PING"))
            }
            guard case .notConnected(.authentication) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a database that does not exist is a refusal of the connection`() async throws {
        let server = try await RedisServer()
        let history = History()
        try await withConnection(to: "\(server.url)/99", history: history) { _, loop in
            try await loop.until { !history.losses.isEmpty }
            guard case .refused(let error) = history.losses[0] else {
                Issue.record("\(history.losses[0])")
                return
            }
            #expect(error.prefix == "ERR")
        }
    }

    @Test func `a user who may not ping or name itself is connected all the same`() async throws {
        let server = try await RedisServer(users: ["narrow on nopass ~* -@all +get"])
        var options = briskOptions()
        options.clientName = "narrow"
        try await withConnection(to: "redis://narrow@127.0.0.1:\(server.port)", options: options) {
            connection,
            _ in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("GET", "none")).isNull)
        }
    }

    @Test func `a script is loaded when it is missing: at first, after a flush, after a restart`()
        async throws
    {
        let server = try await RedisServer()
        let script = RedisScript(
            name: "sum",
            source: Array("return tonumber(ARGV[1]) + redis.call('INCR', KEYS[1])".utf8)
        )
        try await withConnection(to: server.unixURL) { connection, loop in
            try await connection.whenReady()
            #expect(try await connection.eval(script, keys: ["n"], arguments: [10]) == .integer(11))
            #expect(try await connection.eval(script, keys: ["n"], arguments: [10]) == .integer(12))
            try await connection.send(RedisCommand("SCRIPT", "FLUSH"))
            #expect(try await connection.eval(script, keys: ["n"], arguments: [10]) == .integer(13))
            let generation = await connection.generation
            server.kill()
            try await server.start()
            try await loop.until { await connection.generation > generation }
            #expect(try await connection.eval(script, keys: ["n"], arguments: [10]) == .integer(11))
        }
    }

    @Test(arguments: [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000])
    func `a script's hash is the server's`(_ length: Int) async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            // Lua that says nothing: spaces, or a comment as soon as there is room for one.
            let comment = "--" + String(repeating: "é", count: length)
            let source =
                length < 2
                ? [UInt8](repeating: 0x20, count: length) : Array(comment.utf8.prefix(length))
            let script = RedisScript(name: "comment", source: source)
            let loaded = try await connection.send(RedisCommand("SCRIPT", "LOAD", .bytes(source)))
            #expect(loaded.text == script.hash)
        }
    }

    @Test func `a script that fails says so, and one that does not compile too`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            for (source, expected) in [
                ("return redis.error_reply('MINE no')", "MINE"), ("this is not Lua", "ERR"),
            ] {
                let script = RedisScript(name: "bad", source: Array(source.utf8))
                let error = await redisError { () throws(RedisError) in
                    try await connection.eval(script, keys: [])
                }
                guard case .server(let said) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(said.prefix == expected)
            }
        }
    }

    @Test func `killed under load, it fails what is in flight, and goes on by itself`() async throws
    {
        let server = try await RedisServer(appendOnly: true)
        let history = History()
        try await withConnection(to: server.url, history: history) { connection, loop in
            try await connection.whenReady()
            let counts = Counts()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        while counts.afterRestart < 200 {
                            do throws(RedisError) {
                                _ = try await connection.send(RedisCommand("INCR", "n"))
                                counts.succeeded(onGeneration: await connection.generation)
                            } catch {
                                switch error {
                                case .connectionLost: counts.lost()
                                case .notConnected: try await connection.whenReady()
                                default: throw error
                                }
                            }
                        }
                    }
                }
                try await loop.until { counts.beforeRestart >= 500 }
                try await offLoop { server.kill() }
                try await loop.until { !history.losses.isEmpty }
                try await server.start()
                try await group.waitForAll()
            }
            #expect(counts.inFlightLost > 0)
            #expect(await connection.generation == 2)
            // Whatever was answered is there (AOF, fsync always); lost ones may be there or not.
            let value = try await connection.send(RedisCommand("GET", "n")).int ?? 0
            let answered = counts.beforeRestart + counts.afterRestart
            #expect((answered...(answered + counts.inFlightLost)).contains(value))
        }
    }

    private final class Counts: Sendable {
        private let state = Mutex((before: 0, after: 0, lost: 0))
        var beforeRestart: Int { state.withLock { $0.before } }
        var afterRestart: Int { state.withLock { $0.after } }
        var inFlightLost: Int { state.withLock { $0.lost } }
        func lost() { state.withLock { $0.lost += 1 } }
        func succeeded(onGeneration generation: Int) {
            state.withLock { if generation == 1 { $0.before += 1 } else { $0.after += 1 } }
        }
    }

    @Test func `a reader that blocks has its own connection, and holds up nobody`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { writer, _ in
            try await writer.whenReady()
            try await writer.send(RedisCommand("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"))
            try await withConnection(to: server.unixURL) { reader, _ in
                try await reader.whenReady()
                let read = RedisCommand(
                    "XREADGROUP",
                    "GROUP",
                    "g",
                    "c",
                    "COUNT",
                    10,
                    "BLOCK",
                    20_000,
                    "STREAMS",
                    "s",
                    ">"
                )
                async let entries = reader.send(read, timeout: .seconds(30))
                for _ in 0..<100 { try await writer.send(RedisCommand("PING")) }
                let id = try await writer.send(RedisCommand("XADD", "s", "*", "field", "value"))
                let stream = try await entries.array?.first?.array
                #expect(stream?.first?.text == "s")
                let entry = stream?.last?.array?.first?.array
                #expect(entry?.first == id)
                #expect(entry?.last?.pairs?.first?.value.text == "value")
                // Nothing came in its time: a nil, and the connection is as good as before.
                let empty = RedisCommand(
                    "XREADGROUP",
                    "GROUP",
                    "g",
                    "c",
                    "BLOCK",
                    20,
                    "STREAMS",
                    "s",
                    ">"
                )
                #expect(try await reader.send(empty, timeout: .seconds(10)).isNull)
                #expect(await reader.generation == 1)
            }
        }
    }

    @Test func `a server that still loads its data is not ready`() async throws {
        let server = try await RedisServer(appendOnly: true)
        let history = History()
        try await withConnection(to: server.unixURL, history: history) { connection, loop in
            try await connection.whenReady()
            try await connection.send(RedisCommand("SET", "k", "v"))
            // 10,000 keys at some 80 µs each: most of a second of loading.
            try await connection.send(RedisCommand("DEBUG", "POPULATE", 10_000))
            try await connection.send(RedisCommand("BGREWRITEAOF"))
            try await loop.until {
                let info = try? await connection.send(RedisCommand("INFO", "persistence")).text
                return info?.contains("aof_rewrite_in_progress:0") == true
                    && info?.contains("aof_rewrite_scheduled:0") == true
            }
            try await connection.send(RedisCommand("CONFIG", "SET", "key-load-delay", 20))
            try await connection.send(
                RedisCommand("CONFIG", "SET", "loading-process-events-interval-bytes", 1_024)
            )
            try await connection.send(RedisCommand("CONFIG", "REWRITE"))
            try await offLoop { server.kill() }
            try await server.start()
            try await connection.whenReady()
            try await loop.until { await connection.generation > 1 }
            #expect(try await connection.send(RedisCommand("GET", "k")).text == "v")
        }
        let wasLoading = history.losses.contains {
            if case .refused(let error) = $0 { error.prefix == "LOADING" } else { false }
        }
        #expect(wasLoading)
    }

    @Test
    func `a name is resolved without holding up the loop, and one that leads nowhere is said so`()
        async throws
    {
        let server = try await RedisServer()
        try await withConnection(to: "redis://localhost:\(server.port)") { connection, _ in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("PING")).text == "PONG")
        }
        let history = History()
        try await withConnection(to: "redis://no-such-host.invalid:1", history: history) {
            _,
            loop in
            // The loop turns while the resolver's thread waits for whatever it asks.
            var turns = 0
            try await loop.until {
                turns += 1
                return !history.losses.isEmpty
            }
            #expect(turns > 1)
            guard case .unresolved = history.losses[0] else {
                Issue.record("\(history.losses[0])")
                return
            }
        }
    }

    @Test func `rediss is a clear error where the library has no TLS`() async throws {
        guard !RedisLibrary.hasTLS else { return }
        try await EventLoop.run { loop in
            let endpoint = try RedisEndpoint(url: "rediss://localhost")
            let error = #expect(throws: RedisError.self) {
                _ = try RedisConnection(to: endpoint, on: loop, random: { _ in 0 })
            }
            #expect(error == .tlsUnavailable)
            #expect(error.map { "\($0)".contains("rediss://") } == true)
        }
    }

    @Test func `the socket has keepalive and a limit for unacknowledged bytes`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.url) { connection, _ in
            try await connection.whenReady()
            let sockets = (3..<Int32(1_024)).filter { peerPort(of: $0) == server.port }
            let fd = try #require(sockets.first)
            #expect(option(SOL_SOCKET, SO_KEEPALIVE, of: fd) == 1)
            // Numbers of <netinet/tcp.h>, which Swift's Glibc leaves out.
            let (tcpKeepIdle, tcpUserTimeout): (Int32, Int32) = (4, 18)
            #expect(option(Int32(IPPROTO_TCP), tcpKeepIdle, of: fd) == 15)
            #expect(option(Int32(IPPROTO_TCP), tcpUserTimeout, of: fd) == 10_000)
            #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
        }
    }

    private func option(_ level: Int32, _ name: Int32, of fd: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe getsockopt(fd, level, name, &value, &size)
        return value
    }

    private func peerPort(of fd: Int32) -> Int? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getpeername(fd, address, &size)
            }
        }
        return code == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
