import ArgumentParser
import Contract
import Desk
import JSON
import Redis

/// Takes back what is not wanted any more, and says what came of it.
struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take back a request, or a whole batch, and say what came of it.",
        discussion: """
            What has not been read yet is remembered, and ends as cancelled when a worker
            reads it, without a call. What waits for its turn ends at once. What runs ends
            at once, too; a call that was made is charged to its user at what was reserved
            for it. An answer that comes first stands. Of a batch, members that have ended
            stay so.

              strategyctl cancel 7d5c…
              strategyctl cancel 7d5c… --user alice --by "desk 7"    (tells the partition)
              strategyctl cancel --batch eod-1127

            EXIT STATUS
              0   taken back, or remembered until it is read
              1   it had ended before
              4   no supervisor has carried it out yet: it stands
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "The request's id.")
    var id: String?

    @Option(help: "The id of a batch, in place of a request's.")
    var batch: String?

    @OptionGroup var whereabouts: Whereabouts

    @OptionGroup var hand: Hand

    func validate() throws {
        guard (id == nil) != (batch == nil) else {
            throw ValidationError("give one request's id, or --batch and a batch's")
        }
    }

    func run() async throws {
        let target =
            try batch.map { TakingBack.Target.batch(try requestID($0)) }
            ?? .request(try requestID(id ?? ""))
        let (whereabouts, hand) = (whereabouts, hand)
        let taken = try await withService { service in
            let partition = try await Self.partition(of: target, whereabouts, service)
            return try await TakingBack(target, partition, service).carryOut(hand)
        }
        if hand.json {
            printJSON(taken.write)
        } else if taken.outcome != .pending {
            print(taken.sentence)
        }
        switch taken.outcome {
        case .cancelled, .remembered, .underWay: break
        case .ended: throw ExitCode.negative
        case .pending:
            complain(Hand.unheard)
            throw ExitCode.noAnswer
        }
    }

    /// Where it is known. An order in another partition would be remembered there, and might meet
    /// another's request.
    private static func partition(
        of target: TakingBack.Target,
        _ whereabouts: Whereabouts,
        _ service: ServiceView
    ) async throws -> Int {
        let all = try whereabouts.partitions(of: service.surroundings)
        guard all.count > 1 else { return all[0] }
        var found: [Int] = []
        for partition in all
        where try await TakingBack(target, partition, service).isKnown() {
            found.append(partition)
        }
        guard found.count == 1 else {
            complain(
                found.isEmpty
                    ? "\(target.id) is known in no partition: say --user or --partition, and it is "
                        + "remembered there"
                    : "\(target.id) is known in partitions "
                        + found.map { "\($0)" }.joined(separator: ", ")
                        + ": say --user or --partition"
            )
            throw ExitCode.usage
        }
        return found[0]
    }
}
