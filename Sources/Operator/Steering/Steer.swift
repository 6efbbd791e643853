import ArgumentParser
import Contract
import Desk
import Gateways
import JSON
import Redis

/// Nothing new starts, until somebody says otherwise.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Let nothing new start, in all partitions or in some.",
        discussion: """
            What runs finishes, and is answered; what waits keeps waiting, and its
            deadline runs on: whatever passes its own meanwhile is told `deadline_passed`.
            Orchestrators that read `load` hold back (accepting is 0), /health names the
            partition under `paused`, and a worker that is started meanwhile knows at
            once. It lasts until `strategyctl resume`.

              strategyctl pause                          all partitions
              strategyctl pause 0 3 --by "ann, INC-204"
              strategyctl lag                            what waits and what still runs

            EXIT STATUS
              0   paused    4   no supervisor has carried it out yet: it stands
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "Partitions; by default all.")
    var partitions: [Int] = []

    @OptionGroup var hand: Hand

    func run() async throws { try await Steering(.pause, hand).run(partitions) }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let paused partitions go on.",
        discussion: """
              strategyctl resume
              strategyctl resume 3

            EXIT STATUS
              0   it goes on    4   no supervisor has carried it out yet: it stands
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "Partitions; by default all.")
    var partitions: [Int] = []

    @OptionGroup var hand: Hand

    func run() async throws { try await Steering(.resume, hand).run(partitions) }
}

/// Asks each partition's supervisor, and says how the partition then stands.
struct Steering: Sendable {
    enum Command: String, Sendable {
        case pause, resume
    }

    private let command: Command
    private let hand: Hand

    init(_ command: Command, _ hand: Hand) {
        self.command = command
        self.hand = hand
    }

    func run(_ asked: [Int]) async throws {
        let steered = try await withService { service in
            let partitions = try Self.partitions(asked, of: service.surroundings)
            var begun: [(Int, was: Pause?, order: String)] = []
            for partition in partitions {
                let keys = service.keys(in: partition)
                let was = try await Pause.read(keys, by: service.redis)
                let order = try await service.order(
                    ["command", command.rawValue, "by", hand.name],
                    on: keys.control
                )
                begun.append((partition, was, order))
            }
            let end = hand.end
            var steered: [Steered] = []
            for (partition, was, order) in begun {
                steered.append(try await self.steered(partition, was, order, end, service))
            }
            return steered
        }
        if hand.json {
            printJSON { writer in
                writer.object { writer in
                    writer.field("command", command.rawValue)
                    writer.array("partitions", steered) { $1.write(to: &$0) }
                }
            }
        } else {
            for one in steered where one.isDone { print(one.sentence(command)) }
        }
        let left = steered.filter { !$0.isDone }
        for one in left { complain("partition \(one.partition): \(Hand.unheard)") }
        if !left.isEmpty { throw ExitCode.noAnswer }
    }

    private func steered(
        _ partition: Int,
        _ was: Pause?,
        _ order: String,
        _ end: ContinuousClock.Instant,
        _ service: ServiceView
    ) async throws -> Steered {
        let keys = service.keys(in: partition)
        let isDone = try await service.carriedOut(order, on: keys.control, by: end)
        let backlogs = try await PartitionLag.read(partition, in: service).backlogs
        return Steered(
            partition: partition,
            isDone: isDone,
            wasSo: (was != nil) == (command == .pause),
            pause: try await Pause.read(keys, by: service.redis),
            nowMs: try await service.nowMs(),
            waiting: backlogs.reduce(0) { $0 + $1.waiting },
            inFlight: backlogs.reduce(0) { $0 + $1.inFlight }
        )
    }

    private static func partitions(_ asked: [Int], of surroundings: Surroundings) throws -> [Int] {
        let all = 0..<surroundings.partitions
        guard let wrong = asked.first(where: { !all.contains($0) }) else {
            return asked.isEmpty ? Array(all) : Array(Set(asked)).sorted()
        }
        complain(
            "there is no partition \(wrong): PARTITIONS is \(surroundings.partitions), "
                + "they count from 0"
        )
        throw ExitCode.usage
    }
}

/// How a partition stands after it was asked.
private struct Steered: Sendable {
    let partition: Int
    let isDone: Bool
    let wasSo: Bool
    let pause: Pause?
    let nowMs: Int64
    let waiting: Int
    let inFlight: Int

    func sentence(_ command: Steering.Command) -> String {
        let waits = Figures.count(waiting, "request waits", "requests wait")
        switch (command, pause) {
        case (.pause, let pause?):
            let since = "since \(Figures.time(pause.atMs))"
            let runs =
                inFlight == 0
                ? "nothing runs" : Figures.count(inFlight, "runs and finishes", "run and finish")
            return wasSo
                ? "partition \(partition) was paused already, by \(pause.by), \(since); "
                    + "\(runs), \(waits)"
                : "partition \(partition) is paused by \(pause.by); \(runs), \(waits)"
        case (.pause, nil):
            return "partition \(partition) was paused, and somebody has let it go on again"
        case (.resume, let pause?):
            return "partition \(partition) went on, and has been paused again by \(pause.by)"
        case (.resume, nil):
            return wasSo
                ? "partition \(partition) was not paused; \(waits)"
                : "partition \(partition) goes on; \(waits)"
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("partition", partition)
            writer.field("outcome", !isDone ? "pending" : wasSo ? "already" : "done")
            writer.field("paused", pause != nil)
            writer.field("by", orNull: pause?.by)
            writer.field("at", orNull: pause?.atMs)
            writer.field("waiting", waiting)
            writer.field("in_flight", inFlight)
        }
    }
}
