package import JSON

extension Rejection {
    /// `{"code","message","field"?,"limit"?,"left"?,"retry_after_ms"?}`.
    package var payload: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 192)
        writer.beginObject()
        writer.field("code", code.rawValue)
        writer.field("message", message)
        if let field { writer.field("field", field) }
        if let bound { bound.write(to: &writer) }
        if let retryAfterMs { writer.field("retry_after_ms", retryAfterMs) }
        writer.endObject()
        return writer.finish()
    }
}

extension Rejection.Bound {
    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .userRequests(let left):
            writer.field("limit", "user_requests_per_hour")
            writer.field("left", left)
        case .userCost(let left):
            writer.field("limit", "user_cost_per_hour")
            writer.key("left")
            writer.dollars(left)
        case .userParked:
            writer.field("limit", "user_requests_waiting")
            writer.field("left", 0)
        }
    }
}

extension DeadLetter {
    /// What a `refused` event says: `{"entry_id","code","message"}`.
    package var refusal: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 128)
        writer.beginObject()
        writer.field("entry_id", entryID.description)
        writer.field("code", "request_id_conflict")
        writer.field("message", reason)
        writer.endObject()
        return writer.finish()
    }
}

extension LimitsPayload {
    /// `{"tier","requests_left","cost_left_usd","resets_at"}`.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("tier", tier)
        writer.key("requests_left")
        if let requestsLeft { writer.value(requestsLeft) } else { writer.null() }
        writer.key("cost_left_usd")
        if let costLeft { writer.dollars(costLeft) } else { writer.null() }
        writer.key("resets_at")
        if let resetsAtMs { writer.value(resetsAtMs) } else { writer.null() }
        writer.endObject()
    }
}

extension JSONWriter {
    /// Exact to nine places.
    package mutating func dollars(_ amount: NanoUSD) {
        decimal(amount.amount, scale: 9)
    }
}

extension Failure {
    /// `{"code","message","attempts"}`.
    package func payload(attempts: Int) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 128)
        writer.beginObject()
        writer.field("code", code.rawValue)
        writer.field("message", message)
        writer.field("attempts", attempts)
        writer.endObject()
        return writer.finish()
    }
}
