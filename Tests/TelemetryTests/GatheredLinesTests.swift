import Logging
import Synchronization
import Telemetry
import Testing

@Suite struct GatheredLinesTests {
    /// What was written, and what waits for the end of the turn.
    private final class Turn: Sendable {
        let writes = Mutex<[String]>([])
        let ends = Mutex<[@Sendable () -> Void]>([])
        let isOnLoop = Mutex(true)

        func lines() -> GatheredLines {
            let lines = GatheredLines(
                to: LogSink { [self] bytes in
                    writes.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
                }
            )
            lines.gather { [self] act in
                guard isOnLoop.withLock({ $0 }) else { return false }
                ends.withLock { $0.append(act) }
                return true
            }
            return lines
        }

        func end() {
            let due = ends.withLock { ends in
                defer { ends = [] }
                return ends
            }
            for end in due { end() }
        }

        var written: [String] { writes.withLock { $0 } }
    }

    private func write(_ text: String, isUrgent: Bool = false, to lines: GatheredLines) {
        lines.sink.write(Array(text.utf8), isUrgent: isUrgent)
    }

    @Test func `the lines of a turn are written in one go when it ends`() {
        let turn = Turn()
        let lines = turn.lines()
        write("a\n", to: lines)
        write("b\n", to: lines)
        #expect(turn.written == [])
        turn.end()
        #expect(turn.written == ["a\nb\n"])
        write("c\n", to: lines)
        turn.end()
        #expect(turn.written == ["a\nb\n", "c\n"])
    }

    @Test func `an urgent line is out at once, behind those before it`() {
        let turn = Turn()
        let lines = turn.lines()
        write("a\n", to: lines)
        write("trouble\n", isUrgent: true, to: lines)
        #expect(turn.written == ["a\ntrouble\n"])
        turn.end()
        #expect(turn.written == ["a\ntrouble\n"])
    }

    @Test func `a line from elsewhere than the loop is out at once`() {
        let turn = Turn()
        let lines = turn.lines()
        turn.isOnLoop.withLock { $0 = false }
        write("a\n", to: lines)
        #expect(turn.written == ["a\n"])
    }

    @Test func `before a loop gathers, every line is written at once`() {
        let written = Mutex<[Int]>([])
        let lines = GatheredLines(
            to: LogSink { bytes in written.withLock { $0.append(bytes.count) } }
        )
        write("a\n", to: lines)
        #expect(written.withLock { $0 } == [2])
    }

    @Test func `no write is longer than a pipe takes whole`() {
        let turn = Turn()
        let lines = turn.lines()
        let line = String(repeating: "x", count: 999) + "\n"
        for _ in 0..<10 { write(line, to: lines) }
        turn.end()
        #expect(turn.written.map(\.utf8.count) == [4_000, 4_000, 2_000])
    }

    @Test func `warnings and errors are urgent, what is below is not`() {
        let turn = Turn()
        let lines = turn.lines()
        let log = Logger(label: "worker") { JSONLogHandler(label: $0, sink: lines.sink) }
        log.info("all is well")
        log.notice("something of note")
        #expect(turn.written.isEmpty)
        log.warning("trouble")
        #expect(turn.written.count == 1)
        log.error("worse")
        #expect(turn.written.count == 2)
    }
}
