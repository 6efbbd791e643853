import ArgumentParser
import Contract
import Desk
import JSON
import Redis

struct DeadReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Ask dead letters again, as new requests. Says what it would do; --yes does it.",
        discussion: """
            The new request is <id>.r1 (then r2, …), on the stream of the first, with all
            the time that the first had and `replay_of` naming it. Its answer is under the
            new id: whoever asked first has been told that his request failed, and that
            stays so. In the same step the letter goes.

            No token is kept in a dead letter. Where AUTH_MODE asks for one, give it anew
            (--token-file, or the variable AUTH_TOKEN); else the replay is `unauthorized`.

              strategyctl dead replay 1795798460947-0
              strategyctl dead replay --all --reason attempts --rate 5 --yes

            EXIT STATUS
              0   replayed, or said    1  a letter cannot be replayed, or was not there
              64  wrong use    69  Redis cannot be reached
            """
    )

    @OptionGroup var selection: Selection

    @OptionGroup var token: BearerToken

    @Option(help: "Replays a second.")
    var rate = 10.0

    func validate() throws {
        guard (0.01...10_000).contains(rate) else {
            throw ValidationError("--rate takes a number from 0.01 to 10000")
        }
    }

    func run() async throws {
        let (selection, rate) = (selection, rate)
        let authorization = try token.field()
        try await withService { service in
            var plans: [ReplayPlan] = []
            var taken: Set<RequestID> = []
            var due = ContinuousClock.now
            for place in try await selection.places(in: service) {
                let plan = try await ReplayPlan.make(place, without: taken, in: service.streams)
                if let request = plan.request { taken.insert(request.id) }
                if selection.yes, plan.request != nil {
                    try await Task.sleep(until: due)
                    due = .now + .seconds(1 / rate)
                    try await plan.carryOut(in: service.streams, authorization: authorization)
                }
                plans.append(plan)
                if !selection.json { print(plan.line(done: selection.yes)) }
            }
            Self.tell(plans, selection, hasToken: authorization != nil)
            if plans.contains(where: { $0.request == nil }) { throw ExitCode.negative }
        }
    }

    private static func tell(
        _ plans: [ReplayPlan],
        _ selection: Selection,
        hasToken: Bool
    ) {
        let count = plans.count { $0.request != nil }
        if selection.json {
            return printJSON { writer in
                writer.object { writer in
                    writer.field("done", selection.yes)
                    writer.array("replays", plans) { $1.write(to: &$0) }
                }
            }
        }
        if plans.isEmpty { return print("There is nothing to replay.") }
        guard !selection.yes, count > 0 else { return }
        print("\nNothing was done: --yes replays \(Figures.count(count, "letter", "letters")).")
        guard !hasToken else { return }
        print("Where AUTH_MODE asks for a token they will be unauthorized: none is kept.")
    }
}
