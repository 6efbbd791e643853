import Contract
package import JSON

extension Life {
    /// Never a payload's text, and never a token.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("partition", partition)
            writer.field("state", orNull: record["state"] ?? (entry == nil ? nil : "unread"))
            writer.field("user_id", orNull: record["user"])
            writer.field("attempt", orNull: record.int("attempt"))
            writer.field("replay_of", orNull: record["replay_of"])
            writer.field("code", orNull: record["code"])
            writer.field("deadline_at", orNull: record.int("deadline"))
            writer.key("pending")
            if let holding {
                writer.object { writer in
                    writer.field("owner", holding.owner)
                    writer.field("owner_lives", holding.isAlive)
                    writer.field("deliveries", holding.deliveries)
                    writer.field("idle_ms", holding.idleMs)
                }
            } else {
                writer.null()
            }
            writer.array("moments", moments) { writer, moment in
                writer.object { writer in
                    writer.field("at", moment.at)
                    writer.field("what", moment.kind)
                    writer.field("attempt", orNull: moment.attempt.map(Int64.init))
                    if let cost = moment.cost { writer.field("cost_usd", usd: cost) }
                    if let payer = moment.payer { writer.field("payer", payer) }
                    writer.field("detail", moment.detail)
                }
            }
            writer.array("not_looked_at", gaps) { writer, gap in writer.value(gap) }
        }
    }
}
