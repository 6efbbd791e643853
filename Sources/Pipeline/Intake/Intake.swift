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
        case refused(Address, Rejection)
        case nameless(reason: String)
    }

    package func accept(_ raw: RawEntry) -> Verdict {
        let entry: RequestEntry
        do throws(EntryDefect) {
            entry = try RequestEntry(raw, payloadBytesMax: rules.payloadBytesMax)
        } catch {
            switch error {
            case .nameless(let reason): return .nameless(reason: reason)
            case .refused(let id, let rejection, let trace):
                return .refused(Address(requestID: id, attempt: 1, trace: trace), rejection)
            }
        }
        let address = Address(
            requestID: entry.requestID,
            attempt: entry.attempt,
            trace: entry.trace
        )
        let times = times(of: entry)
        guard times.nowMs < times.deadlineMs else {
            return .refused(
                address,
                Rejection(
                    .deadlinePassed,
                    "the deadline passed \(times.nowMs - times.deadlineMs) ms before a worker read it"
                )
            )
        }
        do throws(Rejection) {
            let request = try reader.read(entry.payload)
            try checkPartition(of: request)
            return .accepted(Accepted(entry: entry, request: request, address: address, times))
        } catch {
            return .refused(address, error)
        }
    }

    /// An ID may be set by its sender. One from the future would never run out, so it counts from
    /// its first delivery; one from the past is the sender's own loss.
    private func times(of entry: RequestEntry) -> Accepted.Times {
        let now = clock.nowMs()
        let added = Int64(clamping: entry.id.milliseconds)
        let isAhead = added > now + ContractLimits.clockAheadMax
        let start = isAhead ? now : added
        let patience =
            entry.deadlineMs
            ?? (entry.queue == .low ? rules.batchTimeoutMs : rules.requestTimeoutMs)
        return Accepted.Times(
            addedMs: start,
            nowMs: now,
            deadlineMs: start.addingSaturated(patience),
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
package struct Accepted: Sendable {
    package let entry: RequestEntry
    package let request: GenerateRequest
    package let address: Address
    package let times: Times

    /// All by the store's clock, in Unix milliseconds.
    package struct Times: Sendable {
        package let addedMs: Int64
        package let nowMs: Int64
        package let deadlineMs: Int64
        /// The entry's ID was ahead of the store's clock: its sender's clock, or his arithmetic.
        package let idIsAhead: Bool
    }

    fileprivate init(
        entry: RequestEntry,
        request: GenerateRequest,
        address: Address,
        _ times: Times
    ) {
        self.entry = entry
        self.request = request
        self.address = address
        self.times = times
    }
}

extension Int64 {
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, over) = addingReportingOverflow(other)
        return over ? .max : sum
    }
}
