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
        case .globalPace:
            writer.field("limit", "global_requests_per_minute")
            writer.field("left", 0)
        case .globalCost(let left):
            writer.field("limit", "global_cost_per_hour")
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

extension ResultPayload {
    package func payload(requestID: RequestID) -> [UInt8] {
        JSONWriter.bytes(reserving: 2_048) { write(requestID, to: &$0) }
    }

    private func write(_ requestID: RequestID, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("request_id", requestID.text)
        writer.field("decision", strategy == nil ? "no_trade" : "trade")
        writer.field("source", source.rawValue)
        writer.key("degraded")
        writer.null()
        if let model { write(model, to: &writer) }
        writer.key("strategy")
        if let strategy { strategy.write(to: &writer) } else { writer.null() }
        writer.key("basis")
        writer.beginObject()
        writer.field("as_of", basis.asOf)
        writer.field("prices", basis.prices)
        writer.endObject()
        if let claimed { write(claimed, to: &writer) }
        if let usage { write(usage, to: &writer) }
        if let limits {
            writer.key("limits")
            limits.write(to: &writer)
        }
        writer.key("timing")
        writer.beginObject()
        writer.field("queued_ms", timing.queuedMs)
        writer.field("model_ms", timing.modelMs)
        writer.field("total_ms", timing.totalMs)
        writer.endObject()
        writer.endObject()
    }

    private func write(_ model: ModelProvenance, to writer: inout JSONWriter) {
        writer.key("model")
        writer.beginObject()
        writer.field("name", model.name)
        writer.field("endpoint", model.endpoint)
        writer.field("attempts", model.attempts)
        writer.endObject()
    }

    private func write(_ claimed: Claimed, to writer: inout JSONWriter) {
        writer.key("claimed")
        writer.beginObject()
        writer.key("max_profit_usd")
        writer.optional(claimed.maxProfit)
        writer.key("max_loss_usd")
        writer.optional(claimed.maxLoss)
        writer.key("breakevens")
        writer.numbers(claimed.breakevens)
        writer.endObject()
    }

    private func write(_ usage: Usage, to writer: inout JSONWriter) {
        writer.key("usage")
        writer.beginObject()
        writer.field("prompt_tokens", usage.promptTokens)
        writer.field("cached_tokens", usage.cachedTokens)
        writer.field("completion_tokens", usage.completionTokens)
        writer.key("cost_usd")
        writer.decimal(usage.cost.amount, scale: 9)
        writer.field("estimated", usage.isEstimated)
        writer.endObject()
    }
}

extension StrategyPayload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("outlook", outlook)
        writer.field("rationale", rationale)
        writer.key("legs")
        writer.beginArray()
        for leg in legs { leg.write(to: &writer) }
        writer.endArray()
        writer.field("net_premium_usd", netPremium)
        writer.key("max_profit_usd")
        writer.optional(maxProfit)
        writer.key("max_loss_usd")
        writer.optional(maxLoss)
        writer.key("breakevens")
        writer.numbers(breakevens)
        writer.key("risks")
        writer.beginArray()
        for risk in risks { writer.value(risk) }
        writer.endArray()
        writer.endObject()
    }
}

extension LegPayload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("action", action)
        writer.field("instrument", instrument)
        writer.key("strike")
        writer.optional(strike)
        writer.key("expiry")
        if let expiry { writer.value(expiry) } else { writer.null() }
        writer.field("quantity", quantity)
        writer.field("multiplier", multiplier)
        writer.field("price", price)
        writer.key("symbol")
        if let symbol { writer.value(symbol) } else { writer.null() }
        writer.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func optional(_ number: Double?) {
        if let number { value(number) } else { null() }
    }

    fileprivate mutating func numbers(_ numbers: [Double]) {
        beginArray()
        for number in numbers { value(number) }
        endArray()
    }
}
