package import Contract
package import EventLoop
package import Logging
package import Pipeline
internal import Policy
package import Redis
package import Telemetry

/// The `Streams` port over Redis: each verb is one script, run where all its keys are.
package struct RedisStreams: Streams {
    private let connection: RedisConnection
    private let loop: EventLoop
    let keys: Keys
    let own: Own
    let rules: BookRules
    private let metrics: StreamMetrics
    private let log: Logger

    private enum Limits {
        /// The longest pause before a refused script is tried again.
        static let pauseMax = Duration.seconds(2)
    }

    /// Who this process is.
    package struct Own: Sendable {
        /// `CONSUMER_NAME`.
        package let consumer: String
        /// Another at each start: what tells a process from the one of the same name before it.
        package let boot: String

        package init(consumer: String, boot: String) {
            self.consumer = consumer
            self.boot = boot
        }
    }

    package init(
        connection: RedisConnection,
        loop: EventLoop,
        keys: Keys,
        own: Own,
        rules: BookRules,
        metrics: StreamMetrics,
        log: Logger
    ) {
        self.connection = connection
        self.loop = loop
        self.keys = keys
        self.own = own
        self.rules = rules
        self.metrics = metrics
        self.log = log
    }

    package func commit(_ event: TerminalEvent) async throws(StreamFailure) -> Receipt {
        let (id, user) = (event.address.requestID, event.identity.user)
        let (account, member) = (event.account, event.address.member)
        let names =
            [
                keys.requests(event.queue), keys.reply(id), keys.record(id), keys.userCost(user),
                keys.userCostLog(user), keys.userRequests(user), keys.ledger, keys.counters,
                keys.due,
            ] + keys.marks(of: id, member)
        let answer = try await run(
            Scripts.commit,
            .commit,
            keys: names.map { .text($0) },
            arguments: [
                .text(Keys.workersGroup), .text(event.entryID.description),
                .text(event.kind.rawValue), .text(id.text), .number(event.address.attempt),
                .bytes(event.payload), .number(Int(event.replyTTLMs)),
                .text(event.address.trace.parent ?? ""), .text(event.address.trace.state ?? ""),
                .text(account == nil ? "" : own.boot), .text(user),
                .text(event.identity.payloadHash.text), .text(event.code ?? ""),
                .number(Int(account?.cost.amount ?? 0)),
                .number(account?.isEstimated == true ? 1 : 0),
                .number(account?.keepsPlace == true ? 1 : 0), .number(Int(rules.dedupeTTLMs)),
                .text(event.queue.rawValue), .bytes(account?.calls ?? Array("[]".utf8)), "",
                .text(member?.text ?? ""), .number(Int(rules.batchTimeoutMs)),
                .text(event.address.replayOf?.text ?? ""),
                .bytes(event.evidence),
            ]
        )
        if let parts = answer.array, parts.count == 3, parts[0].text == "expired" {
            return .expired(
                code: parts[1].text ?? "",
                cost: NanoUSD(Int64(parts[2].number ?? 0))
            )
        }
        switch answer.text {
        case "committed": return .committed
        case "already": return .already
        case "superseded": return .superseded
        case "conflict": return .conflict
        case "unwritable": return .replyUnwritable
        default: throw StreamFailure.refused("commit answered something unknown")
        }
    }

    package func bury(_ letter: DeadLetter) async throws(StreamFailure) -> Receipt {
        let told = letter.told?.text ?? ""
        var arguments: [RedisCommand.Argument] = [
            .text(Keys.workersGroup), .text(letter.entryID.description), .text(letter.reason),
            .text(letter.queue.rawValue), .number(letter.bytesCut),
            .number(ContractLimits.deadLettersMax), .text(told),
            .bytes(letter.told == nil ? [] : letter.refusal), .number(Int(rules.replyTTLMs)),
            .text(letter.member?.place.text ?? ""), .text(letter.member?.request.text ?? ""),
        ]
        arguments.append(contentsOf: letter.fields.map { .bytes($0) })
        let answer = try await run(
            Scripts.bury,
            .bury,
            keys: [
                .text(keys.requests(letter.queue)), .text(keys.dead),
                .text(letter.told.map(keys.reply) ?? keys.dead), .text(keys.counters),
            ] + keys.batch(of: letter.member?.place).map { .text($0) },
            arguments: arguments
        )
        switch answer.text {
        case "buried": return .buried
        case "already": return .already
        case "unwritable":
            log.error(
                "the dead letters' key is no stream, and a dead letter was lost",
                metadata: ["key": "\(keys.dead)", "entry": "\(letter.entryID)"]
            )
            return .buried
        default: throw .refused("bury answered something unknown")
        }
    }

    package func announce(_ event: InterimEvent) async {
        let id = event.address.requestID
        do throws(StreamFailure) {
            _ = try await run(
                Scripts.event,
                .event,
                keys: [.text(keys.record(id)), .text(keys.reply(id))],
                arguments: [
                    .text(own.boot), .text(event.kind.rawValue), .text(id.text),
                    .number(event.address.attempt), .bytes(event.payload),
                    .number(Int(event.expiresAtMs)), .text(event.address.trace.parent ?? ""),
                ]
            )
        } catch {
            log.debug(
                "an event on the way was not written",
                metadata: ["request_id": "\(id)", "reason": "\(error)"]
            )
        }
    }

    package func remind(_ reminder: Reminder) async throws(StreamFailure) -> Receipt {
        let id = reminder.address.requestID
        let answer = try await run(
            Scripts.remind,
            .remind,
            keys: [
                .text(keys.requests(reminder.queue)), .text(keys.reply(id)),
                .text(keys.record(id)), .text(keys.counters),
            ],
            arguments: [
                .text(Keys.workersGroup), .text(reminder.entryID.description), .text(id.text),
                .bytes(reminder.payload), .number(Int(rules.replyTTLMs)),
                .text(reminder.address.trace.parent ?? ""), .text(reminder.queue.rawValue),
            ]
        )
        switch answer.text {
        case "reminded": return .reminded
        case "already": return .already
        default: return .replyUnwritable
        }
    }

    package func untilWorthAnotherTry(
        after failure: StreamFailure,
        tries: Int
    ) async throws(CancellationError) {
        if case .refused(let reason) = failure, tries.nonzeroBitCount == 1 {
            log.error(
                "Redis refuses a script; it is tried again",
                metadata: [
                    "reason": "\(reason)"
                ]
            )
        }
        do {
            try await connection.whenReady()
            let pause = min(.milliseconds(10) * (1 << min(tries, 10)), Limits.pauseMax)
            // A commit that a lost connection took along is repeated at once when it is back.
            if tries > 1 { try await loop.sleep(for: pause) }
        } catch {
            throw CancellationError()
        }
    }

    /// Loads scripts, so that the first request finds them; also what tells readiness.
    /// The corresponding Redis command is `SCRIPT LOAD`.
    package static func load(
        _ scripts: [RedisScript],
        by connection: RedisConnection
    ) async throws(RedisError) {
        for script in scripts {
            try await connection.send(RedisCommand("SCRIPT", "LOAD", .bytes(script.source)))
        }
    }

    func run(
        _ script: RedisScript,
        _ label: Metrics.Script,
        keys: [RedisCommand.Argument],
        arguments: [RedisCommand.Argument]
    ) async throws(StreamFailure) -> RedisValue {
        let start = ContinuousClock.now
        defer { metrics.scriptDuration.record(label, ContinuousClock.now - start) }
        do throws(RedisError) {
            return try await connection.eval(script, keys: keys, arguments: arguments)
        } catch {
            throw StreamFailure(error)
        }
    }
}

