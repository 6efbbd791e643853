package import Contract
internal import JSON
internal import Synchronization

/// The first stage: an entry's bytes become a typed request, or a refusal that names what is wrong.
package struct Intake: Sendable {
    private let rules: Rules
    private let clock: any StoreClock
    private let reader: PayloadReader

    package init(rules: Rules, clock: any StoreClock) {
        self.rules = rules
        self.clock = clock
        reader = PayloadReader(bytesMax: rules.payloadBytesMax)
    }

    /// What an operator may set.
    package struct Rules: Sendable {
        package let payloadBytesMax: Int
        /// Milliseconds that a request has when it does not say: `REQUEST_TIMEOUT`.
        package let requestTimeoutMs: Int64
        /// The same for one on `low`, whose caller expects to wait: `BATCH_TIMEOUT`.
        package let batchTimeoutMs: Int64
        package let partition: Int
        package let partitions: Int

        package init(
            payloadBytesMax: Int,
            requestTimeoutMs: Int64,
            batchTimeoutMs: Int64,
            partition: Int,
            partitions: Int
        ) {
            self.payloadBytesMax = payloadBytesMax
            self.requestTimeoutMs = requestTimeoutMs
            self.batchTimeoutMs = batchTimeoutMs
            self.partition = partition
            self.partitions = partitions
        }
    }

    package enum Verdict: Sendable {
        case accepted(Accepted)
        /// It ends here: refused, or too late.
        case ended(Address, Identity, Ending)
        case nameless(reason: String)
    }

    package func accept(_ raw: RawEntry) -> Verdict {
        let entry: RequestEntry
        do throws(EntryDefect) {
            entry = try RequestEntry(raw, payloadBytesMax: rules.payloadBytesMax)
        } catch {
            switch error {
            case .nameless(let reason): return .nameless(reason: reason)
            case .refused(let id, let rejection, let history, let trace, let payload):
                return .ended(
                    Address(requestID: id, attempt: history.attempt, trace: trace),
                    Identity(requestID: id, user: "", payloadHash: PayloadHash(of: payload)),
                    .rejected(rejection)
                )
            }
        }
        let address = Address(
            requestID: entry.requestID,
            attempt: entry.history.attempt,
            trace: entry.trace
        )
        var identity = Identity(
            requestID: entry.requestID,
            user: "",
            payloadHash: PayloadHash(of: entry.payload)
        )
        do throws(Rejection) {
            let request = try reader.read(entry.payload)
            identity = Identity(
                requestID: entry.requestID,
                user: request.userID,
                payloadHash: identity.payloadHash
            )
            try checkPartition(of: request)
            let times = times(of: entry)
            guard times.nowMs < times.deadlineMs else {
                return .ended(address, identity, late(entry, times))
            }
            return .accepted(
                Accepted(entry: entry, request: request, identity: identity, times)
            )
        } catch {
            return .ended(address, identity, .rejected(error))
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
            ?? (history.priority == .low ? rules.batchTimeoutMs : rules.requestTimeoutMs)
        return Accepted.Times(
            addedMs: start,
            nowMs: now,
            deadlineMs: history.deadlineAtMs ?? start.addingSaturated(patience),
            idIsAhead: isAhead
        )
    }

    private func checkPartition(of request: GenerateRequest) throws(Rejection) {
        guard rules.partitions > 1 else { return }
        let right = Partition.of(userID: request.userID, count: rules.partitions)
        guard right == rules.partition else {
            throw .invalid(
                "user_id",
                "belongs to partition \(right), the entry was added to \(rules.partition)"
            )
        }
    }
}

/// Parses payloads with one parser, whose memory is used again.
private final class PayloadReader: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let parser: Mutex<JSONParser>

    init(bytesMax: Int) {
        parser = Mutex(JSONParser(limits: JSONLimits(bytesMax: bytesMax, depthMax: 16)))
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
            trace: entry.trace
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
