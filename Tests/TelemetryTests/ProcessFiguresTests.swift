import Foundation
import Telemetry
import Testing

@Suite struct ProcessFiguresTests {
    private static let tail =
        "S 1 2 3 4 5 6 7 8 9 10 150 25 13 14 20 0 7 0 5000 123456789 2048 18446744073709551615"

    @Test(arguments: ["(strategy-worker)", "(a) b) (c)", "()"])
    func `fields count from the end of the program's name`(name: String) throws {
        let figures = try #require(
            ProcessFigures(
                stat: "42 \(name) \(Self.tail)\n",
                systemStat: "cpu 1 2\nbtime 1700000000\n",
                openDescriptors: 9,
                cpuSeconds: 1.75,
                pageBytes: 4_096,
                ticksPerSecond: 100
            )
        )
        #expect(figures.residentBytes == 2_048 * 4_096)
        #expect(figures.startSeconds == 1_700_000_050)
        #expect(figures.openDescriptors == 9)
        #expect(figures.cpuSeconds == 1.75)
    }

    @Test(arguments: ["", "42 (x", "42 (x) S 1 2", "42 (x) S \(tail.dropFirst(60))"])
    func `what the kernel would not write is none`(stat: String) {
        #expect(
            ProcessFigures(
                stat: stat,
                systemStat: "btime 1\n",
                openDescriptors: 0,
                cpuSeconds: 0,
                pageBytes: 4_096,
                ticksPerSecond: 100
            ) == nil
        )
    }

    @Test func `this process has memory, time, descriptors and a start`() throws {
        let figures = try #require(ProcessFigures.current())
        #expect(figures.residentBytes > 1_000_000)
        #expect(figures.cpuSeconds > 0)
        #expect(figures.openDescriptors >= 3)
        let age = Date().timeIntervalSince1970 - figures.startSeconds
        #expect((-2...3_600).contains(age))
    }
}
