import EventLoop
import Glibc
import Redis
import Synchronization
import TestSupport
import Testing

/// Against a peer that does what no real server does, or does it in the wrong moment.
@Suite struct FaultTests {
    @Test func `after a time-out the connection is given up, and the late reply meets nobody`()
        async throws
    {
        let server = try await RedisServer()
        let history = History()
        try await withConnection(to: server.url, history: history) { connection, loop in
            try await connection.whenReady()
            try await connection.send(RedisCommand("SET", "k", "right"))
            async let slept = redisError { () throws(RedisError) in
                try await connection.send(
                    RedisCommand("DEBUG", "SLEEP", "0.3"),
                    timeout: .milliseconds(50)
                )
            }
            async let neighbour = redisError { () throws(RedisError) in
                try await connection.send(RedisCommand("ECHO", "wrong"), timeout: .seconds(20))
            }
            #expect(await slept == .timedOut)
            #expect(await neighbour == .connectionLost(.commandTimedOut))
            try await connection.whenReady(within: .seconds(20))
            #expect(await connection.generation == 2)
            for _ in 0..<100 {
                #expect(try await connection.send(RedisCommand("GET", "k")).text == "right")
            }
        }
        #expect(history.losses.first == .commandTimedOut)
    }

    @Test func `a cancelled command ends at once, and its neighbours live on`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, loop in
            try await connection.whenReady()
            try await withThrowingTaskGroup(of: String?.self) { group in
                // Holds up the server, so that what follows is surely in flight.
                group.addTask {
                    try await connection.send(RedisCommand("DEBUG", "SLEEP", "0.3")).text
                }
                await Task.yield()
                for index in 0..<3 {
                    group.addTask {
                        try await connection.send(RedisCommand("ECHO", .number(index))).text
                    }
                }
                let victim = await withTaskGroup(of: RedisError?.self) { victims in
                    victims.addTask {
                        await redisError { () throws(RedisError) in
                            try await connection.send(RedisCommand("ECHO", "victim"))
                        }
                    }
                    victims.addTask {
                        await redisError { () throws(RedisError) in
                            try await connection.pipeline([
                                RedisCommand("ECHO", "v1"), RedisCommand("ECHO", "v2"),
                            ])
                        }
                    }
                    await Task.yield()
                    victims.cancelAll()
                    return await victims.reduce(into: []) { $0.append($1) }
                }
                #expect(victim == [.cancelled, .cancelled])
                for index in 3..<6 {
                    group.addTask {
                        try await connection.send(RedisCommand("ECHO", .number(index))).text
                    }
                }
                var answers: Set<String> = []
                for try await answer in group { answers.insert(answer ?? "nothing") }
                #expect(answers == ["OK", "0", "1", "2", "3", "4", "5"])
            }
            #expect(await connection.generation == 1)
        }
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, loop in
            try await connection.whenReady()
            let error = await withTaskGroup(of: RedisError?.self) { group in
                group.cancelAll()
                group.addTask {
                    await redisError { () throws(RedisError) in
                        try await connection.send(RedisCommand("SET", "k", "v"))
                    }
                }
                return await group.next() ?? nil
            }
            #expect(error == .cancelled)
            #expect(try await connection.send(RedisCommand("GET", "k")).isNull)
        }
    }

    @Test func `cancelled from another thread while replies come, each command ends once`()
        async throws
    {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, loop in
            try await connection.whenReady()
            for _ in 0..<50 {
                let ended = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<40 {
                        group.addTask {
                            do throws(RedisError) {
                                return try await connection.send(RedisCommand("PING")).text
                                    == "PONG"
                            } catch { return error == .cancelled }
                        }
                    }
                    // Off the loop: cancellation and replies truly race.
                    group.addTask { (try? await offLoop { true }) ?? false }
                    _ = await group.next()
                    group.cancelAll()
                    return await group.reduce(true) { $0 && $1 }
                }
                #expect(ended)
            }
        }
    }

    @Test
    func `a peer that accepts and says nothing is a connect time-out, again and again, not faster`()
        async throws
    {
        let peer = try ScriptedRedis { socket, _ in socket.readUntilEnd() }
        defer { peer.stop() }
        let history = History()
        let options = briskOptions { $0.connectTimeLimit = .milliseconds(30) }
        try await withConnection(
            to: "redis://127.0.0.1:\(peer.port)",
            options: options,
            history: history
        ) { connection, loop in
            let error = await redisError { () throws(RedisError) in
                try await connection.whenReady(within: .milliseconds(200))
            }
            #expect(error == .notConnected(.connectTimedOut))
            try await loop.until { history.losses.count >= 3 }
        }
        #expect(history.losses.allSatisfy { $0 == .connectTimedOut })
        #expect(peer.accepted <= history.all.count)
    }

    @Test func `a peer that greets and hangs up is not asked ever faster`() async throws {
        let peer = try ScriptedRedis { socket, _ in socket.greet() }
        defer { peer.stop() }
        let history = History()
        try await withConnection(
            to: "redis://127.0.0.1:\(peer.port)",
            options: briskOptions { $0.restMax = .seconds(2) },
            history: history
        ) { connection, loop in
            let start = ContinuousClock.now
            try await loop.until { peer.accepted >= 5 }
            let rests = history.all.compactMap { state -> Duration? in
                if case .resting(let duration, _) = state { duration } else { nil }
            }
            #expect(rests.reduce(.zero, +) <= ContinuousClock.now - start + .seconds(2))
            // Each attempt got a higher number: being ready for an instant does not count.
            let attempts = history.all.compactMap { state -> Int? in
                if case .connecting(let attempt) = state { attempt } else { nil }
            }
            #expect(attempts == Array(1...attempts.count))
        }
    }

    @Test func `nobody listens: attempts are few while nobody does`() async throws {
        let port = try freePort()
        let history = History()
        try await withConnection(
            to: "redis://127.0.0.1:\(port)",
            options: briskOptions { $0.restMax = .seconds(1) },
            history: history
        ) { _, loop in
            try await loop.sleep(for: .milliseconds(300))
        }
        // Rests of 50, 100, 200 ms at most, half of that on average: not thousands.
        #expect((1...30).contains(history.losses.count))
        guard case .network(let why) = history.losses[0] else {
            Issue.record("\(history.losses[0])")
            return
        }
        #expect(why.contains("refused"))
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        let isExpected: @Sendable (RedisLoss) -> Bool
    }

    static let wrongs: [Wrong] = [
        Wrong(testDescription: "nothing, and a close", bytes: "") { $0 == .closedByServer },
        Wrong(testDescription: "half a string, and a close", bytes: "$10\r\nhalf") {
            $0 == .closedByServer
        },
        Wrong(testDescription: "another protocol", bytes: "HTTP/1.1 400 Bad Request\r\n\r\n") {
            if case .protocolViolation = $0 { true } else { false }
        },
        Wrong(testDescription: "a length that is none", bytes: "$-7\r\n") {
            if case .protocolViolation = $0 { true } else { false }
        },
        Wrong(testDescription: "an array of two thousand million", bytes: "*2000000000\r\n") {
            $0 == .protocolViolation("a reply that is too large")
        },
        Wrong(
            testDescription: "arrays in arrays in arrays",
            bytes: String(repeating: "*1\r\n", count: RedisLimits.replyDepthMax + 1) + ":1\r\n"
        ) { if case .protocolViolation = $0 { true } else { false } },
    ]

    @Test(arguments: wrongs)
    func `wrong bytes cost the connection, never the process`(_ wrong: Wrong) async throws {
        let peer = try ScriptedRedis { socket, number in
            socket.greet()
            if number > 0 { return socket.readUntilEnd() }
            socket.read(until: "GET")
            socket.write(wrong.bytes)
        }
        defer { peer.stop() }
        try await withConnection(to: "redis://127.0.0.1:\(peer.port)") { connection, loop in
            try await connection.whenReady()
            let error = await redisError { () throws(RedisError) in
                try await connection.send(RedisCommand("GET", "k"))
            }
            guard case .connectionLost(let loss) = error else {
                Issue.record("\(String(describing: error).prefix(200))")
                return
            }
            #expect(wrong.isExpected(loss), "\(loss)")
            try await loop.until { await connection.generation == 2 }
        }
    }

    @Test(arguments: [
        "+OK\r\n", ":1\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*-1\r\n", "*1\r\n:1\r\n", "*0\r\n",
    ])
    func `a reply that nobody asked for costs the connection, not the process`(
        _ extra: String
    ) async throws {
        let peer = try ScriptedRedis { socket, number in
            socket.greet()
            if number > 0 { return socket.readUntilEnd() }
            socket.read(until: "GET")
            socket.write("$5\r\nvalue\r\n" + extra)
            socket.readUntilEnd()
        }
        defer { peer.stop() }
        let history = History()
        try await withConnection(
            to: "redis://127.0.0.1:\(peer.port)",
            history: history
        ) { connection, loop in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("GET", "k")).text == "value")
            try await loop.until { await connection.generation == 2 }
            #expect(history.losses == [.protocolViolation("a reply that no command asked for")])
        }
    }

    @Test func `an error that nobody asked for is the reason of the loss`() async throws {
        let server = try await RedisServer(extra: ["--maxclients", "1"])
        let history = History()
        try await withConnection(to: server.unixURL) { first, _ in
            try await first.whenReady()
            try await withConnection(to: server.unixURL, history: history) { _, loop in
                // Now and then the server hangs up before our greeting is written, and then the
                // broken pipe is all that we see.
                try await loop.until {
                    history.losses.contains { loss in
                        guard case .refused(let error) = loss else { return false }
                        return error.message.contains("max number of clients")
                    }
                }
            }
        }
        #expect(!history.all.contains(.ready(generation: 1)))
    }

    @Test func `half a reply and then silence is a time-out`() async throws {
        let peer = try ScriptedRedis { socket, _ in
            socket.greet()
            socket.read(until: "GET")
            socket.write("*2\r\n$3\r\nabc\r\n$1000000\r\nab")
            socket.readUntilEnd()
        }
        defer { peer.stop() }
        try await withConnection(to: "redis://127.0.0.1:\(peer.port)") { connection, _ in
            try await connection.whenReady()
            let error = await redisError { () throws(RedisError) in
                try await connection.send(RedisCommand("GET", "k"), timeout: .milliseconds(100))
            }
            #expect(error == .timedOut)
        }
    }

    @Test func `the deepest reply that is allowed is a reply`() async throws {
        let peer = try ScriptedRedis { socket, _ in
            socket.greet()
            socket.read(until: "GET")
            socket.write(String(repeating: "*1\r\n", count: RedisLimits.replyDepthMax) + ":1\r\n")
            socket.readUntilEnd()
        }
        defer { peer.stop() }
        try await withConnection(to: "redis://127.0.0.1:\(peer.port)") { connection, _ in
            try await connection.whenReady()
            var reply = try await connection.send(RedisCommand("GET", "k"))
            for _ in 0..<RedisLimits.replyDepthMax { reply = try #require(reply.array?.first) }
            #expect(reply == .integer(1))
        }
    }

    @Test func `a reply in single bytes is a reply`() async throws {
        let peer = try ScriptedRedis { socket, _ in
            socket.greet()
            socket.read(until: "GET")
            for byte in Array("*2\r\n$3\r\nabc\r\n:-12\r\n".utf8) { socket.write([byte]) }
            socket.readUntilEnd()
        }
        defer { peer.stop() }
        try await withConnection(to: "redis://127.0.0.1:\(peer.port)") { connection, _ in
            try await connection.whenReady()
            #expect(
                try await connection.send(RedisCommand("GET", "k"))
                    == .array([.string(Array("abc".utf8)), .integer(-12)])
            )
        }
    }

    @Test func `what came while the loop was busy is not late`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, loop in
            try await connection.whenReady()
            async let reply = connection.send(
                RedisCommand("DEBUG", "SLEEP", "0.05"),
                timeout: .milliseconds(100)
            )
            try await loop.sleep(for: .milliseconds(1))
            // The loop stands still past the deadline, with the reply in the socket.
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .milliseconds(300) {}
            #expect(try await reply.isOK)
            #expect(await connection.generation == 1)
        }
    }

    @Test func `stopping in any state leaves no socket and nobody who waits`() async throws {
        let server = try await RedisServer()
        let silent = try ScriptedRedis { socket, _ in socket.readUntilEnd() }
        defer { silent.stop() }
        let urls = [
            server.unixURL, server.url, "redis://127.0.0.1:\(silent.port)",
            "redis://127.0.0.1:\(try freePort())", "redis://no-such-host.invalid",
            "redis://localhost:\(server.port)",
        ]
        for (index, url) in (urls + urls + urls).enumerated() {
            let history = History()
            let fates = try await EventLoop.run { loop in
                let connection = try RedisConnection(
                    to: RedisEndpoint(url: url),
                    on: loop,
                    random: { $0 / 2 },
                    onChange: { history.add($0) }
                )
                return try await withThrowingTaskGroup(of: Void.self) { runner in
                    runner.addTask { await connection.run() }
                    return try await withThrowingTaskGroup(of: Bool.self) { group in
                        group.addTask {
                            do throws(RedisError) {
                                try await connection.whenReady()
                                try await connection.send(RedisCommand("BLPOP", "never", 0))
                                return false
                            } catch {
                                return error == .connectionLost(.stopped)
                                    || error == .notConnected(.stopped)
                            }
                        }
                        // Stopped at once, a few turns later, or after a while.
                        for _ in 0..<(index / urls.count * 20) {
                            try await loop.sleep(for: .zero)
                        }
                        runner.cancelAll()
                        try await runner.waitForAll()
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                }
            }
            #expect(fates == [true], "\(url)")
            #expect(history.all.isEmpty || history.all.last == .stopped)
        }
    }

    @Test func `a connection that ran and ended leaves no descriptor`() async throws {
        await #expect(processExitsWith: .success) {
            let server = try await RedisServer()
            let before = openSockets()
            for _ in 0..<20 {
                try await withConnection(to: server.url) { connection, _ in
                    try await connection.whenReady()
                    try await connection.send(RedisCommand("PING"))
                }
                try await withConnection(to: "redis://127.0.0.1:1") { _, loop in
                    try await loop.sleep(for: .milliseconds(2))
                }
            }
            let after = openSockets()
            server.stop()
            // The last may be closed a moment later; what one in eight left would show.
            guard after < before + 5 else { exit(1) }
        }
    }

    @Test func `it can be run again after it was stopped`() async throws {
        let server = try await RedisServer()
        try await EventLoop.run { loop in
            let connection = try RedisConnection(
                to: RedisEndpoint(url: server.unixURL),
                on: loop,
                random: { $0 / 2 }
            )
            for turn in 1...3 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await connection.run() }
                    try await loop.until { await connection.state == .ready(generation: turn) }
                    #expect(try await connection.send(RedisCommand("PING")).text == "PONG")
                    group.cancelAll()
                }
                #expect(await connection.state == .stopped)
            }
        }
    }
}
