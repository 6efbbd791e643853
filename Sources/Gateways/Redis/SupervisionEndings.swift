package import Contract
package import Redis
import Telemetry

/// What ends a request in its worker's place.
extension Supervision {
    package enum Ended: Equatable, Sendable {
        case ended(Charge?)
        /// It was ended already.
        case already
        /// Somebody has it, or its record has changed: look again.
        case moved
        case fenced
    }

    /// Ends an entry that cannot succeed: a dead letter, and an answer where it names a request.
    ///
    /// - Parameter reason: A sentence for the person who looks at dead letters.
    package func fail(
        _ entry: HeldEntry,
        _ identity: Identity?,
        _ failure: Failure,
        attempts: Int,
        reason: String,
        traceparent: String?,
        onlyIfDead: Bool,
        _ token: Token
    ) async throws(RedisError) -> Ended {
        let name = identity?.requestID.text ?? ""
        let user = identity?.user ?? ""
        // Where nobody is answered, a key that is only looked at.
        let reply = identity.map { keys.reply($0.requestID) } ?? keys.record(named: "")
        let answer = try await run(
            Scripts.fail,
            .fail,
            keys: [
                keys.requests(entry.queue), keys.dead, reply, keys.record(named: name),
                keys.userCost(user), keys.ledger, keys.counters, keys.due, keys.lease,
                keys.worker(entry.owner),
            ] + keys.batch(of: identity?.member),
            arguments: [
                .text(Keys.workersGroup), .text(entry.id.description), .text(entry.queue.rawValue),
                .text(entry.owner), .number(token.number), .number(onlyIfDead ? 1 : 0),
                .text(name), .text(user), .text(identity?.payloadHash ?? ""), .number(attempts),
                .text(failure.code.rawValue), .bytes(failure.payload(attempts: attempts)),
                .number(Int(terms.replyTTLMs)), .number(Int(terms.rememberedMs)), .text(reason),
                .number(ContractLimits.deadLettersMax), .text(traceparent ?? ""),
                .text(identity?.member?.text ?? ""), .number(Int(terms.batchTimeoutMs)), "",
            ],
            timeout: Limits.readingTime
        )
        let parts = answer.array ?? []
        switch parts.first?.text {
        case "failed": return .ended(charge(identity?.requestID, parts.dropFirst()))
        case "ended": return .already
        case "moved", "alive": return .moved
        case "fenced": return .fenced
        default: throw Self.unknownAnswer(of: Scripts.fail)
        }
    }

    /// Whose request an entry is, as its record says it or its payload.
    package struct Identity: Equatable, Sendable {
        package let requestID: RequestID
        package let user: String
        package let payloadHash: String
        package let member: BatchMember?
        /// The request that it asks again.
        package let replayOf: RequestID?

        package init(
            requestID: RequestID,
            user: String,
            payloadHash: String,
            member: BatchMember? = nil,
            replayOf: RequestID? = nil
        ) {
            self.requestID = requestID
            self.user = user
            self.payloadHash = payloadHash
            self.member = member
            self.replayOf = replayOf
        }

        /// The same, of no user: whom somebody was not permitted to speak for.
        package var ofNobody: Identity {
            Identity(
                requestID: requestID,
                user: "",
                payloadHash: payloadHash,
                member: member,
                replayOf: replayOf
            )
        }
    }

