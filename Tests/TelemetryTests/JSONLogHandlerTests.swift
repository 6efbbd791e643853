import Foundation
import Logging
import Synchronization
import Telemetry
import Testing

@Suite struct JSONLogHandlerTests {
    @Test func `one event is one object on one line, request and trace first`() {
        let captured = Captured()
        var logger = captured.logger()
        logger[metadataKey: "trace_id"] = "0af7651916cd43dd8448eb211c80319c"
        logger.info("request finished", metadata: ["outcome": "result", "request_id": "r-1"])
        #expect(
            captured.text == """
                {"ts":"2026-11-24T01:31:07.042Z","level":"info","logger":"worker",\
                "message":"request finished","request_id":"r-1",\
                "trace_id":"0af7651916cd43dd8448eb211c80319c","outcome":"result"}

                """
        )
    }

    @Test func `what must be escaped is escaped and comes back as it was`() throws {
        let captured = Captured()
        let nasty =
            "quote \" back \\ line\nreturn\rtab\tnul\u{0}esc\u{1b}[31m del\u{7f} € 😀 \u{2028}"
        captured.logger().info("\(nasty)", metadata: ["\(nasty)": "\(nasty)"])
        #expect(captured.text.filter { $0 == "\n" }.count == 1)
        #expect(!captured.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        #expect(!captured.text.unicodeScalars.contains("\u{7f}"))
        let object = try captured.object()
        #expect(object["message"] as? String == nasty)
        #expect(object[nasty] as? String == nasty)
    }

    @Test func `dictionaries and arrays stay what they are`() throws {
        let captured = Captured()
        captured.logger().info(
            "nested",
            metadata: ["limits": ["left": "3", "of": ["a", "b"]], "count": "\(7)"]
        )
        let object = try captured.object()
        let limits = try #require(object["limits"] as? [String: Any])
        #expect(limits["left"] as? String == "3")
        #expect(limits["of"] as? [String] == ["a", "b"])
        #expect(object["count"] as? String == "7")
    }

    @Test func `the event's metadata wins over the provider's, and that over the logger's`() throws
    {
        let captured = Captured()
        let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
        var logger = captured.logger(provider: provider)
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("who wins", metadata: ["b": "event"])
        let object = try captured.object()
        #expect(object["a"] as? String == "provider")
        #expect(object["b"] as? String == "event")
        #expect(object["c"] as? String == "logger")
    }

    @Test func `metadata and level are values: a copy leaves its original alone`() throws {
        let captured = Captured()
        let first = captured.logger()
        var second = first
        second[metadataKey: "mine"] = "second"
        second.logLevel = .error
        first.info("from the first")
        #expect(try captured.object()["mine"] == nil)
        #expect(first.logLevel == .info)
    }

    @Test func `metadata cannot take the place of the line's own keys`() throws {
        let captured = Captured()
        captured.logger().info(
            "true",
            metadata: ["level": "fake", "ts": "fake", "message": "fake"]
        )
        let object = try captured.object()
        #expect(object["level"] as? String == "info")
        #expect(object["message"] as? String == "true")
        #expect(object["metadata.level"] as? String == "fake")
        #expect(captured.text.components(separatedBy: "\"level\":").count == 2)
    }

    @Test(arguments: [
        "authorization", "Authorization", "api_key", "apiKey", "API-KEY", "token", "password",
        "payload", "prompt", "openai_api_key", "redis.password",
    ])
    func `a secret's value is never written`(key: String) throws {
        let captured = Captured()
        captured.logger().info(
            "guard",
            metadata: ["\(key)": "s3cr3t", "in": [["\(key)": ["deep": "s3cr3t"]]]]
        )
        #expect(!captured.text.contains("s3cr3t"))
        #expect(try captured.object()[key] as? String == "[redacted]")
    }

    @Test(arguments: ["prompt_tokens", "payload_bytes", "tokens", "request_id", "authorized"])
    func `what only counts a secret is written`(key: String) throws {
        let captured = Captured()
        captured.logger().info("guard", metadata: ["\(key)": "12"])
        #expect(try captured.object()[key] as? String == "12")
    }

    @Test func `an attached error shows its message and type`() throws {
        struct Lost: Error, CustomStringConvertible { let description = "wire cut" }
        let captured = Captured()
        captured.logger().error("connection lost", error: Lost())
        let object = try captured.object()
        #expect(object["error.message"] as? String == "wire cut")
        #expect((object["error.type"] as? String)?.hasSuffix("Lost") == true)
    }

    @Test func `a long string is cut between characters and a long line drops fields`() throws {
        let captured = Captured()
        let long = String(repeating: "€", count: 4_000)
        var metadata: Logger.Metadata = ["a": "\(long)"]
        for index in 0..<40 { metadata["z\(index)"] = "\(long)" }
        captured.logger().info("long", metadata: metadata)
        #expect(captured.text.utf8.count <= JSONLogHandler.Limits.lineBytesMax + 32)
        let object = try captured.object()
        let cut = try #require(object["a"] as? String)
        #expect(cut == String(repeating: "€", count: 2_048 / 3) + "…")
        #expect(object["truncated"] as? Bool == true)
        #expect(object["z9"] == nil)
    }

    @Test func `a long line of text drops fields too`() {
        let captured = Captured()
        let long = Logger.Metadata.Value.array(
            Array(repeating: "\(String(repeating: "x", count: 2_000))", count: 20)
        )
        captured.logger(format: .text).info("long", metadata: ["a": "1", "b": long, "c": "3"])
        #expect(
            captured.text
                == "2026-11-24T01:31:07.042Z info worker: long a=\"1\" c=\"3\" (truncated)\n"
        )
    }

    @Test func `nesting ends at its limit`() throws {
        let captured = Captured()
        var deep: Logger.Metadata.Value = "bottom"
        for _ in 0..<100 { deep = .array([deep]) }
        captured.logger().info("deep", metadata: ["deep": deep])
        #expect(captured.text.contains("[too deep]"))
        _ = try captured.object()
    }

    @Test func `the text form holds one line and no injected one`() {
        let captured = Captured()
        captured.logger(format: .text).warning(
            "slow",
            metadata: ["a": "x\ny", "token": "s3cr3t"]
        )
        #expect(
            captured.text
                == "2026-11-24T01:31:07.042Z warning worker: slow a=\"x\\ny\" token=\"[redacted]\"\n"
        )
    }

    @Test func `a descriptor gets whole lines from many threads`() async throws {
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        let sink = LogSink.descriptor(writer)
        let read = Mutex<[UInt8]>([])
        let drain = Thread {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = unsafe Glibc.read(reader, &chunk, chunk.count)
                if count <= 0 { return }
                read.withLock { $0.append(contentsOf: chunk[..<count]) }
            }
        }
        drain.start()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let logger = Logger(label: "many") { label in
                        JSONLogHandler(label: label, sink: sink)
                    }
                    for line in 0..<200 { logger.info("line", metadata: ["id": "\(task)-\(line)"]) }
                }
            }
        }
        close(writer)
        while !drain.isFinished { await Task.yield() }
        close(reader)
        let lines = read.withLock { $0 }.split(separator: UInt8(ascii: "\n"))
        var ids = Set<String>()
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
            ids.insert(try #require(object?["id"] as? String))
        }
        #expect(lines.count == 1_600)
        #expect(ids.count == 1_600)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] as [(Int64, String)]
    )
    func `time is written in RFC 3339`(milliseconds: Int64, text: String) {
        #expect(Timestamp(unixMilliseconds: milliseconds).text == text)
    }
}

/// A log that stays in memory, at a moment that stands still.
private final class Captured: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    func logger(
        format: LogFormat = .json,
        provider: Logger.MetadataProvider? = nil
    ) -> Logger {
        let sink = LogSink { [self] line in bytes.withLock { $0.append(contentsOf: line) } }
        return Logger(label: "worker") { label in
            JSONLogHandler(
                label: label,
                format: format,
                sink: sink,
                metadataProvider: provider,
                now: { Timestamp(unixMilliseconds: 1_795_483_867_042) }
            )
        }
    }

    func object() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(object as? [String: Any])
    }
}
