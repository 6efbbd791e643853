import Contract
import Desk
import Gateways

extension Life {
    /// As a person reads it.
    var page: String {
        var lines = [Ink.bold(id.text) + ", partition \(partition): \(standing)", ""]
        let start = moments.first?.at ?? nowMs
        let rows = moments.map { moment in
            [
                Figures.time(moment.at), "+\(Figures.span(moment.at - start))",
                moment.attempt.map { "\($0)" } ?? "", moment.kind,
                moment.cost.map { "\($0)" } ?? "", moment.payer ?? "", moment.detail,
            ]
        }
        if !rows.isEmpty {
            let head = ["when", "", "attempt", "what", "USD", "payer", ""]
            lines += Table([head] + rows, toTheRight: [1, 2, 4]).lines
            lines.append("")
        }
        lines += facts.map { "  \($0)" }
        lines += gaps.map { "  \(Ink.yellow("note")) \($0)" }
        return lines.joined(separator: "\n")
    }

    private var standing: String {
        switch record["state"] {
        case "ended": "ended, \(record["code"] ?? "?")"
        case "running": record["calling"] == nil ? "runs" : "runs, and is at the model"
        case "parked": "is parked: it waits for a limit, without a slot"
        case "waiting": "waits to be read again"
        case let state?: state
        case nil where entry == nil: "its record is gone"
        case nil: holding == nil ? "waits, read by no worker yet" : "was read, and not begun with"
        }
    }

    private var facts: [String] {
        var facts: [String] = []
        if let user = record["user"], !user.isEmpty { facts.append("user       \(user)") }
        if let first = record["replay_of"] { facts.append("replay of  \(first)") }
        if let deadline = record.int("deadline") {
            let left = deadline - nowMs
            let relation = left < 0 ? "\(Figures.span(-left)) ago" : "in \(Figures.span(left))"
            facts.append("deadline   \(Figures.time(deadline)), \(relation)")
        }
        if let reserved = record.int("reserved"), reserved > 0 {
            facts.append("reserved   \(NanoUSD(reserved)) USD of the user's hour")
        }
        if let holding {
            let life = holding.isAlive ? "lives" : "is dead: a supervisor takes the request back"
            facts.append(
                "owner      \(holding.owner), which \(life); delivered "
                    + "\(Figures.count(holding.deliveries, "time", "times")), last "
                    + "\(Figures.span(Int64(holding.idleMs))) ago"
            )
        } else if record["state"] != "ended", let queue, let entry {
            facts.append("unread     as \(entry.id) in \(queue.rawValue)")
        }
        if record["state"] == "ended", let cost = record.int("cost") {
            facts.append("cost       \(NanoUSD(cost)) USD to the user")
        }
        return facts
    }
}
