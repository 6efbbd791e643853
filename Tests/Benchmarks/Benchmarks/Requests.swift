import EventLoop
import Foundation
import Redis

/// The requests of one contestant: put in, waited for, and taken out again.
///
/// Redis' own scripts put them in and take them out, many at a time, so that this program leaves
/// the cores to those it measures.
struct Requests: Sendable {
    private let stand: Stand
    private let contestant: Contestant
    private var stream: String { "\(contestant.prefix):{0}:requests:normal" }
    private var replyStem: String { "\(contestant.prefix):{0}:reply:" }

    init(to contestant: Contestant, on stand: Stand) {
        self.contestant = contestant
        self.stand = stand
    }

    enum Limits {
        /// Requests that one script handles: some 2 ms of Redis.
        static let perScript = 100
        /// Without a single answer for so long, a contestant is taken to be stuck.
        static let silence = Duration.seconds(60)
    }

    /// One request, as Redis saw it come and go.
    struct Passage {
        let arrivedMs: Int64
        let answeredMs: Int64
        /// The model's time as the worker saw it; the C program repeats that of another request.
        let modelMs: Int64
    }
}

// MARK: - In

extension Requests {
    /// Puts `count` requests in as fast as Redis takes them.
    /// - Returns: For each, when it arrived, by its entry's ID.
    func add(_ count: Int, from first: Int = 0) async throws -> [Int64] {
        var arrivals: [Int64] = []
        arrivals.reserveCapacity(count)
        for start in stride(from: 0, to: count, by: Limits.perScript) {
            let ids = try await stand.connection.eval(
                Self.addScript,
                keys: [.text(stream)],
                arguments: [
                    .number(first + start), .number(min(Limits.perScript, count - start)),
                    .text(Payload.head), .text(Payload.tail),
                ]
            )
            for id in ids.array ?? [] { arrivals.append(try Self.milliseconds(id)) }
        }
        return arrivals
    }

    /// Puts one request in. - Returns: When it arrived, by its entry's ID.
    func addOne(_ index: Int) async throws -> Int64 {
        var command = RedisCommand("XADD", reserving: 640)
        command.append(stream)
        command.append("*")
        command.append("request_id")
        command.append("r\(index)")
        command.append("payload")
        command.append("\(Payload.head)\(index)\(Payload.tail)")
        return try Self.milliseconds(try await stand.connection.send(command))
    }

    /// Puts one request of the row's own in. - Returns: When it arrived, by its entry's ID.
    @discardableResult
    func add(_ id: String, _ payload: String, _ fields: [String] = []) async throws -> Int64 {
        var command = RedisCommand("XADD", reserving: 640)
        for part in [stream, "*", "request_id", id, "payload", payload] + fields {
            command.append(part)
        }
        return try Self.milliseconds(try await stand.connection.send(command))
    }

    /// One event of a request.
    struct Event {
        let name: String
        let atMs: Int64
        let payload: [UInt8]
    }

    /// All that a request was told.
    func events(of id: String) async throws -> [Event] {
        let found = try await stand.connection.send(
            RedisCommand("XRANGE", .text("\(replyStem)\(id)"), "-", "+")
        )
        return try (found.array ?? []).map { entry in
            guard let parts = entry.array, parts.count == 2, let pairs = parts[1].pairs else {
                throw Stand.Failure("an event of \(id) is none")
            }
            func field(_ name: String) -> [UInt8] {
                pairs.first { $0.key == Array(name.utf8) }?.value.bytes ?? []
            }
            return Event(
                name: String(decoding: field("event"), as: UTF8.self),
                atMs: try Self.milliseconds(parts[0]),
                payload: field("payload")
            )
        }
    }

    private static let addScript = RedisScript(
        name: "add",
        source: Array(
            """
            local ids = {}
            local first, count = tonumber(ARGV[1]), tonumber(ARGV[2])
            for index = first, first + count - 1 do
                ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'request_id', 'r' .. index,
                    'payload', ARGV[3] .. index .. ARGV[4])
            end
            return ids
            """.utf8
        )
    )

    private static func milliseconds(_ id: RedisValue) throws -> Int64 {
        guard let text = id.text, let ms = Int64(text.prefix { $0 != "-" }) else {
            throw Stand.Failure("Redis answered no entry ID")
        }
        return ms
    }
}

// MARK: - Out

