internal import Contract

/// The stage of a batch's envelope: its members are added to their stream, each once, whoever dies.
///
/// ```
///  envelope ─▶ admit ─▶ expand 0…99 ─▶ expand 100…199 ─▶ … ─▶ its entry is acknowledged; the batch
///                            ▲                                  lives on until its last member ends
///                            └── whoever takes it over is told where to go on
/// ```
package final class Expansion: Sendable {
    private let streams: any Streams
    private let clock: any StoreClock
    private let watch: any Watch

    package init(streams: any Streams, clock: any StoreClock, watch: any Watch) {
        self.streams = streams
        self.clock = clock
        self.watch = watch
    }

    package enum Verdict: Sendable {
        case expanded
        /// The entry adds nothing, or is not ours any more.
        case dropped(Receipt)
        case ended(Ending)
        case conflict
    }

    package func run(_ batch: AcceptedBatch) async throws(CancellationError) -> Verdict {
        switch try await insist({ () async throws(StreamFailure) in try await streams.admit(batch) }
        )
        {
        case .granted(let grant):
            watch.reached(.admitted)
            return try await expand(batch, grant)
        case .dropped(let receipt): return .dropped(receipt)
        case .cancelled(let cancellation): return .ended(.cancelled(cancellation))
        case .conflict: return .conflict
        case .refused(let rejection): return .ended(.rejected(rejection))
        // An envelope reserves nothing, so that nothing keeps it waiting.
        case .wait: return .dropped(.lost)
        }
    }

    private func expand(
        _ batch: AcceptedBatch,
        _ grant: Grant
    ) async throws(CancellationError) -> Verdict {
        let size = batch.request.members.count
        var (cursor, isTakenBack) = (0, false)
        while cursor < size {
            let step = ExpansionStep(
                of: batch,
                attempt: grant.attempt,
                deadlineMs: grant.deadlineMs,
                members: cursor..<min(cursor + ContractLimits.batchStepMax, size),
                isTakenBack: isTakenBack,
                nowMs: clock.nowMs()
            )
            switch try await insist({ () async throws(StreamFailure) in
                try await streams.expand(step)
            })
            {
            case .at(let next):
                cursor = next
                if next == step.members.upperBound { watch.reached(.expanded) }
            case .takenBack(let next): (cursor, isTakenBack) = (next, true)
            case .idIsTaken:
                return .ended(
                    .rejected(.invalid("/batch_id", "another batch has this id already"))
                )
            case .lost: return .dropped(.superseded)
            case .already: return .dropped(.already)
            }
        }
        return .expanded
    }

    /// Asks again until the store has said what became of it. Once cancelled, the envelope goes back
    /// to its stream, and whoever reads it next goes on.
    private func insist<Value: Sendable>(
        _ ask: () async throws(StreamFailure) -> Value
    ) async throws(CancellationError) -> Value {
        var tries = 0
        while true {
            do throws(StreamFailure) {
                return try await ask()
            } catch {
                if case .cancelled = error { throw CancellationError() }
                tries += 1
                try await streams.untilWorthAnotherTry(after: error, tries: tries)
            }
        }
    }
}

/// The next members of a batch. Only `Expansion`, in this file, can make one.
package struct ExpansionStep: Sendable {
    package let batch: AcceptedBatch
    package let attempt: Int
    /// Until when the batch's members are waited for, Unix milliseconds.
    package let deadlineMs: Int64
    package let members: Range<Int>
    /// They end as cancelled instead of being added.
    package let isTakenBack: Bool
    /// What a member is given of the time that is left, in milliseconds from now.
    package let memberDeadlineMs: Int64

    fileprivate init(
        of batch: AcceptedBatch,
        attempt: Int,
        deadlineMs: Int64,
        members: Range<Int>,
        isTakenBack: Bool,
        nowMs: Int64
    ) {
        self.batch = batch
        self.attempt = attempt
        self.deadlineMs = deadlineMs
        self.members = members
        self.isTakenBack = isTakenBack
        let range = ContractLimits.deadlineRange
        memberDeadlineMs = min(max(deadlineMs - nowMs, range.lowerBound), range.upperBound)
    }
}

/// What became of a step.
package enum Expanded: Sendable {
    /// The next member is this one; behind the last, the envelope is done with.
    case at(Int)
    /// The batch is taken back: from this member on.
    case takenBack(at: Int)
    /// Another batch has its id.
    case idIsTaken
    /// The envelope is no longer this attempt's.
    case lost
    /// It has ended.
    case already
}
