internal import Contract
package import Pipeline
internal import Redis
internal import Telemetry

/// A batch's envelope: into the books, and its members into their stream.
extension RedisStreams {
    package func admit(_ batch: AcceptedBatch) async throws(StreamFailure) -> Admittance {
        try await admit(Applicant(batch))
    }

    package func expand(_ step: ExpansionStep) async throws(StreamFailure) -> Expanded {
        let answer = try await run(
            Scripts.expandBatch,
            .expandBatch,
            keys: expansionKeys(step),
            arguments: expansionArguments(step)
        )
        let parts = answer.array ?? []
        let next = parts.dropFirst().first?.number
        switch (parts.first?.text, next) {
        case ("at", .some(let next)): return .at(next)
        case ("cancelled", .some(let next)): return .takenBack(at: next)
        case ("taken", _): return .idIsTaken
        case ("lost", _): return .lost
        case ("already", _): return .already
        default: throw StreamFailure.refused("expand_batch answered something unknown")
        }
    }

    private func expansionKeys(_ step: ExpansionStep) -> [RedisCommand.Argument] {
        let (entry, request) = (step.batch.entry, step.batch.request)
        var names = [
            keys.requests(entry.queue), keys.requests(request.priority),
            keys.batchCancelMark(request.batchID),
        ]
        names += keys.batch(request.batchID, envelope: entry.requestID)
        if step.isTakenBack {
            for member in request.members[step.members] {
                names += [keys.reply(member.requestID), keys.record(member.requestID)]
            }
        }
        return names.map { .text($0) }
    }

    private func expansionArguments(_ step: ExpansionStep) -> [RedisCommand.Argument] {
        let (entry, request) = (step.batch.entry, step.batch.request)
        var arguments: [RedisCommand.Argument] = [
            .text(Keys.workersGroup), .text(entry.id.description), .text(entry.queue.rawValue),
            .text(own.boot), .number(step.attempt), .text(entry.requestID.text),
            .text(request.batchID.text), .number(request.members.count),
            .number(step.members.lowerBound), .number(Int(step.memberDeadlineMs)),
            .number(Int(step.deadlineMs)), .number(Int(rules.replyTTLMs)),
            .number(Int(rules.dedupeTTLMs)), .text(entry.wantsAllEvents ? "all" : ""),
            .text(entry.trace.parent ?? ""), .text(entry.trace.state ?? ""),
        ]
        for member in request.members[step.members] {
            // Either its payload or whose it is, for the script does one thing or the other.
            arguments += [
                .text(member.requestID.text), .bytes(step.isTakenBack ? [] : member.payload),
                .text(member.userID),
                .text(step.isTakenBack ? PayloadHash(of: member.payload).text : ""),
                .text(step.batch.seal(of: member)),
            ]
        }
        return arguments
    }
}

/// Who asks to be taken into the books: one request, or a batch's envelope.
struct Applicant {
    let entry: RequestEntry
    let identity: Identity
    let deadlineMs: Int64
    /// Nil for an envelope, which reserves nothing and takes no place in its user's hour.
    let bid: Bid?

    init(_ accepted: Accepted, _ bid: Bid) {
        entry = accepted.entry
        identity = accepted.identity
        deadlineMs = accepted.times.deadlineMs
        self.bid = bid
    }

    init(_ batch: AcceptedBatch) {
        entry = batch.entry
        identity = batch.identity
        deadlineMs = batch.times.deadlineMs
        bid = nil
    }
}
