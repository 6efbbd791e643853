package import Contract
import Gateways
package import JSON

/// One thing that happened to a request.
package struct Moment: Sendable {
    /// Unix milliseconds, Redis' clock.
    package let at: Int64
    /// One word: `added`, `asked`, `answered`, `lost`, `dead`, or an event's name.
    package let kind: String
    package let attempt: Int?
    package let cost: NanoUSD?
    /// `user` or `house`; nil where nothing is paid.
    package let payer: String?
    /// For a person; nothing of what the user wrote.
    package let detail: String

    init(
        _ kind: String,
        at: Int64,
        attempt: Int? = nil,
        cost: NanoUSD? = nil,
        payer: String? = nil,
        _ detail: String
    ) {
        self.at = at
        self.kind = kind
        self.attempt = attempt
        self.cost = cost
        self.payer = payer
        self.detail = detail
    }
}

extension Moment {
    /// When it was added, and taken back: by its entry where it has one, else by what its answer says.
    static func added(
        _ entry: StreamSearch.Entry?,
        _ queue: Queue?,
        _ events: [ReplyEvent]
    ) -> [Moment] {
        guard let entry, let queue else { return addedByAnswer(events) }
        guard queue == .retry,
            let first = entry.fields["requeued_from"].flatMap({ EntryID($0.utf8) })
        else {
            let replayed = entry.fields["replay_of"].map { ", a replay of \($0)" } ?? ""
            return [
                Moment(
                    "added",
                    at: ms(of: entry.id),
                    "to \(queue.rawValue), as \(entry.id)\(replayed)"
                )
            ]
        }
        let deaths = Int(entry.fields["deaths"] ?? "") ?? 0
        let died = deaths > 0 ? ", after \(Figures.count(deaths, "death", "deaths"))" : ""
        return [
            Moment(
                "added",
                at: ms(of: first),
                "to \(entry.fields["priority"] ?? "normal"), as \(first)"
            ),
            Moment(
                "requeued",
                at: ms(of: entry.id),
                attempt: entry.fields["attempt"].flatMap { Int($0) },
                "to retry, as \(entry.id)\(died)"
            ),
        ]
    }

    private static func ms(of id: EntryID) -> Int64 { Int64(clamping: id.milliseconds) }

    private static func addedByAnswer(_ events: [ReplyEvent]) -> [Moment] {
        guard let end = events.last(where: { $0.name == "result" }) else { return [] }
        return Inside.read(end.payload) { payload in
            guard let timing = try? payload.optional("timing")?.object(),
                let total = try? timing.optional("total_ms")?.int64()
            else { return [] }
            return [Moment("added", at: end.at - total, "by what the answer says of its time")]
        } ?? []
    }

    /// An event on the reply stream, unless a row of the ledger tells of the same.
    static func event(_ event: ReplyEvent, _ rows: [StreamSearch.Entry]) -> Moment? {
        let isBooked = event.isTerminal && rows.contains { $0.fields["terminal"] == "1" }
        guard !isBooked || isReminder(event) else { return nil }
        return Moment(
            event.name,
            at: event.at,
            attempt: event.attempt,
            detail(of: event)
        )
    }

    /// Who asks again after the answer has gone gets one that no row stands for.
    private static func isReminder(_ event: ReplyEvent) -> Bool {
        Inside.read(event.payload) { Inside.text($0, "code") } == "answer_expired"
    }

    static func letter(_ entry: StreamSearch.Entry) -> Moment {
        Moment(
            "dead",
            at: entry.fields["at"].flatMap { Int64($0) } ?? ms(of: entry.id),
            attempt: entry.fields["attempts"].flatMap { Int($0) },
            "entry \(entry.fields["entry_id"] ?? "?") became dead letter \(entry.id): "
                + (entry.fields["reason"] ?? "?")
        )
    }

