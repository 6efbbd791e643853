import ArgumentParser
import Contract
import Desk
import Gateways
import Postgres
import Redis

/// The answer to a request that was asked before.
struct Answer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the answer to a request, while it can be read.",
        discussion: """
            An answer can be read for REPLY_TTL (10 minutes) after it was given; after
            that, where DATABASE_URL is set, it is read from its record in the audit
            trail. Else what is remembered, for a day, is how it ended and what it cost.

              strategyctl answer ctl-ok022qh5ep9f
              strategyctl answer 7d5c… --user alice --json

            EXIT STATUS
              0   a result    2  rejected    3  failed or cancelled
              4   no answer: not yet, or not any more
              1   nothing is known of this request
              64  wrong use    69  Redis cannot be reached
            """
    )

    @Argument(help: "The request's id.")
    var id: String

    @OptionGroup var whereabouts: Whereabouts

    @Flag(help: "Print the answer's payload as JSON, and nothing else.")
    var json = false

    private enum Found: Sendable {
        case answer(ReplyEvent)
        case record(Fields)
    }

    private enum Limits {
        /// Events of one request: a handful, a batch's stream aside.
        static let eventsMax = 10_000
    }

    func run() async throws {
        let (id, whereabouts) = (try requestID(id), whereabouts)
        let found = try await withService { service in
            try await Self.find(id, whereabouts, in: service)
        }
        switch found {
        case .answer(let event):
            Report.show(answer: event, json)
            if let status = Report.status(of: event) { throw status }
        case .record(let record):
            if record["state"] == "ended", let event = try await Self.recorded(id) {
                Report.show(answer: event, json)
                if let status = Report.status(of: event) { throw status }
                return
            }
            complain(Self.sentence(about: id, record))
            throw ExitCode.noAnswer
        case nil:
            if let event = try await Self.recorded(id) {
                Report.show(answer: event, json)
                if let status = Report.status(of: event) { throw status }
                return
            }
            complain("nothing is known of \(id): it was never added, or its id is forgotten")
            throw ExitCode.negative
        }
    }

    /// What was told, by its record; nil where there is none, or no database to look into.
    private static func recorded(_ id: RequestID) async throws -> ReplyEvent? {
        guard try Surroundings().hasDatabase else { return nil }
        let ending = try await withDatabase(as: .reader) { pool in
            try await AuditTrail(pool: pool).ending(of: id)
        }
        guard let ending, let reply = ending.reply else { return nil }
        return ReplyEvent(
            name: ending.event,
            requestID: id.text,
            attempt: ending.attempt,
            at: ending.atMs,
            payload: reply
        )
    }

    private static func find(
        _ id: RequestID,
        _ whereabouts: Whereabouts,
        in service: ServiceView
    ) async throws -> Found? {
        var record: Fields?
        for partition in try whereabouts.partitions(of: service.surroundings) {
            let keys = service.keys(in: partition)
            let events = try await service.stream(keys.reply(id), countMax: Limits.eventsMax)
                .compactMap { $0.entry.flatMap { ReplyEvent($0.fields) } }
            if let end = events.last(where: \.isTerminal) { return .answer(end) }
            let found = try await service.hash(keys.record(id))
            if !found.isEmpty { record = found }
        }
        return record.map { .record($0) }
    }

    private static func sentence(about id: RequestID, _ record: Fields) -> String {
        guard record["state"] == "ended" else {
            return "\(id) has no answer yet: it is \(record["state"] ?? "?"), attempt "
                + "\(record["attempt"] ?? "1")"
        }
        let cost = NanoUSD(record.int("cost") ?? 0)
        return
            "the answer to \(id) is gone; it ended as \(record["code"] ?? "?") and cost \(cost) USD"
    }
}
