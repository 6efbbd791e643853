import Contract
package import Redis
import Telemetry

/// What is told to orchestrators, and what operators have told.
extension Supervision {
    /// How a partition stands, and what operators have asked for since the last look.
    package struct Orders: Equatable, Sendable {
        package let pause: Pause?
        package let obeyed: [Order]
    }

    /// One command that has been carried out, or could not be.
    package struct Order: Equatable, Sendable {
        package enum Outcome: String, Sendable {
            case done
            case already
            case unknown
        }
        package let command: String
        package let by: String
        package let outcome: Outcome
    }

    /// Carries out what operators have asked for.
    ///
    /// - Returns: Nil when another supervisor leads.
    package func obey(as holder: String, _ token: Token) async throws(RedisError) -> Orders? {
        let answer = try await run(
            Scripts.control,
            .control,
            keys: [keys.control, keys.paused, keys.lease],
            arguments: [
                .text(Keys.supervisorGroup), .text(holder), .number(token.number),
                .number(Limits.pageMax), "",
            ]
        )
        guard let parts = answer.array, let by = parts.first?.text else {
            throw Self.unknownAnswer(of: Scripts.control)
        }
        guard parts.count == 3 else { return nil }
        let since = parts[1].number
        return Orders(
            pause: since.map { Pause(by: by, atMs: Int64($0)) },
            obeyed: (parts[2].array ?? []).compactMap { row in
                guard let words = row.array, words.count == 4,
                    let outcome = words[3].text.flatMap(Order.Outcome.init)
                else { return nil }
                return Order(
                    command: words[1].text ?? "",
                    by: words[2].text ?? "",
                    outcome: outcome
                )
            }
        )
    }

    /// What orchestrators read before a burst.
    package struct Load: Equatable, Sendable {
        package let waiting: Int
        package let oldestMs: Int64
        package let estimatedWaitMs: Int64
        package let isAccepting: Bool
        /// The ledger's outbox holds as much as it may: workers read nothing new.
        package let outboxIsFull: Bool

        package init(
            waiting: Int,
            oldestMs: Int64,
            estimatedWaitMs: Int64,
            isAccepting: Bool,
            outboxIsFull: Bool = false
        ) {
            self.waiting = waiting
            self.oldestMs = oldestMs
            self.estimatedWaitMs = estimatedWaitMs
            self.isAccepting = isAccepting
            self.outboxIsFull = outboxIsFull
        }

        package enum Limits {
            /// How long it can be read: who finds none knows that nobody looks after the partition.
            package static let lifeMs = 5_000
        }
    }

    /// - Returns: False when another supervisor leads.
    package func tell(_ load: Load, _ token: Token) async throws(RedisError) -> Bool {
        let answer = try await run(
            Scripts.load,
            .load,
            keys: [keys.load, keys.lease],
            arguments: [
                .number(token.number), .number(Load.Limits.lifeMs), .number(load.waiting),
                .number(Int(load.oldestMs)), .number(Int(load.estimatedWaitMs)),
                .number(load.isAccepting ? 1 : 0), .number(load.outboxIsFull ? 1 : 0),
            ]
        )
        return answer.text == "told"
    }

    /// Requests that the living among some workers run at once, as their signs of life say.
    /// The corresponding Redis command is `GET`.
    package func slots(of workers: [String]) async throws(RedisError) -> Int {
        let answers = try await pipeline(
            workers.map { RedisCommand("GET", .text(keys.worker($0))) }
        )
        return answers.reduce(0) { sum, answer in
            guard let words = answer.text?.split(separator: " ") else { return sum }
            // One of an earlier release does not say.
            return sum + (words.count > 3 ? Int(words[3]) ?? 1 : 1)
        }
    }

    package func memory() async throws(RedisError) -> RedisMemory {
        try await RedisMemory.look { command throws(RedisError) in try await send(command) }
    }
}

extension Scripts {
    package static let control = RedisScript(
        name: "control",
        source: PackageResources.control_lua
    )
    package static let load = RedisScript(name: "load", source: PackageResources.load_lua)
}
