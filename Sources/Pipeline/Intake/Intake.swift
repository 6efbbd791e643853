package import Contract
internal import JSON
internal import Synchronization

/// The first stage: an entry's bytes become a typed request, or a refusal that names what is wrong.
package final class Intake: Sendable {
    private let rules: Rules
    private let clock: any StoreClock
    private let reader: PayloadReader

    private let batches: BatchIntake
    private let usage: UsageIntake

    package init(rules: Rules, clock: any StoreClock) {
        self.rules = rules
        self.clock = clock
        reader = PayloadReader(bytesMax: rules.payloadBytesMax)
        batches = BatchIntake(rules: rules)
        usage = UsageIntake(rules: rules)
    }

    /// Levels of nesting in a payload.
    static let depthMax = 16

    package typealias Rules = EntryRules

    package enum Verdict: Sendable {
        case accepted(Accepted)
        case batch(AcceptedBatch)
        case usage(AcceptedUsage)
        /// It ends here: refused, or too late.
        case ended(Address, Identity, Ending)
        case nameless(reason: String)
    }

    package func accept(_ raw: RawEntry) -> Verdict {
        let entry: RequestEntry
        do throws(EntryDefect) {
            entry = try RequestEntry(
                raw,
                payloadBytesMax: rules.payloadBytesMax,
                batchBytesMax: rules.batchBytesMax
            )
        } catch {
            switch error {
            case .nameless(let reason): return .nameless(reason: reason)
            case .refused(let id, let rejection, let history, let trace, let member, let payload):
                return .ended(
                    Address(
                        requestID: id,
                        attempt: history.attempt,
                        trace: trace,
                        member: member
                    ),
                    Identity(requestID: id, user: "", payloadHash: PayloadHash(of: payload)),
                    .rejected(rejection)
                )
            }
        }
        let address = Address(
            requestID: entry.requestID,
            attempt: entry.history.attempt,
            trace: entry.trace,
            member: entry.member,
            replayOf: entry.replayOf
        )
        let hash = PayloadHash(of: entry.payload)
        func identity(_ user: String) -> Identity {
            Identity(requestID: entry.requestID, user: user, payloadHash: hash)
        }
        var known = identity("")
        do throws(Rejection) {
            switch entry.kind {
            case .generate:
                let request = try reader.read(entry.payload)
                known = identity(request.userID)
                try rules.checkPartition(of: request.userID, at: "user_id")
                let times = times(of: entry)
                guard times.nowMs < times.deadlineMs else {
                    return .ended(address, known, late(entry, times))
                }
                return .accepted(
                    Accepted(entry: entry, request: request, identity: known, times)
                )
            case .batch:
                let request = try batches.read(entry)
                known = identity(request.userID)
                let times = times(of: entry)
                guard times.nowMs < times.deadlineMs else {
                    return .ended(address, known, late(entry, times))
                }
                return .batch(batches.accepted(entry, request, known, times))
            case .usage:
                let times = times(of: entry)
                let request = try usage.read(entry, nowMs: times.nowMs)
                known = identity(request.userID)
                guard times.nowMs < times.deadlineMs else {
                    return .ended(address, known, late(entry, times))
                }
                return .usage(usage.accepted(entry, request, known, times))
            }
        } catch {
            return .ended(address, known, .rejected(error))
        }
    }

    /// Nobody had begun with it: the queue's fault, told as a refusal. A later attempt: ours.
    private func late(_ entry: RequestEntry, _ times: Accepted.Times) -> Ending {
        guard entry.history.attempt == 1 else {
            return .failed(.late, attempts: entry.history.attempt)
        }
        return .rejected(
            Rejection(
                .deadlinePassed,
                "the deadline passed \(times.nowMs - times.deadlineMs) ms before a worker read it"
            )
        )
    }

    /// An ID may be set by its sender. One from the future would never run out, so it counts from
    /// its first delivery; one from the past is the sender's own loss.
    private func times(of entry: RequestEntry) -> Accepted.Times {
        let now = clock.nowMs()
        let history = entry.history
        let added = Int64(clamping: history.firstID.milliseconds)
        let isAhead = added > now + ContractLimits.clockAheadMax
        let start = isAhead ? now : added
        let patience =
            entry.deadlineMs
            ?? (entry.mayWaitLong ? rules.batchTimeoutMs : rules.requestTimeoutMs)
        return Accepted.Times(
            addedMs: start,
            nowMs: now,
            deadlineMs: history.deadlineAtMs ?? start.addingSaturated(patience),
            idIsAhead: isAhead
        )
    }
}

/// Parses payloads with one parser, whose memory is used again.
private final class PayloadReader: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let parser: Mutex<JSONParser>

    init(bytesMax: Int) {
        parser = Mutex(
            JSONParser(limits: JSONLimits(bytesMax: bytesMax, depthMax: Intake.depthMax))
        )
    }

    func read(_ payload: [UInt8]) throws(Rejection) -> GenerateRequest {
        try parser.withLock { (parser) throws(Rejection) in
            let document: JSONValue
            do throws(JSONError) {
                document = try parser.parse(payload)
            } catch {
                throw Rejection(error)
            }
            return try GenerateRequest(document)
        }
    }
}

/// A request in order, read in time. Only `Intake`, in this file, can make one.
///
/// A class, as are `Registered`, `Admitted` and `Draft`: by value each would stand in the frame of
/// every function on its way, some 20 KB a request in flight.
package final class Accepted: Sendable {
    package let entry: RequestEntry
    package let request: GenerateRequest
    package let identity: Identity
    package let times: Times

    /// All by the store's clock, in Unix milliseconds.
    package struct Times: Sendable {
        package let addedMs: Int64
        package let nowMs: Int64
        package let deadlineMs: Int64
        /// The entry's ID was ahead of the store's clock: its sender's clock, or his arithmetic.
        package let idIsAhead: Bool

        /// Milliseconds kept back for judging and for the answer's way to the reply stream: what a
        /// loop with a thousand requests in flight needs at the 99th percentile, many times over.
        package var settlementMarginMs: Int64 { min(100, (deadlineMs - nowMs) / 10) }

        /// When a call would come too late to be answered in time.
        package var lastCallMs: Int64 { deadlineMs - settlementMarginMs }
    }

    /// Whom an event is for that ends it before it is admitted.
    var address: Address {
        Address(
            requestID: entry.requestID,
            attempt: entry.history.attempt,
            trace: entry.trace,
            member: entry.member,
            replayOf: entry.replayOf
        )
    }

    /// The same, with what its credentials have proved.
    func permitted(tier: String?, seal: String) -> Accepted {
        Accepted(
            entry: entry,
            request: request,
            identity: identity.permitted(tier: tier, seal: seal),
            times
        )
    }

    fileprivate init(
        entry: RequestEntry,
        request: GenerateRequest,
        identity: Identity,
        _ times: Times
    ) {
        self.entry = entry
        self.request = request
        self.identity = identity
        self.times = times
    }
}

extension Int64 {
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, over) = addingReportingOverflow(other)
        return over ? .max : sum
    }
}

extension EntryRules {
    func checkPartition(of user: String, at field: String) throws(Rejection) {
        guard partitions > 1 else { return }
        let right = Partition.of(userID: user, count: partitions)
        guard right == partition else {
            throw .invalid(
                field,
                "belongs to partition \(right), the entry was added to \(partition)"
            )
        }
    }
}