extension Requests {
    /// Waits until every request has ended: what ends is deleted.
    /// - Returns: The most that was seen in flight.
    @discardableResult
    func drain() async throws -> Int {
        var left = Int.max
        var inFlightMax = 0
        var lastChange = ContinuousClock.now
        while true {
            let replies = try await stand.connection.pipeline([
                RedisCommand("XLEN", .text(stream)),
                RedisCommand("XPENDING", .text(stream), "workers"),
            ])
            let now = replies[0].int ?? 0
            inFlightMax = max(inFlightMax, replies[1].array?.first?.int ?? 0)
            if now == 0 { return inFlightMax }
            if now != left {
                left = now
                lastChange = .now
            }
            try contestant.checkAlive()
            guard ContinuousClock.now - lastChange < Limits.silence else {
                throw Stand.Failure(
                    "\(contestant.program.rawValue) is stuck at \(left): \(contestant.lastWords)"
                )
            }
            try await stand.loop.sleep(for: .milliseconds(10))
        }
    }

    /// Takes all answers out, and throws unless each request has exactly one, and that a result.
    func harvest(_ arrivals: [Int64], from first: Int = 0) async throws -> [Passage] {
        var passages: [Passage] = []
        passages.reserveCapacity(arrivals.count)
        for start in stride(from: 0, to: arrivals.count, by: Limits.perScript) {
            let count = min(Limits.perScript, arrivals.count - start)
            let answer = try await stand.connection.eval(
                Self.harvestScript,
                keys: [.text(replyStem), .text("\(contestant.prefix):{0}:")],
                arguments: [.number(first + start), .number(count)]
            )
            guard let found = answer.array, found.count == count * 2 else {
                throw Stand.Failure(
                    "\(contestant.program.rawValue): \(answer.text ?? "no answers"): "
                        + contestant.lastWords
                )
            }
            for index in 0..<count {
                passages.append(
                    Passage(
                        arrivedMs: arrivals[start + index],
                        answeredMs: try Self.milliseconds(found[index * 2]),
                        modelMs: Int64(found[index * 2 + 1].int ?? 0)
                    )
                )
            }
        }
        return passages
    }

    /// Says what is wrong as a text, or answers IDs and model times in turn.
    private static let harvestScript = RedisScript(
        name: "harvest",
        source: Array(
            """
            local out = {}
            local first, count = tonumber(ARGV[1]), tonumber(ARGV[2])
            for index = first, first + count - 1 do
                local key = KEYS[1] .. 'r' .. index
                local entries = redis.call('XRANGE', key, '-', '+')
                if #entries ~= 1 then
                    return 'r' .. index .. ' has ' .. #entries .. ' answers instead of one'
                end
                local fields = entries[1][2]
                local event, payload
                for place = 1, #fields, 2 do
                    if fields[place] == 'event' then event = fields[place + 1] end
                    if fields[place] == 'payload' then payload = fields[place + 1] end
                end
                if event ~= 'result' then
                    return 'r' .. index .. ' ended in ' .. event .. ' ' .. payload
                end
                out[#out + 1] = entries[1][1]
                out[#out + 1] = string.match(payload, '"model_ms":(%d+)') or '0'
                redis.call('UNLINK', key, KEYS[2] .. 'request:r' .. index)
                for _, name in ipairs({ 'requests', 'cost', 'costlog' }) do
                    redis.call('UNLINK', KEYS[2] .. 'user:bench-' .. index .. ':' .. name)
                end
            end
            redis.call('UNLINK', KEYS[2] .. 'ledger')
            return out
            """.utf8
        )
    )

    /// The payload of the one answer to request `index`.
    func answerPayload(_ index: Int) async throws -> [UInt8] {
        let entries = try await stand.connection.send(
            RedisCommand("XRANGE", .text("\(replyStem)r\(index)"), "-", "+")
        )
        let pairs = entries.array?.first?.array?.last?.pairs ?? []
        guard let payload = pairs.first(where: { $0.key == Array("payload".utf8) })?.value.bytes
        else { throw Stand.Failure("there is no answer: \(contestant.lastWords)") }
        return payload
    }
}

/// The seed's request, with a user of its own each time.
enum Payload {
    /// One of a row's own.
    static func text(of user: String, detail: String) -> String {
        head + user
            + tail.replacing("\"max_cost_usd\"", with: "\"detail\":\"\(detail)\",\"max_cost_usd\"")
    }

    static let head = #"{"user_id":"bench-"#
    static let tail = #"""
        ","user_intent":"I want a conservative income strategy for SPY",\#
        "market_context":{"symbol":"SPY","current_price":450.0,"vix":18.5,"trend":"bullish"},\#
        "portfolio_context":{"positions":[],"portfolio_greeks":{}},\#
        "risk_preferences":{"risk_tolerance":"medium","max_loss":1000},"max_cost_usd":0.50}
        """#
}
