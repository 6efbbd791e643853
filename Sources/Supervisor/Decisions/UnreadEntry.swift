package import Contract
package import Gateways
import JSON
package import Telemetry

/// Reads an entry as a worker's first stage would, to answer in its place.
package struct UnreadEntry: ~Copyable {
    private let rules: Rules
    private var parser: JSONParser

    package typealias Rules = EntryRules

    package init(_ rules: Rules) {
        self.rules = rules
        parser = JSONParser(
            limits: JSONLimits(
                bytesMax: max(rules.payloadBytesMax, rules.batchBytesMax),
                depthMax: 16 + BatchRequest.depth
            )
        )
    }

    /// An entry in a worker's eyes.
    package struct Reading: Sendable {
        package let identity: Supervision.Identity
        /// What is to prove who asks, when it was presented, and for what.
        package let credentials: RequestEntry.Credentials
        package let addedMs: Int64
        package let claim: Identity
        /// When an answer was due, Unix milliseconds.
        package let deadlineMs: Int64
        package let answer: Supervision.UnreadAnswer
        /// Nothing else is wrong with it than that nobody has read it.
        package let isInOrder: Bool

        /// What is said when too much waits.
        package func refusal(
            _ reason: LoadMetrics.Overload,
            retryAfterMs: Int64
        ) -> Supervision.UnreadAnswer {
            refusal(Self.rejection(reason, retryAfterMs: retryAfterMs))
        }

        package func refusal(_ rejection: Rejection) -> Supervision.UnreadAnswer {
            .init(
                kind: .rejected,
                code: rejection.code.rawValue,
                payload: rejection.payload,
                traceparent: answer.traceparent
            )
        }

        private static func rejection(
            _ reason: LoadMetrics.Overload,
            retryAfterMs: Int64
        ) -> Rejection {
            let why =
                switch reason {
                case .deadline: "it would wait beyond its deadline"
                case .memory: "the service has no memory for more requests"
                case .outbox: "the service cannot keep its books of more requests"
                case .waiting: "as many requests wait as may"
                }
            return Rejection(.overloaded, why, retryAfterMs: retryAfterMs)
        }
    }

    /// Nil where the entry names no request.
    package mutating func read(_ raw: RawEntry, nowMs: Int64) -> Reading? {
        do throws(EntryDefect) {
            let entry = try RequestEntry(
                raw,
                payloadBytesMax: rules.payloadBytesMax,
                batchBytesMax: rules.batchBytesMax
            )
            var user = ""
            var rejection: Rejection?
            do throws(Rejection) {
                user = try self.user(of: entry, nowMs)
                try checkPartition(of: user)
            } catch { rejection = error }
            return reading(
                entry.requestID,
                user,
                entry.payload,
                entry.history,
                entry.trace,
                entry.credentials,
                entry.member,
                entry.replayOf,
                patienceMs: entry.deadlineMs ?? (entry.mayWaitLong ? rules.batchTimeoutMs : nil),
                rejection,
                nowMs
            )
        } catch {
            guard
                case .refused(
                    let id,
                    let rejection,
                    let history,
                    let trace,
                    let member,
                    let payload
                ) = error
            else { return nil }
            return reading(
                id,
                "",
                payload,
                history,
                trace,
                .none,
                member,
                nil,
                patienceMs: nil,
                rejection,
                nowMs
            )
        }
    }

    private mutating func user(
        of entry: RequestEntry,
        _ nowMs: Int64
    ) throws(Rejection) -> String {
        let document: JSONValue
        do throws(JSONError) {
            document = try parser.parse(entry.payload)
        } catch {
            throw Rejection(error)
        }
        switch entry.kind {
        case .generate: return try GenerateRequest(document).userID
        case .usage: return try UsageRequest(document, nowMs: nowMs).userID
        case .batch:
            return try BatchRequest(
                document,
                envelope: entry.requestID,
                membersMax: rules.batchMembersMax
            ).userID
        }
    }

    private func checkPartition(of user: String) throws(Rejection) {
        guard rules.partitions > 1 else { return }
        let right = Partition.of(userID: user, count: rules.partitions)
        guard right == rules.partition else {
            throw .invalid(
                "user_id",
                "belongs to partition \(right), the entry was added to \(rules.partition)"
            )
        }
    }

    private func reading(
        _ id: RequestID,
        _ user: String,
        _ payload: [UInt8],
        _ history: RequestEntry.History,
        _ trace: RequestEntry.Trace,
        _ credentials: RequestEntry.Credentials,
        _ member: BatchMember?,
        _ replayOf: RequestID?,
        patienceMs: Int64?,
        _ rejection: Rejection?,
        _ nowMs: Int64
    ) -> Reading {
        // As a worker counts it: an ID from the future counts from when somebody reads it.
        let added = Int64(clamping: history.firstID.milliseconds)
        let start = added > nowMs + ContractLimits.clockAheadMax ? nowMs : added
        let patience =
            patienceMs
            ?? (history.priority == .low ? rules.batchTimeoutMs : rules.requestTimeoutMs)
        let hash = PayloadHash(of: payload)
        return Reading(
            identity: .init(
                requestID: id,
                user: user,
                payloadHash: hash.text,
                member: member,
                replayOf: replayOf
            ),
            credentials: credentials,
            addedMs: start,
            claim: Identity(requestID: id, user: user, payloadHash: hash),
            deadlineMs: history.deadlineAtMs ?? (start + patience),
            answer: answer(history, trace, rejection),
            isInOrder: rejection == nil
        )
    }

    /// What is wrong with it is said before that nobody read it.
    private func answer(
        _ history: RequestEntry.History,
        _ trace: RequestEntry.Trace,
        _ rejection: Rejection?
    ) -> Supervision.UnreadAnswer {
        if rejection == nil, history.attempt > 1 {
            let failure = Failure(.deadline, "the deadline passed before another worker read it")
            return .init(
                kind: .failed,
                code: failure.code.rawValue,
                payload: failure.payload(attempts: history.attempt),
                traceparent: trace.parent
            )
        }
        let said =
            rejection ?? Rejection(.deadlinePassed, "the deadline passed and no worker read it")
        return .init(
            kind: .rejected,
            code: said.code.rawValue,
            payload: said.payload,
            traceparent: trace.parent
        )
    }
}
