import Contract
import JSON

/// Names of which each is chosen as often as its weight says.
struct Weighted: Sendable {
    private let choices: [(name: String, upTo: Int)]

    init(_ weights: [(String, Int)]) {
        var sum = 0
        choices = weights.map { name, weight in
            sum += weight
            return (name, sum)
        }
    }

    /// - Parameter dice: A number from 0 up to, and without, the bound it is given.
    func choose(_ dice: (Int) -> Int) -> String {
        let number = dice(choices.last?.upTo ?? 1)
        return choices.first { number < $0.upTo }?.name ?? ""
    }
}

/// What requests of a bench are like.
struct BenchMix: Sendable {
    let users: Int
    let tiers: Weighted
    let priorities: Weighted
    let sizes: Weighted
    let deadline: Duration
    let maxCost: Double
    /// A part of every name, so that two benches are not in each other's way.
    let run = String(UInt32.random(in: 0...UInt32.max), radix: 36)

    private static let marks = 1_000_000_000_000

    func user(_ number: Int) -> String { "bench-\(run)-\(number % users)" }

    func queue(_ dice: (Int) -> Int) -> Queue {
        Queue(rawValue: priorities.choose(dice)) ?? .normal
    }

    /// Positions that a payload of this size names.
    private static func positions(_ size: String) -> Int {
        switch size {
        case "medium": 20
        case "large": 400
        default: 0
        }
    }

    /// - Parameter mark: A number in the words, so that no answer is another's out of the cache.
    private func write(
        _ user: String,
        _ id: String?,
        _ size: String,
        _ mark: Int,
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        if let id { writer.field("request_id", id) }
        writer.field("user_id", user)
        writer.field("user_intent", "I want a conservative income strategy for SPY (\(mark))")
        writer.key("market_context")
        writer.beginObject()
        writer.field("symbol", "SPY")
        writer.field("current_price", 450.0)
        writer.field("vix", 18.5)
        writer.field("trend", "bullish")
        writer.endObject()
        let count = Self.positions(size)
        if count > 0 {
            writer.key("portfolio_context")
            writer.beginObject()
            writer.key("positions")
            writer.beginArray()
            for number in 0..<count {
                writer.beginObject()
                writer.field("symbol", number == 0 ? "SPY" : "Q\(number)")
                writer.field("quantity", 1 + number % 9)
                writer.field("average_price", 100.0 + Double(number))
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.key("risk_preferences")
        writer.beginObject()
        writer.field("risk_tolerance", "medium")
        writer.field("max_loss", 1_000)
        writer.endObject()
        writer.field("max_cost_usd", maxCost)
        writer.endObject()
    }

    func payload(of user: String, _ dice: (Int) -> Int) -> [UInt8] {
        let (size, mark) = (sizes.choose(dice), dice(Self.marks))
        return JSONWriter.bytes(reserving: size == "large" ? 32_768 : 2_048) { writer in
            write(user, nil, size, mark, to: &writer)
        }
    }

    /// A whole batch, whose members are ID.0, ID.1, ….
    func payload(
        ofBatch id: String,
        _ user: String,
        _ queue: Queue,
        members: Int,
        _ dice: (Int) -> Int
    ) -> [UInt8] {
        JSONWriter.bytes(reserving: members * 1_024) { writer in
            writer.beginObject()
            writer.field("user_id", user)
            writer.field("batch_id", id)
            writer.field("batch_priority", queue.rawValue)
            writer.key("requests")
            writer.beginArray()
            for number in 0..<members {
                let (size, mark) = (sizes.choose(dice), dice(Self.marks))
                write(user, "\(id).\(number)", size, mark, to: &writer)
            }
            writer.endArray()
            writer.endObject()
        }
    }
}