    /// Answers a request that is not in the books.
    ///
    /// - Parameters:
    ///   - entry: Is deleted with it, if it is given; else it is left for its reader.
    ///   - owner: The dead worker that has the entry; nil where nobody has read it.
    /// - Returns: `.already` where it has a record, or a reply that is no stream; `.moved` where another
    ///   has the entry that was to be deleted, or its worker lives.
    package func expire(
        _ identity: Identity,
        _ event: UnreadAnswer,
        deleting entry: (queue: Queue, id: EntryID)? = nil,
        of owner: String? = nil,
        _ token: Token
    ) async throws(RedisError) -> Ended {
        let answer = try await run(
            Scripts.expire,
            .expire,
            keys: [
                keys.reply(identity.requestID), keys.record(identity.requestID), keys.ledger,
                keys.counters, keys.lease, keys.requests(entry?.queue ?? .retry),
                keys.worker(owner ?? ""),
            ] + keys.marks(of: identity.requestID, identity.member),
            arguments: [
                .number(token.number), .text(identity.requestID.text), .text(identity.user),
                .text(identity.payloadHash), .text(event.kind.rawValue), .text(event.code),
                .bytes(event.payload), .number(Int(terms.replyTTLMs)),
                .number(Int(terms.rememberedMs)), .text(event.traceparent ?? ""),
                .text(Keys.workersGroup), .text(entry?.id.description ?? ""),
                .text(entry?.queue.rawValue ?? ""),
                .text(identity.member?.text ?? ""), .number(Int(terms.batchTimeoutMs)),
                .text(identity.replayOf?.text ?? ""), .text(owner ?? ""),
            ]
        )
        switch answer.text {
        case "expired": return .ended(nil)
        case "known", "unwritable": return .already
        case "read": return .moved
        case "fenced": return .fenced
        default: throw Self.unknownAnswer(of: Scripts.expire)
        }
    }

    /// What is said of a request that nobody has read in time.
    package struct UnreadAnswer: Equatable, Sendable {
        package let kind: TerminalEvent.Kind
        package let code: String
        /// JSON.
        package let payload: [UInt8]
        package let traceparent: String?

        package init(
            kind: TerminalEvent.Kind,
            code: String,
            payload: [UInt8],
            traceparent: String?
        ) {
            self.kind = kind
            self.code = code
            self.payload = payload
            self.traceparent = traceparent
        }
    }

    /// Ends a request long after its deadline whose entry nobody has.
    package func abandon(
        _ id: RequestID,
        _ record: Record?,
        _ failure: Failure,
        _ token: Token
    ) async throws(RedisError) -> Ended {
        let answer = try await run(
            Scripts.abandon,
            .abandon,
            keys: [
                keys.requests(record?.queue ?? .retry), keys.reply(id), keys.record(id),
                keys.userCost(record?.user ?? ""), keys.ledger, keys.counters, keys.due,
                keys.lease,
            ] + keys.batch(of: record?.member),
            arguments: [
                .text(Keys.workersGroup), .number(token.number), .text(id.text),
                .text(record?.entry?.description ?? ""),
                .text(record.map { "\($0.attempt)" } ?? ""), .text(record?.user ?? ""),
                .text(failure.code.rawValue),
                .bytes(failure.payload(attempts: record?.attempt ?? 1)),
                .number(Int(terms.replyTTLMs)), .number(Int(terms.rememberedMs)),
                .text(record?.member?.text ?? ""),
            ]
        )
        let parts = answer.array ?? []
        switch parts.first?.text {
        case "abandoned": return .ended(charge(id, parts.dropFirst()))
        case "ended": return .already
        case "held", "moved": return .moved
        case "fenced": return .fenced
        default: throw Self.unknownAnswer(of: Scripts.abandon)
        }
    }

    /// Removes a dead consumer from the streams where it has nothing.
    ///
    /// - Returns: How many those were; nil when another supervisor leads.
    package func reap(_ consumer: String, _ token: Token) async throws(RedisError) -> Int? {
        let answer = try await run(
            Scripts.reap,
            .reap,
            keys: Queue.allCases.map { keys.requests($0) } + [
                keys.worker(consumer), keys.lease, keys.alone(consumer), keys.counters,
            ],
            arguments: [.text(Keys.workersGroup), .text(consumer), .number(token.number), ""]
        )
        guard let count = answer.int else { throw Self.unknownAnswer(of: Scripts.reap) }
        return count < 0 ? nil : count
    }
}