// MARK: - Admission

extension RedisStreams {
    package func admit(
        _ accepted: Accepted,
        _ bid: Bid
    ) async throws(StreamFailure) -> Admittance {
        try await admit(Applicant(accepted, bid))
    }

    func admit(_ applicant: Applicant) async throws(StreamFailure) -> Admittance {
        // A record may name an owner; whether that one lives is asked in a second step, as the key
        // of its sign of life must be known beforehand.
        var owner: String?
        while true {
            let answer = try await run(
                Scripts.admit,
                .admit,
                keys: admitKeys(applicant, owner ?? own.consumer),
                arguments: admitArguments(applicant, owner)
            )
            let verdict = AdmitAnswer(
                answer,
                partition: keys.partition,
                applicant.entry.requestID,
                rules
            )
            switch verdict {
            case .verdict(let admittance): return admittance
            case .owner(let name): owner = name
            case nil: throw .refused("admit answered something unknown")
            }
        }
    }

    private func admitKeys(_ applicant: Applicant, _ owner: String) -> [RedisCommand.Argument] {
        let (id, user) = (applicant.entry.requestID, applicant.identity.user)
        let names =
            Queue.allCases.map(keys.requests) + [
                keys.record(id), keys.reply(id), keys.userRequests(user), keys.userCost(user),
                keys.userCostLog(user), keys.userProfile(user), keys.counters, keys.due,
                keys.worker(owner), keys.ledger,
            ] + keys.marks(of: id, applicant.entry.member)
        return names.map { .text($0) }
    }

