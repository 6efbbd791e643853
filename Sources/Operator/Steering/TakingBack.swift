import Contract
import Desk
import JSON
import Redis

/// One order to take something back: given, awaited, and looked at.
struct TakingBack: Sendable {
    enum Target: Sendable {
        case request(RequestID)
        case batch(BatchID)

        var id: RequestID {
            switch self {
            case .request(let id), .batch(let id): id
            }
        }
    }

    private let target: Target
    private let partition: Int
    private let service: ServiceView
    private var keys: Keys { service.keys(in: partition) }

    init(_ target: Target, _ partition: Int, _ service: ServiceView) {
        self.target = target
        self.partition = partition
        self.service = service
    }

    /// Whether the books of this partition tell of it.
    func isKnown() async throws(RedisError) -> Bool {
        let names =
            switch target {
            case .request(let id): [keys.record(id), keys.reply(id)]
            case .batch(let id): [keys.batch(id), keys.batchReply(id)]
            }
        let answer = try await service.redis.send(
            RedisCommand("EXISTS", .text(names[0]), .text(names[1]))
        )
        return answer.int != 0
    }

    func carryOut(_ hand: Hand) async throws -> Taken {
        if let ended = try await end() { return ended }
        let (name, end) = (hand.name, hand.end)
        let field =
            switch target {
            case .request: "request_id"
            case .batch: "batch_id"
            }
        let order = try await service.order([field, target.id.text, "by", name], on: keys.cancel)
        guard try await service.carriedOut(order, on: keys.cancel, by: end) else {
            return taken(.pending)
        }
        while true {
            let found = try await look()
            // A batch's members that no worker has read yet end when one does.
            guard found.outcome == .underWay, ContinuousClock.now < end else { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What became of it, once the order was carried out.
    private func look() async throws -> Taken {
        if let end = try await end() { return end }
        let mark =
            switch target {
            case .request(let id): keys.cancelMark(id)
            case .batch(let id): keys.batchCancelMark(id)
            }
        if case .batch(let id) = target {
            let batch = try await service.hash(keys.batch(id))
            if !batch.isEmpty { return underWay(id, batch) }
        }
        if case .request(let id) = target {
            let record = try await service.hash(keys.record(id))
            if let batch = record["expands"].flatMap({ BatchID($0) }) {
                return underWay(batch, try await service.hash(keys.batch(batch)))
            }
        }
        let isMarked = try await service.redis.send(RedisCommand("EXISTS", .text(mark))).int == 1
        return taken(isMarked ? .remembered : .underWay)
    }

    /// How it ended; nil while it has not.
    private func end() async throws -> Taken? {
        switch target {
        case .batch(let id):
            let batch = try await service.hash(keys.batch(id))
            let events = try await events(of: keys.batchReply(id))
            if let end = events.last(where: { $0.name == "batch_complete" }) {
                return ended(by: end)
            }
            return batch["complete"] == "1" ? taken(.ended, totals: Totals(batch)) : nil
        case .request(let id):
            if let end = try await events(of: keys.reply(id)).last(where: \.isTerminal) {
                return ended(by: end)
            }
            let record = try await service.hash(keys.record(id))
            guard record["state"] == "ended" else { return nil }
            let code = record["code"] ?? "?"
            return taken(
                code == "cancelled" ? .cancelled : .ended,
                code: code,
                cost: NanoUSD(record.int("cost") ?? 0)
            )
        }
    }

    private func events(of stream: String) async throws(RedisError) -> [ReplyEvent] {
        // A batch's last event is its end.
        let rows =
            try await service.redis.send(
                RedisCommand("XREVRANGE", .text(stream), "+", "-", "COUNT", 20)
            ).array ?? []
        return rows.reversed().compactMap { $0.entry.flatMap { ReplyEvent($0.fields) } }
    }

    private func ended(by event: ReplyEvent) -> Taken {
        if event.name == "batch_complete" {
            let totals = Totals(event.payload)
            let some = (totals?.cancelled ?? 0) > 0
            return taken(some ? .cancelled : .ended, totals: totals)
        }
        var (code, cost): (String?, NanoUSD?) = (nil, nil)
        _ = Inside.read(event.payload) { payload -> Bool? in
            code = Report.text(payload, "code")
            let usage = try? payload.optional("usage")?.object()
            let dollars = (usage ?? payload).optional("cost_usd")
            cost = (try? dollars?.double()).map { NanoUSD(Int64(($0 * 1e9).rounded())) }
            return nil
        }
        return taken(
            event.name == "cancelled" ? .cancelled : .ended,
            code: code ?? event.name,
            cost: cost
        )
    }

    private func underWay(_ id: BatchID, _ batch: Fields) -> Taken {
        let totals = Totals(batch)
        return taken(totals.isComplete ? .cancelled : .underWay, totals: totals)
    }

    private func taken(
        _ outcome: Taken.Outcome,
        code: String? = nil,
        cost: NanoUSD? = nil,
        totals: Totals? = nil
    ) -> Taken {
        Taken(
            target: target,
            partition: partition,
            outcome: outcome,
            code: code,
            cost: cost ?? totals?.cost,
            totals: totals
        )
    }
}

/// What came of it.
struct Taken: Sendable {
    enum Outcome: String, Sendable {
        case cancelled
        /// Nobody has read it yet.
        case remembered
        /// Of a batch some have ended, and the others will.
        case underWay = "under_way"
        /// Before it could be taken back.
        case ended
        case pending
    }

    let target: TakingBack.Target
    let partition: Int
    let outcome: Outcome
    let code: String?
    let cost: NanoUSD?
    let totals: Totals?

    var sentence: String {
        let price = cost.map { ", at \($0) USD to its user" } ?? ""
        switch (outcome, totals) {
        case (.cancelled, let totals?):
            return "\(target.id) is taken back: \(totals.sentence)\(price)"
        case (.cancelled, nil): return "\(target.id) is cancelled\(price)"
        case (.remembered, _):
            return "\(target.id) is not read yet, or unknown: it is remembered, and ends as "
                + "cancelled when a worker reads it"
        case (.underWay, let totals?):
            return "\(target.id) is being taken back: \(totals.sentence); the others end when "
                + "workers read them"
        case (.underWay, nil): return "\(target.id) is being taken back"
        case (.ended, let totals?):
            return "\(target.id) had ended already: \(totals.sentence)\(price)"
        case (.ended, nil): return "\(target.id) had ended already, as \(code ?? "?")\(price)"
        case (.pending, _): return ""
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch target {
            case .request(let id): writer.field("request_id", id.text)
            case .batch(let id): writer.field("batch_id", id.text)
            }
            writer.field("partition", partition)
            writer.field("outcome", outcome.rawValue)
            writer.field("code", orNull: code)
            writer.key("cost_usd")
            if let cost { writer.dollars(cost) } else { writer.null() }
            writer.key("totals")
            if let totals { totals.write(to: &writer) } else { writer.null() }
        }
    }
}

/// How many of a batch have ended, and how.
struct Totals: Sendable {
    private static let names = ["done", "rejected", "failed", "cancelled", "missing"]

    let size: Int
    private let counts: [Int]
    let cost: NanoUSD

    /// As the batch's own hash counts.
    init(_ batch: Fields) {
        size = Int(batch.int("size") ?? 0)
        counts = Self.names.map { Int(batch.int($0) ?? 0) }
        cost = NanoUSD(batch.int("cost_nanousd") ?? 0)
    }

    /// As `batch_complete` tells.
    init?(_ payload: [UInt8]) {
        let read = Inside.read(payload) { payload -> (Int, [Int], NanoUSD)? in
            func number(_ name: String) -> Int {
                Int((try? payload[named: name]?.int64()) ?? 0)
            }
            let dollars = (try? payload.optional("cost_usd")?.double()) ?? 0
            return (
                number("size"), Self.names.map(number),
                NanoUSD(Int64((dollars * 1e9).rounded()))
            )
        }
        guard let read else { return nil }
        (size, counts, cost) = read
    }

    var cancelled: Int { counts[3] }
    var isComplete: Bool { counts.reduce(0, +) >= size }

    var sentence: String {
        let told = zip(Self.names, counts).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        return "of \(size) " + (told.isEmpty ? "none has ended" : told.joined(separator: ", "))
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("size", size)
            for (name, count) in zip(Self.names, counts) {
                writer.key(escaping: name)
                writer.value(count)
            }
        }
    }
}
