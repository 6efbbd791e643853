import ArgumentParser
import Contract
import Desk
import Gateways
import JSON
import Redis

/// The ways to models as the whole fleet sees them, and the hand that opens one again.
struct BreakerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "breaker",
        abstract: "Show the ways to models, or let one that is closed be tried again.",
        discussion: """
            A way that is `off` waits for somebody: its key was refused (401, 403), the quota
            is used up, or the model is gone. Once that is mended, `reset` lets it be tried at
            once, in all workers within a second: a tenth of the calls at first, all after ten
            seconds. Where it still fails it is closed again by the first call.

              strategyctl breaker
              strategyctl breaker reset primary
              strategyctl breaker reset azure:gpt-4.1
              strategyctl breaker reset --all

            EXIT STATUS
              0   shown, or reset     1   no such way
              64  wrong use           69  Redis cannot be reached
            """,
        subcommands: [List.self, Reset.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every way that was ever called, and how it stands."
        )

        @Flag(help: "Print JSON, and nothing else.")
        var json = false

        func run() async throws {
            let (ways, nowMs) = try await withService { service in
                (try await BreakerReading.read(service.streams), try await service.nowMs())
            }
            BreakerCommand.show(ways, nowMs, json)
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let closed ways be tried again at once."
        )

        @Argument(help: "ENDPOINT for all its models, or ENDPOINT:MODEL.")
        var way: String?

        @Flag(help: "Every way that is closed.")
        var all = false

        @Flag(help: "Print JSON, and nothing else.")
        var json = false

        func validate() throws {
            guard (way != nil) != all else {
                throw ValidationError("name a way, or say --all")
            }
        }

        func run() async throws {
            let way = way
            let found = try await withService { service in
                let known = try await BreakerReading.read(service.streams)
                let meant = known.filter { BreakerCommand.matches($0.name, way) }
                guard way == nil || !meant.isEmpty else {
                    let names = known.map(\.name).joined(separator: ", ")
                    complain("no such way: known are \(names.isEmpty ? "none" : names)")
                    throw ExitCode.negative
                }
                for one in meant where one.state != "closed" {
                    try await BreakerCommand.reset(one, service)
                }
                let names = Set(meant.map(\.name))
                let after = try await BreakerReading.read(service.streams)
                return (after.filter { names.contains($0.name) }, try await service.nowMs())
            }
            BreakerCommand.show(found.0, found.1, json)
        }
    }

    /// An endpoint's name has no colon, and a model's may.
    private static func matches(_ name: String, _ way: String?) -> Bool {
        guard let way else { return true }
        return name == way || name.hasPrefix("\(way):")
    }

    /// As a probe that went well would: the script changes nothing where another has meanwhile.
    private static func reset(_ way: BreakerReading, _ service: ServiceView) async throws {
        let keys = service.globalKeys
        _ = try await service.redis.eval(
            Scripts.breaker,
            keys: [.text(keys.breaker(way.name)), .text(keys.breakers)],
            arguments: [.text(way.name), "close", .number(Int(way.epoch)), "0", "", "", ""]
        )
    }

    private static func show(_ ways: [BreakerReading], _ nowMs: Int64, _ json: Bool) {
        guard !json else {
            return printJSON { writer in
                writer.object { writer in
                    writer.array("breakers", ways) { writer, way in way.write(to: &writer) }
                }
            }
        }
        guard !ways.isEmpty else { return print("No way to a model was called yet.") }
        let rows = ways.map { way in
            let left = way.untilMs - nowMs
            let again =
                way.state == "closed" || left <= 0
                ? "" : "tried again in \(Figures.span(left))"
            return [way.name, way.state, way.reason, again]
        }
        for line in Table([["way", "state", "why", ""]] + rows, toTheRight: []).lines {
            print(line)
        }
    }
}
