import Contract
package import Desk
import JSON
package import Logging
package import Program
import Redis

/// What an operator asks for in the console, beside what is shown all the time.
package struct DeskActions: Sendable {
    private let streams: StreamsView
    private let log: Logger

    package enum Limits {
        /// Dead letters that are listed.
        package static let lettersMax = 200
        /// Replayed or dropped with one command.
        package static let selectedMax = 200
    }

    /// - Parameter streams: Over a connection of its own: a search may take a second or two.
    package init(_ streams: StreamsView, log: Logger) {
        self.streams = streams
        self.log = log
    }

    /// - Parameter who: Who asks for it, for the log and for all that keeps a name.
    package func reply(
        to exchange: Exchange,
        _ parts: [String],
        by who: String
    ) async -> Reply? {
        do throws(RedisError) {
            switch (exchange.method, parts.first, parts.count) {
            case ("GET", "dead", 1):
                return try await letters(exchange.query["reason"])
            case ("GET", "dead", let count) where count > 1:
                return try await letter(parts.dropFirst().joined(separator: "/"))
            case ("GET", "requests", 2): return try await life(parts[1])
            case ("POST", "dead", 2) where parts[1] == "replay":
                return try await replay(exchange, by: who)
            case ("POST", "dead", 2) where parts[1] == "drop":
                return try await drop(exchange, by: who)
            case ("POST", "pause", 1), ("POST", "resume", 1):
                return try await control(parts[0], exchange, by: who)
            default: return nil
            }
        } catch {
            return .trouble(503, "unavailable", "Redis does not answer: \(error)")
        }
    }
}

// MARK: - Dead letters

extension DeskActions {
    private func letters(_ reason: String?) async throws(RedisError) -> Reply {
        let words = reason?.isEmpty == true ? nil : reason
        let (letters, total) = try await Letter.newest(
            Limits.lettersMax,
            because: words,
            in: streams
        )
        return .json { writer in
            writer.field("total", total)
            writer.array("letters", letters.prefix(Limits.lettersMax)) { $1.write(to: &$0) }
        }
    }

    private func letter(_ id: String) async throws(RedisError) -> Reply {
        guard let place = LetterPlace(id, of: streams.partitions) else {
            return .trouble(400, "invalid_request", "\(id) is no letter's id")
        }
        guard let letter = try await LetterContent.read(place, in: streams) else {
            return .trouble(404, "not_found", "there is no dead letter \(id) any more")
        }
        return Reply(
            200,
            "application/json",
            JSONWriter.bytes(reserving: 2_048) { letter.write(to: &$0, payload: false) }
        )
    }

    private func replay(_ exchange: Exchange, by who: String) async throws(RedisError) -> Reply {
        guard let places = places(exchange) else { return Self.unreadable }
        var plans: [ReplayPlan] = []
        var taken: Set<RequestID> = []
        for place in places {
            let plan = try await ReplayPlan.make(place, without: taken, in: streams)
            if let request = plan.request {
                taken.insert(request.id)
                try await plan.carryOut(in: streams)
                log.notice(
                    "an operator replayed a dead letter",
                    metadata: [
                        "by": "\(who)", "letter": "\(place.text)",
                        "request_id": "\(request.id)",
                    ]
                )
            }
            plans.append(plan)
        }
        return .json { writer in
            writer.array("replays", plans) { writer, plan in plan.write(to: &writer) }
        }
    }

    private func drop(_ exchange: Exchange, by who: String) async throws(RedisError) -> Reply {
        guard let places = places(exchange) else { return Self.unreadable }
        var dropped: [String] = []
        for place in places {
            let answer = try await streams.redis.send(
                RedisCommand(
                    "XDEL",
                    .text(streams.keys(in: place.partition).dead),
                    .text("\(place.id)")
                )
            )
            guard answer.int == 1 else { continue }
            dropped.append(place.text)
            log.notice(
                "an operator dropped a dead letter",
                metadata: ["by": "\(who)", "letter": "\(place.text)"]
            )
        }
        return .json { writer in writer.array("dropped", dropped) { $0.value($1) } }
    }

    private static let unreadable = Reply.trouble(
        400,
        "invalid_request",
        "expected {\"ids\":[…]} with at most \(Limits.selectedMax) letters' ids"
    )

    private func places(_ exchange: Exchange) -> [LetterPlace]? {
        var parser = JSONParser()
        guard let object = try? parser.parse(exchange.body).object(),
            let ids = try? object.required("ids").array()
        else { return nil }
        var places: [LetterPlace] = []
        for id in ids {
            guard let text = try? id.string(), places.count < Limits.selectedMax,
                let place = LetterPlace(text, of: streams.partitions)
            else { return nil }
            places.append(place)
        }
        return places
    }
}

// MARK: - One request

extension DeskActions {
    private func life(_ text: String) async throws(RedisError) -> Reply {
        guard let id = RequestID(text) else {
            return .trouble(
                400,
                "invalid_request",
                "a request id is 1–128 of A–Z a–z 0–9 _ - . :"
            )
        }
        var lives: [Life] = []
        for partition in 0..<streams.partitions {
            let life = try await Life.gather(of: id, in: partition, of: streams)
            if !life.isEmpty { lives.append(life) }
        }
        guard !lives.isEmpty else {
            return .trouble(
                404,
                "not_found",
                "nothing is known of \(id): it does not wait, or ended so long ago that it is forgotten"
            )
        }
        return .json { writer in
            writer.field("request_id", id.text)
            writer.array("partitions", lives) { writer, life in life.write(to: &writer) }
        }
    }
}

// MARK: - Pausing

extension DeskActions {
    private func control(
        _ command: String,
        _ exchange: Exchange,
        by who: String
    ) async throws(RedisError) -> Reply {
        var parser = JSONParser()
        let object = try? parser.parse(exchange.body).object()
        let given = try? object?.optional("partition")?.int64()
        let partitions: [Int]
        if let given {
            guard let partition = Int(exactly: given), (0..<streams.partitions).contains(partition)
            else {
                return .trouble(400, "invalid_request", "there is no partition \(given)")
            }
            partitions = [partition]
        } else {
            partitions = Array(0..<streams.partitions)
        }
        for partition in partitions {
            try await streams.redis.send(
                RedisCommand(
                    "XADD",
                    .text(streams.keys(in: partition).control),
                    "*",
                    "command",
                    .text(command),
                    "by",
                    .text(who)
                )
            )
        }
        log.notice(
            "an operator asked for a pause or its end",
            metadata: ["by": "\(who)", "command": "\(command)", "partitions": "\(partitions)"]
        )
        // The supervisor that leads carries it out with its next round.
        return Reply(
            202,
            "application/json",
            JSONWriter.bytes(reserving: 128) { writer in
                writer.object { writer in
                    writer.field("command", command)
                    writer.array("partitions", partitions) { $0.value($1) }
                }
            }
        )
    }
}

// MARK: - Replies

extension Reply {
    static func json(_ members: (inout JSONWriter) -> Void) -> Reply {
        Reply(
            200,
            "application/json",
            JSONWriter.bytes(reserving: 4_096) { writer in writer.object(members) }
        )
    }

    static func trouble(
        _ status: Int,
        _ code: String,
        _ message: String,
        headers: [(name: String, value: String)] = []
    ) -> Reply {
        Reply(
            status,
            "application/json",
            JSONWriter.bytes(reserving: 256) { writer in
                writer.object { writer in
                    writer.field("code", code)
                    writer.field("message", message)
                }
            },
            headers: headers
        )
    }
}