    private func admitArguments(
        _ applicant: Applicant,
        _ owner: String?
    ) -> [RedisCommand.Argument] {
        let (entry, bid) = (applicant.entry, applicant.bid)
        return [
            .text(Keys.workersGroup), .text(entry.id.description), .text(entry.queue.rawValue),
            .text(own.consumer), .text(own.boot), .text(applicant.identity.user),
            .text(applicant.identity.payloadHash.text), .text(entry.requestID.text),
            .number(entry.history.attempt), .number(Int(applicant.deadlineMs)),
            .number(Int(bid?.least.amount ?? 0)), .number(Int(bid?.most.amount ?? 0)),
            bid == nil ? "" : .number(rules.limitsRequests ? 1 : 0),
            .number(rules.limitsCost && bid != nil ? 1 : 0), .text(rules.defaultTier.rawValue),
            .number(Int(rules.userCostMax.amount)),
            .number(Int(rules.replyTTLMs)), .number(Int(rules.dedupeTTLMs)),
            .number(bid?.mayWait == true ? 1 : 0), .text(owner ?? ""), "",
            .text(entry.member?.text ?? ""), .number(Int(rules.batchTimeoutMs)),
            .text(entry.replayOf?.text ?? ""), .text(applicant.identity.claimedTier ?? ""),
            .text(applicant.identity.seal),
        ] + rules.tierArguments
    }

    package func mark(
        _ standing: Standing,
        of accepted: Accepted,
        attempt: Int
    ) async throws(StreamFailure) -> Marking {
        let (state, number, amount, spent): (String, String, String, String) =
            switch standing {
            case .parked: ("parked", "", "", "")
            case .following: ("parked", "free", "", "")
            case .calling(let number, let reserved, let spent):
                ("running", String(number), String(reserved.amount), String(spent.amount))
            }
        let answer = try await run(
            Scripts.call,
            .call,
            keys: [
                .text(keys.record(accepted.entry.requestID)), .text(keys.counters),
                .text(keys.userCost(accepted.request.userID)),
            ],
            arguments: [
                .text(own.boot), .number(attempt), .text(state), .text(number), .text(amount),
                .text(spent),
            ]
        )
        switch answer.text {
        case "marked": return .marked
        case "unaffordable": return .unaffordable
        default: return .lost
        }
    }

    package func release(
        _ entry: RawEntry,
        of identity: Identity?
    ) async throws(StreamFailure) -> Charge? {
        let name = identity?.requestID.text ?? ""
        let user = identity?.user ?? ""
        let answer = try await run(
            Scripts.requeue,
            .requeue,
            keys: [
                .text(keys.requests(entry.queue)), .text(keys.requests(.retry)),
                .text(keys.record(named: name)), .text(keys.userCost(user)), .text(keys.ledger),
                .text(keys.counters), .text(keys.worker(own.consumer)),
                .text(keys.revoked(own.consumer)), .text(keys.lease),
                .text(keys.alone(own.consumer)),
            ],
            arguments: [
                .text(Keys.workersGroup), .text(entry.id.description),
                .text(entry.queue.rawValue), .text(own.consumer), "release", .text(name),
                .text(user), "", .text(own.boot), .number(ContractLimits.attemptsMax), "",
                .text(identity?.seal ?? ""),
            ]
        )
        guard let parts = answer.array, parts.count == 6, parts[0].text == "requeued",
            let identity, let attempt = parts[3].number, let call = parts[4].number,
            let cost = parts[5].number
        else { return nil }
        return Charge(
            name: GlobalKeys.reservation(
                partition: keys.partition,
                identity.requestID,
                attempt: attempt,
                call: call
            ),
            cost: NanoUSD(Int64(cost))
        )
    }
}

extension StreamFailure {
    init(_ error: RedisError) {
        switch error {
        case .notConnected(.stopped), .cancelled: self = .cancelled
        case .notConnected, .connectionLost, .timedOut, .overloaded: self = .unreachable
        case .server(let answer): self = .refused("\(answer.prefix)")
        case .unsupportedCommand, .tlsUnavailable: self = .refused("\(error)")
        }
    }
}
