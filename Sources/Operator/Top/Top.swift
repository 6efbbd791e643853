import ArgumentParser
import Desk
import Glibc
import JSON

/// The whole service, live in a terminal.
struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what waits, runs and ends, live; and what to do where it does not.",
        discussion: """
            Begins with what is wrong and what mends it. Then the figures of the last
            minute, their curves, every queue, and every worker with its lease.

            On a terminal it is drawn anew every second until q or Ctrl-C. Into a pipe it
            prints one page, or as many as --count says; with --json one line each:

              strategyctl top
              strategyctl top | head -20
              strategyctl top --json --count 60 | jq .sample.ended_per_second

            Reading costs Redis some 0.3 ms for each partition, and writes nothing.

            EXIT STATUS
              0   shown    64  wrong use    69  Redis cannot be reached
            """
    )

    @Option(help: "Seconds between two looks.")
    var interval = 1.0

    @Option(help: "Looks; by default as many as there is time for on a terminal, else one.")
    var count: Int?

    @Flag(help: "Print a line of JSON for each look, and nothing else.")
    var json = false

    func validate() throws {
        guard (0.1...3_600).contains(interval) else {
            throw ValidationError("--interval takes seconds from 0.1 to 3600")
        }
        guard count.map({ (1...1_000_000).contains($0) }) ?? true else {
            throw ValidationError("--count takes a number from 1 to 1000000")
        }
    }

    func run() async throws {
        let screen = json ? nil : Screen.open()
        defer { screen?.close() }
        let (json, interval) = (json, Duration.seconds(interval))
        let looks = count ?? (screen == nil ? 1 : .max)
        try await withService { service in
            var history = FleetHistory()
            // A rate is told between two looks.
            if screen == nil, looks == 1 {
                let before = try await FleetReading.read(service.streams)
                history.add(before.figures, at: before.nowMs)
                try await Task.sleep(for: interval)
            }
            for look in 1...looks {
                let reading = try await FleetReading.read(service.streams)
                history.add(reading.figures, at: reading.nowMs)
                if json {
                    Self.print(reading, history)
                } else {
                    let page = TopPage(reading, history, size: screen?.size)
                    if let screen { screen.draw(page.lines) } else { Swift.print(page.text) }
                }
                fflush(nil)
                guard look < looks else { return }
                if let screen {
                    guard try await screen.wait(interval) else { return }
                } else {
                    try await Task.sleep(for: interval)
                }
            }
        }
    }

    private static func print(_ reading: FleetReading, _ history: FleetHistory) {
        printJSON { writer in
            writer.object { writer in
                writer.key("sample")
                writer.object { writer in history.samples.last?.writeMembers(to: &writer) }
                reading.write(to: &writer)
            }
        }
    }
}
