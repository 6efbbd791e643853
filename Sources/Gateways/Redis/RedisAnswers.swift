internal import Contract
package import Pipeline
package import Redis
internal import Synchronization
package import Telemetry

/// The `SharedAnswers` port over Redis: what models answered, and who asks for all.
package final class RedisAnswers: SharedAnswers {
    private let connection: RedisConnection
    private let keys: CacheKeys
    /// Of all partitions: to see whether who leads is alive.
    private let streamPrefix: String
    private let own: RedisStreams.Own
    private let rules: Rules
    private let metrics: StreamMetrics
    private let cache: CacheMetrics
    /// Leads that were given up and are not told of yet. A mutex that nobody contends.
    private let left = Mutex<[(hash: String, leader: String)]>([])

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `CACHE_TTL`: how long an answer is as good as a new one.
        package let freshMs: Int64
        /// How long it is kept for when nobody answers.
        package var keptMs: Int64 { freshMs * Limits.keptFactor }

        package init(freshMs: Int64) { self.freshMs = freshMs }
    }

    package enum Limits {
        /// With the default five minutes: an outage is mostly shorter.
        package static let keptFactor: Int64 = 5
        /// Questions looked at in one go: what a thousand waiting requests follow is seldom more.
        package static let looksMax = 256
    }

    package init(
        connection: RedisConnection,
        streamPrefix: String,
        own: RedisStreams.Own,
        rules: Rules,
        metrics: StreamMetrics,
        cache: CacheMetrics
    ) {
        self.connection = connection
        keys = CacheKeys(prefix: streamPrefix)
        self.streamPrefix = streamPrefix
        self.own = own
        self.rules = rules
        self.metrics = metrics
        self.cache = cache
    }

    /// The consumer's name comes last: it may have spaces in it.
    private func name(_ seat: Seat) -> String {
        "\(seat.partition) \(own.boot) \(seat.attempt) \(seat.requestID) \(own.consumer)"
    }

    package func join(_ question: AnswerKey, as seat: Seat, mayLead: Bool) async -> Joined {
        let start = ContinuousClock.now
        defer { metrics.scriptDuration.record(.join, ContinuousClock.now - start) }
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await connection.eval(
                Scripts.join,
                keys: [.text(keys.answer(question.hash))],
                arguments: [
                    .text(name(seat)), mayLead ? "1" : "0", .number(Int(seat.untilMs)),
                    .number(Int(rules.freshMs)), "",
                ]
            )
        } catch {
            return .unknown
        }
        guard let parts = answer.array, let word = parts.first?.text else { return .unknown }
        switch word {
        case "hit": return SharedAnswer(parts).map { .answered($0) } ?? .unknown
        case "leads": return .leads(old: SharedAnswer(parts))
        case "follows": return .follows
        case "free": return .free
        default: return .unknown
        }
    }

    package func share(
        _ answer: SharedAnswer,
        to question: AnswerKey,
        by seat: Seat
    ) async -> Bool {
        await tell(answer, of: question.hash, by: name(seat)) == "shared"
    }

    package func leave(_ question: AnswerKey, by seat: Seat) {
        let name = name(seat)
        left.withLock { $0.append((question.hash, name)) }
    }

    /// - Returns: What the store said; nil when it did not answer.
    private func tell(_ answer: SharedAnswer?, of hash: String, by leader: String) async -> String?
    {
        let start = ContinuousClock.now
        defer { metrics.scriptDuration.record(.share, ContinuousClock.now - start) }
        do throws(RedisError) {
            return try await connection.eval(
                Scripts.share,
                keys: [.text(keys.answer(hash))],
                arguments: [
                    .text(leader), .bytes(answer?.said ?? []), .text(answer?.endpoint ?? ""),
                    .text(answer?.modelName ?? ""), .number(Int(rules.keptMs)), "",
                ]
            ).text
        } catch {
            return nil
        }
    }
}

// MARK: - For whoever waits

extension RedisAnswers {
    package enum Sight: Sendable {
        case answered
        /// Nobody asks.
        case free
        case led(by: String)
    }

    /// Tells of the leads that were given up here. Called many times a second, by a task of its own, so
    /// that it is told also when the leader's was cancelled.
    ///
    /// - Returns: The hashes of the questions that somebody else may ask now.
    package func tellLeft() async -> [String] {
        let due = left.withLock { left in
            defer { left = [] }
            return left
        }
        var told: [String] = []
        for (hash, leader) in due {
            if await tell(nil, of: hash, by: leader) == nil {
                left.withLock { $0.append((hash, leader)) }
            } else {
                told.append(hash)
            }
        }
        return told
    }

    /// How questions stand, by their hashes; what the store does not say is not in the answer.
    /// The corresponding Redis command is `HMGET`.
    package func look(at hashes: [String], nowMs: Int64) async -> [String: Sight] {
        let asked = hashes.prefix(Limits.looksMax)
        let commands = asked.map { hash in
            RedisCommand("HMGET", .text(keys.answer(hash)), "at", "leader", "until")
        }
        let answers: [RedisValue]
        do throws(RedisError) {
            answers = try await connection.pipeline(commands)
        } catch {
            return [:]
        }
        var seen: [String: Sight] = [:]
        for (hash, answer) in zip(asked, answers) {
            guard let parts = answer.array, parts.count == 3 else { continue }
            if let at = parts[0].number, nowMs - Int64(at) < rules.freshMs {
                seen[hash] = .answered
            } else if let leader = parts[1].text, Int64(parts[2].number ?? 0) > nowMs {
                seen[hash] = .led(by: leader)
            } else {
                seen[hash] = .free
            }
        }
        return seen
    }

    /// Takes the lead from one whose process has given no sign of life for `HEARTBEAT_TTL`.
    ///
    /// - Returns: Whether it was taken.
    /// The corresponding Redis command is `GET`, of its owner's sign of life.
    package func bury(_ leader: String, of hash: String) async -> Bool {
        let parts = leader.split(separator: " ", maxSplits: 4)
        guard parts.count == 5, let partition = Int(parts[0]) else { return false }
        let presence = Keys(prefix: streamPrefix, partition: partition).worker(String(parts[4]))
        do throws(RedisError) {
            let sign = try await connection.send(RedisCommand("GET", .text(presence))).text
            guard sign?.split(separator: " ").first != parts[1] else { return false }
        } catch {
            return false
        }
        guard await tell(nil, of: hash, by: leader) == "left" else { return false }
        cache.leadersLost.increment()
        return true
    }
}

extension SharedAnswer {
    /// As `join` answers it; nil when there is none.
    fileprivate convenience init?(_ parts: [RedisValue]) {
        guard parts.count == 5, let age = parts[1].number, let said = parts[4].bytes,
            !said.isEmpty
        else { return nil }
        self.init(
            said: said,
            endpoint: parts[2].text ?? "",
            modelName: parts[3].text ?? "",
            ageMs: Int64(age)
        )
    }
}
