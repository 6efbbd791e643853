import ArgumentParser
import Contract
import Desk
import JSON

/// The life of one request, from all that is remembered of it.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the life of a request: deliveries, owners, verdicts, calls and costs.",
        discussion: """
            Put together from the request's record, its entry, its reply stream, the
            ledger's outbox and the dead letters, in the order of time. Never a payload's
            text, and never a token.

              strategyctl explain ctl-ok022qh5ep9f
              strategyctl explain 7d5c… --user alice --json

            What it can tell shrinks: an answer is gone after REPLY_TTL (10 minutes), the
            record DEDUPE_TTL (a day) after the end. Of ledger, dead letters and unread
            entries the 100,000 nearest are looked through; it says so where there are
            more.

            EXIT STATUS
              0   explained    1  nothing is known of this request
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "The request's id.")
    var id: String

    @OptionGroup var whereabouts: Whereabouts

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let (id, whereabouts) = (try requestID(id), whereabouts)
        let all = try await withService { service in
            var lives: [Life] = []
            for partition in try whereabouts.partitions(of: service.surroundings) {
                lives.append(try await Life.gather(of: id, in: partition, of: service.streams))
            }
            return lives
        }
        let lives = all.filter { !$0.isEmpty }
        if json {
            printJSON { writer in
                writer.object { writer in
                    writer.field("request_id", id.text)
                    writer.array("partitions", lives) { writer, life in life.write(to: &writer) }
                }
            }
        } else {
            for life in lives { print(life.page) }
        }
        guard lives.isEmpty else { return }
        complain(
            "nothing is known of \(id): no worker has read it and it does not wait, or it ended so long "
                + "ago that it is forgotten"
        )
        for life in all {
            for gap in life.gaps { complain("partition \(life.partition): \(gap)") }
        }
        throw ExitCode.negative
    }
}