    private static func detail(of event: ReplyEvent) -> String {
        Inside.read(event.payload) { payload in
            switch event.name {
            case "accepted": return "by \(Inside.text(payload, "worker") ?? "?")"
            case "progress":
                let tokens = try? payload.optional("tokens")?.int64()
                return "the model has written \(tokens ?? 0) tokens"
            case "refused":
                return "entry \(Inside.text(payload, "entry_id") ?? "?") was turned away"
            case "result":
                let strategy = try? payload.optional("strategy")?.object()
                let name = strategy.flatMap { Inside.text($0, "name") } ?? "no trade"
                let said = [
                    "\(name), by \(Inside.text(payload, "source") ?? "?")",
                    Inside.text(payload, "verdict").map { "verdict \($0)" },
                    Inside.text(payload, "degraded").map { "degraded: \($0)" },
                ]
                return said.compactMap(\.self).joined(separator: ", ")
            case "cancelled": return "by \(Inside.text(payload, "by") ?? "?")"
            default:
                let said = [Inside.text(payload, "code"), Inside.text(payload, "message")]
                return said.compactMap(\.self).joined(separator: ": ")
            }
        } ?? ""
    }
}

// MARK: - The ledger's rows

extension Moment {
    static func rows(_ rows: [StreamSearch.Entry], _ events: [ReplyEvent]) -> [Moment] {
        rows.reversed().flatMap { row in
            let isEstimated = row.fields["estimated"] == "1"
            let at = row.fields["at"].flatMap { Int64($0) } ?? ms(of: row.id)
            let attempt = row.fields["attempt"].flatMap { Int($0) }
            let name = row.fields["event"] ?? "?"
            let told = events.last { $0.isTerminal && $0.name == name }
            var detail =
                row.fields["terminal"] == "1"
                ? [told.map(Self.detail) ?? row.fields["code"] ?? ""]
                : [unfinished(name, by: row.fields["owner"])]
            if isEstimated { detail.append("its usage is unknown: charged at its reservation") }
            let end = Moment(
                name,
                at: at,
                attempt: attempt,
                cost: NanoUSD(row.fields["cost_nanousd"].flatMap { Int64($0) } ?? 0),
                payer: row.fields["payer"],
                detail.filter { !$0.isEmpty }.joined(separator: "; ")
            )
            return calls(row.fields["facts"] ?? "", attempt) + [end]
        }
    }

    /// What became of an attempt that was at the model when it ended.
    private static func unfinished(_ event: String, by owner: String?) -> String {
        let who = owner ?? "its worker"
        return event == "released"
            ? "\(who) stopped, and handed it back while it was at the model"
            : "\(who) had it at the model, and was gone, or late"
    }

    private static func calls(_ facts: String, _ attempt: Int?) -> [Moment] {
        var parser = JSONParser()
        guard let calls = try? parser.parse(Array(facts.utf8)).array() else { return [] }
        return calls.flatMap { call -> [Moment] in
            guard let call = try? call.object(),
                let asked = try? call.optional("asked_at")?.int64(),
                let answered = try? call.optional("answered_at")?.int64()
            else { return [] }
            func count(_ key: StaticString) -> Int64? { try? call.optional(key)?.int64() }
            let model = Inside.text(call, "model") ?? "the model"
            let cost = count("cost_nanousd").map { NanoUSD($0) } ?? .zero
            let tokens = count("prompt_tokens").map {
                ": \($0) tokens in, \(count("completion_tokens") ?? 0) out"
            }
            return [
                Moment("asked", at: asked, attempt: attempt, "the model"),
                Moment(
                    "answered",
                    at: answered,
                    attempt: attempt,
                    "after \(Figures.span(answered - asked)) by \(model)\(tokens ?? ""), \(cost) USD"
                ),
            ]
        }
    }
}

/// A JSON payload that is looked into.
package enum Inside {
    /// Nil when it is no object.
    package static func read<Value>(_ bytes: [UInt8], _ body: (JSONObject) -> Value?) -> Value? {
        var parser = JSONParser()
        guard let object = try? parser.parse(bytes).object() else { return nil }
        return body(object)
    }

    package static func text(_ object: JSONObject, _ key: StaticString) -> String? {
        try? object.optional(key)?.string()
    }
}
