import EventLoop
import Redis
import TestSupport
import Testing

@Suite struct CommandTests {
    @Test func `arguments and replies are bytes, whatever the bytes are`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            var dice = Dice(seed: 42)
            for length in [0, 1, 2, 9, 10, 99, 100, 4_096, 16_384, 16_385, 100_000] {
                let value = (0..<length).map { _ in UInt8(dice.roll(256)) }
                let key = Array("k\r\n\0$".utf8) + [0xff, 0xfe, UInt8(length % 251)]
                #expect(
                    try await connection.send(RedisCommand("SET", .bytes(key), .bytes(value))).isOK
                )
                #expect(
                    try await connection.send(RedisCommand("GET", .bytes(key))) == .string(value)
                )
            }
            let all = Array(UInt8.min...UInt8.max)
            #expect(try await connection.send(RedisCommand("ECHO", .bytes(all))) == .string(all))
        }
    }

    @Test func `numbers are written in full`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            for number in [0, 1, -1, 9, 10, -10, 12_345, .max, .min] {
                let reply = try await connection.send(RedisCommand("ECHO", .number(number)))
                #expect(reply.text == "\(number)")
                #expect(reply.int == number)
            }
        }
    }

    @Test func `a command of a thousand arguments arrives whole`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            var push = RedisCommand("RPUSH", "list")
            for index in 0..<1_234 { push.append(index) }
            #expect(try await connection.send(push) == .integer(1_234))
            let elements = try await connection.send(RedisCommand("LRANGE", "list", 0, -1)).array
            #expect(elements?.map(\.int) == (0..<1_234).map { $0 })
        }
    }

    @Test func `each kind of reply is its own value`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            #expect(try await connection.send(RedisCommand("PING")) == .status("PONG"))
            #expect(try await connection.send(RedisCommand("GET", "none")).isNull)
            #expect(try await connection.send(RedisCommand("BLPOP", "none", "0.01")).isNull)
            #expect(
                try await connection.send(RedisCommand("HSET", "h", "a", "1", "b", "2"))
                    == .integer(2)
            )
            let pairs = try await connection.send(RedisCommand("HGETALL", "h")).pairs
            #expect(pairs?.map { String(decoding: $0.key, as: UTF8.self) } == ["a", "b"])
            #expect(pairs?.map(\.value.int) == [1, 2])
            #expect(try await connection.send(RedisCommand("LRANGE", "none", 0, -1)) == .array([]))
            let nested = RedisCommand("EVAL", "return {1,{2,{false,'x'}},{err='MY fault'}}", 0)
            #expect(
                try await connection.send(nested)
                    == .array([
                        .integer(1), .array([.integer(2), .array([.null, .string([0x78])])]),
                        .error(RedisServerError(prefix: "MY", message: "fault")),
                    ])
            )
        }
    }

    @Test func `a server's refusal is typed and leaves the connection as it is`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            try await connection.send(RedisCommand("SET", "text", "x"))
            for (command, prefix) in [
                (RedisCommand("LPUSH", "text", "y"), "WRONGTYPE"),
                (RedisCommand("NOSUCH"), "ERR"),
                (RedisCommand("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"), "NOGROUP"),
                (RedisCommand("EVALSHA", "0", 0), "NOSCRIPT"),
            ] {
                guard
                    case .server(let error) = await redisError({ () throws(RedisError) in
                        try await connection.send(command)
                    })
                else {
                    Issue.record("not a server's error")
                    continue
                }
                #expect(error.prefix == prefix)
                #expect(!error.message.isEmpty)
            }
            #expect(await connection.generation == 1)
        }
    }

    @Test func `ten thousand commands of a pipeline are answered in their order`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.url) { connection, _ in
            try await connection.whenReady()
            let echoes = (0..<10_000).map { RedisCommand("ECHO", .number($0)) }
            let replies = try await connection.pipeline(echoes, timeout: .seconds(60))
            #expect(replies.map(\.int) == (0..<10_000).map { $0 })
            #expect(try await connection.pipeline([]) == [])
            let mixed = try await connection.pipeline([
                RedisCommand("SET", "k", "v"), RedisCommand("INCR", "k"), RedisCommand("GET", "k"),
            ])
            #expect(mixed[0].isOK)
            if case .error = mixed[1] {} else { Issue.record("\(mixed[1])") }
            #expect(mixed[2].text == "v")
        }
    }

    @Test func `commands of a hundred tasks share few writes, and each gets its own reply`()
        async throws
    {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            let before = try await Self.readsProcessed(connection)
            await withTaskGroup(of: Bool.self) { group in
                for task in 0..<100 {
                    group.addTask {
                        for turn in 0..<50 {
                            let number = task * 1_000 + turn
                            let reply = try? await connection.send(
                                RedisCommand("ECHO", .number(number))
                            )
                            if reply?.int != number { return false }
                        }
                        return true
                    }
                }
                for await right in group { #expect(right) }
            }
            let after = try await Self.readsProcessed(connection)
            // 5,000 commands, at best 50 writes of a hundred each.
            #expect(after - before < 1_000)
        }
    }

    private static func readsProcessed(_ connection: RedisConnection) async throws -> Int {
        let text = try await connection.send(RedisCommand("INFO", "stats")).text ?? ""
        let line = text.split(separator: "\r\n").first { $0.hasPrefix("total_reads_processed:") }
        return Int(line?.split(separator: ":").last ?? "") ?? -1
    }

    @Test func `ten megabytes go there and come back`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.url) { connection, _ in
            try await connection.whenReady()
            var dice = Dice(seed: 7)
            var value = [UInt8](repeating: 0, count: 10 << 20)
            for index in stride(from: 0, to: value.count, by: 97) {
                value[index] = UInt8(dice.roll(256))
            }
            let set = RedisCommand("SET", "large", .bytes(value))
            try await connection.send(set, timeout: .seconds(60))
            let got = try await connection.send(
                RedisCommand("GET", "large"),
                timeout: .seconds(60)
            )
            #expect(got == .string(value))
        }
    }

    @Test(
        arguments: ["SUBSCRIBE", "psubscribe", "UNSUBSCRIBE", "MONITOR", "SSUBSCRIBE"]
            as [StaticString]
    )
    func `what would change how replies follow commands is refused`(
        _ name: StaticString
    ) async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            let error = await redisError { () throws(RedisError) in
                try await connection.send(RedisCommand(name, "x"))
            }
            #expect(error == .unsupportedCommand)
            let piped = await redisError { () throws(RedisError) in
                try await connection.pipeline([RedisCommand("PING"), RedisCommand(name)])
            }
            #expect(piped == .unsupportedCommand)
            #expect(try await connection.send(RedisCommand("PING")).text == "PONG")
        }
    }

    @Test func `more than the limit in flight is refused, not queued`() async throws {
        let server = try await RedisServer()
        try await withConnection(to: server.unixURL) { connection, _ in
            try await connection.whenReady()
            let tooMany = Array(
                repeating: RedisCommand("PING"),
                count: RedisLimits.commandsInFlightMax + 1
            )
            let error = await redisError { () throws(RedisError) in
                try await connection.pipeline(tooMany)
            }
            #expect(error == .overloaded)
            let replies = try await connection.pipeline(
                Array(tooMany.dropLast()),
                timeout: .seconds(60)
            )
            #expect(replies.count == tooMany.count - 1)
        }
    }
}
