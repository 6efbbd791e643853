package import Contract
package import EventLoop
package import Logging
package import Pipeline
package import Redis
package import Telemetry

/// The `Streams` port over Redis: each verb is one script, run where all its keys are.
package struct RedisStreams: Streams {
    private let connection: RedisConnection
    private let loop: EventLoop
    private let keys: Keys
    private let consumer: String
    private let metrics: StreamMetrics
    private let log: Logger

    private enum Limits {
        /// The longest pause before a refused script is tried again.
        static let pauseMax = Duration.seconds(2)
    }

    package init(
        connection: RedisConnection,
        loop: EventLoop,
        keys: Keys,
        consumer: String,
        metrics: StreamMetrics,
        log: Logger
    ) {
        self.connection = connection
        self.loop = loop
        self.keys = keys
        self.consumer = consumer
        self.metrics = metrics
        self.log = log
    }

    package func commit(_ event: TerminalEvent) async throws(StreamFailure) -> Receipt {
        let answer = try await run(
            Scripts.commit,
            .commit,
            keys: [.text(keys.requests(event.queue)), .text(keys.reply(event.address.requestID))],
            arguments: [
                .text(Keys.workersGroup), .text(event.entryID.description),
                .text(event.kind.rawValue), .text(event.address.requestID.text),
                .number(event.address.attempt), .bytes(event.payload),
                .number(Int(event.replyTTLMs)), .text(event.address.trace.parent ?? ""),
                .text(event.address.trace.state ?? ""),
            ]
        )
        switch answer.text {
        case "committed": return .committed
        case "already": return .already
        case "unwritable": return .replyUnwritable
        default: throw StreamFailure.refused("commit answered something unknown")
        }
    }

    package func bury(_ letter: DeadLetter) async throws(StreamFailure) -> Receipt {
        var arguments: [RedisCommand.Argument] = [
            .text(Keys.workersGroup), .text(letter.entryID.description), .text(letter.reason),
            .text(letter.queue.rawValue), .number(letter.bytesCut),
            .number(ContractLimits.deadLettersMax),
        ]
        arguments.append(contentsOf: letter.fields.map { .bytes($0) })
        let answer = try await run(
            Scripts.bury,
            .bury,
            keys: [.text(keys.requests(letter.queue)), .text(keys.dead)],
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
        do throws(StreamFailure) {
            _ = try await run(
                Scripts.event,
                .event,
                keys: [
                    .text(keys.requests(event.queue)), .text(keys.reply(event.address.requestID)),
                ],
                arguments: [
                    .text(Keys.workersGroup), .text(event.entryID.description),
                    .text(event.kind.rawValue), .text(event.address.requestID.text),
                    .number(event.address.attempt), .bytes(event.payload),
                    .number(Int(event.expiresAtMs)), .text(event.address.trace.parent ?? ""),
                    .text(consumer),
                ]
            )
        } catch {
            log.debug(
                "an event on the way was not written",
                metadata: ["request_id": "\(event.address.requestID)", "reason": "\(error)"]
            )
        }
    }

    package func untilWorthAnotherTry(
        after failure: StreamFailure,
        tries: Int
    ) async throws(CancellationError) {
        if case .refused(let reason) = failure, tries.nonzeroBitCount == 1 {
            log.error(
                "Redis refuses an answer; it is kept and tried again",
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

    /// Loads every script, so that the first request finds them; also what tells readiness.
    /// The corresponding Redis command is `SCRIPT LOAD`.
    package static func loadScripts(by connection: RedisConnection) async throws(RedisError) {
        for script in Scripts.all {
            try await connection.send(RedisCommand("SCRIPT", "LOAD", .bytes(script.source)))
        }
    }

    private func run(
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

/// The protocol: what must happen together happens in one of these.
package enum Scripts {
    package static let commit = RedisScript(name: "commit", source: PackageResources.commit_lua)
    package static let bury = RedisScript(name: "bury", source: PackageResources.bury_lua)
    package static let event = RedisScript(name: "event", source: PackageResources.event_lua)
    package static let take = RedisScript(name: "take", source: PackageResources.take_lua)
    package static let weigh = RedisScript(name: "weigh", source: PackageResources.weigh_lua)

    package static let all = [commit, bury, event, take, weigh]
}
