import Foundation
import TestSupport

/// The seed's request, as an orchestrator sends it.
let seedPayload = """
    {"user_id":"user123","user_intent":"I want a conservative income strategy for SPY",
    "market_context":{"symbol":"SPY","current_price":450.0,"vix":18.5,"trend":"bullish"},
    "portfolio_context":{"positions":[],"portfolio_greeks":{}},
    "risk_preferences":{"risk_tolerance":"medium","max_loss":1000},"max_cost_usd":0.50}
    """

/// One event as it stands on a reply stream.
struct Event {
    /// Unix milliseconds of Redis' clock.
    let id: Int
    let fields: [String: String]

    var name: String { fields["event"] ?? "" }
    var isTerminal: Bool { ["result", "rejected", "failed", "cancelled"].contains(name) }
    var payload: [String: Any] {
        let data = Data((fields["payload"] ?? "").utf8)
        return (try? JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:]
    }
    var code: String? { payload["code"] as? String }
}

/// An orchestrator: adds entries and reads answers, by the contract alone.
final class Orchestrator {
    static let requests = "strategy:{0}:requests:normal"
    let redis: PlainRedis

    init(_ stack: Stack) throws { redis = try PlainRedis(stack.redis) }

    static func reply(_ id: String) -> String { "strategy:{0}:reply:\(id)" }

    /// The command that adds an entry.
    static func adding(
        _ fields: [([UInt8], [UInt8])],
        to queue: String = "normal"
    ) -> [[UInt8]] {
        ["XADD", "strategy:{0}:requests:\(queue)", "*"].map { Array($0.utf8) }
            + fields.flatMap { [$0.0, $0.1] }
    }

    static func adding(
        _ id: String,
        _ payload: String = seedPayload,
        and more: (String, String)...,
        to queue: String = "normal"
    ) -> [[UInt8]] {
        adding(
            ([("request_id", id), ("payload", payload)] + more)
                .map { (Array($0.0.utf8), Array($0.1.utf8)) },
            to: queue
        )
    }

    /// Adds requests named `prefix-0` and so on, and answers their names.
    func submit(_ count: Int, _ prefix: String) throws -> [String] {
        let ids = (0..<count).map { "\(prefix)-\($0)" }
        _ = try redis.askAll(ids.map { Self.adding($0) })
        return ids
    }

    /// What stands on a reply stream by now.
    func events(_ id: String) throws -> [Event] {
        try redis.ask("XRANGE", Self.reply(id), "-", "+").list.map { entry in
            let parts = entry.list
            let words = parts.last?.list.map { $0.string ?? "" } ?? []
            var fields: [String: String] = [:]
            for index in stride(from: 0, to: words.count - 1, by: 2) {
                fields[words[index]] = words[index + 1]
            }
            let time = (parts.first?.string ?? "").split(separator: "-").first
            return Event(id: time.flatMap { Int($0) } ?? 0, fields: fields)
        }
    }

    /// Waits for the event that ends a request.
    func answer(to id: String, within limit: Duration = .seconds(30)) async throws -> Event {
        var last: Event?
        try await eventually("an answer to \(id)", within: limit) {
            last = try events(id).last
            return last?.isTerminal == true
        }
        guard let last else { throw DidNotComeAbout(what: "an answer to \(id)") }
        return last
    }

    /// Adds one request and waits for its answer.
    func ask(
        _ id: String,
        _ payload: String = seedPayload,
        and more: (String, String)...
    ) async throws -> Event {
        let fields = [("request_id", id), ("payload", payload)] + more
        try redis.ask(Self.adding(fields.map { (Array($0.0.utf8), Array($0.1.utf8)) }))
        return try await answer(to: id)
    }

    /// How many of these have an answer, and how many have more than one event.
    func answered(_ ids: [String]) throws -> (some: Int, several: Int) {
        let replies = try redis.askAll(
            ids.map { [Array("XLEN".utf8), Array(Self.reply($0).utf8)] }
        )
        let counts = replies.map { $0.int ?? 0 }
        return (counts.count { $0 > 0 }, counts.count { $0 > 1 })
    }

    /// Entries that a worker has taken and nobody has ended.
    func pending() throws -> Int {
        try redis.ask("XPENDING", Self.requests, "workers").list.first?.int ?? 0
    }

    /// Entries that are not ended, taken or not.
    func left() throws -> Int { try redis.ask("XLEN", Self.requests).int ?? 0 }

    /// Waits until nothing is left to do.
    func untilAllIsDone() async throws {
        try await eventually("an empty stream", within: .seconds(60)) {
            try left() == 0 && pending() == 0
        }
    }
}
