internal import JSON
internal import Options

extension ResultPayload {
    package func payload(requestID: RequestID) -> [UInt8] {
        JSONWriter.bytes(reserving: 4_096) { write(requestID, to: &$0) }
    }

    private func write(_ requestID: RequestID, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("request_id", requestID.text)
        switch outcome {
        case .trade: writer.field("decision", "trade")
        case .noTrade: writer.field("decision", "no_trade")
        }
        writer.field("verdict", verdict.rawValue)
        writer.field("source", source.rawValue)
        writer.key("degraded")
        writer.optional(degraded?.rawValue)
        if let model { model.write(to: &writer) }
        if let cacheAgeMs {
            writer.key("cache")
            writer.beginObject()
            writer.field("age_ms", cacheAgeMs)
            writer.endObject()
        }
        switch outcome {
        case .trade(let strategy):
            writer.key("strategy")
            strategy.write(to: &writer)
        case .noTrade(let reason):
            writer.key("strategy")
            writer.null()
            writer.key("no_trade")
            reason.write(to: &writer)
        }
        if !alternatives.isEmpty { write(alternatives, to: &writer) }
        writer.field("requires_principal_review", requiresPrincipalReview)
        basis.write(to: &writer)
        claimed?.write(to: &writer)
        portfolioImpact?.write(to: &writer)
        validation?.write(to: &writer)
        usage?.write(to: &writer)
        if let limits {
            writer.key("limits")
            limits.write(to: &writer)
        }
        timing.write(to: &writer)
        writer.endObject()
    }

    private func write(_ alternatives: [Alternative], to writer: inout JSONWriter) {
        writer.key("alternatives")
        writer.beginArray()
        for alternative in alternatives {
            writer.beginObject()
            writer.field("name", alternative.name)
            writer.field("why_not", alternative.whyNot)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension ResultPayload.ModelProvenance {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("model")
        writer.beginObject()
        writer.key("name")
        if let name { writer.value(name) } else { writer.null() }
        writer.key("endpoint")
        if let endpoint { writer.value(endpoint) } else { writer.null() }
        writer.field("attempts", attempts)
        writer.endObject()
    }
}

extension ResultPayload.Basis {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("basis")
        writer.beginObject()
        writer.field("as_of", asOf)
        writer.field("volatility", volatility)
        writer.field("volatility_source", volatilitySource)
        writer.field("rate", rate)
        writer.field("dividend_yield", dividendYield)
        writer.field("prices", prices.rawValue)
        writer.endObject()
    }
}

extension ResultPayload.Claimed {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("claimed")
        writer.beginObject()
        writer.key("max_profit_usd")
        writer.optional(maxProfit)
        writer.key("max_loss_usd")
        writer.optional(maxLoss)
        writer.key("breakevens")
        writer.numbers(breakevens)
        writer.endObject()
    }
}

extension ResultPayload.Usage {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("usage")
        writer.beginObject()
        writer.field("prompt_tokens", promptTokens)
        writer.field("cached_tokens", cachedTokens)
        writer.field("completion_tokens", completionTokens)
        writer.key("cost_usd")
        writer.decimal(cost.amount, scale: 9)
        writer.field("estimated", isEstimated)
        writer.endObject()
    }
}

extension ResultPayload.Timing {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("timing")
        writer.beginObject()
        writer.field("queued_ms", queuedMs)
        writer.field("model_ms", modelMs)
        writer.field("total_ms", totalMs)
        writer.endObject()
    }
}

extension StrategyPayload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("name", figures.name.rawValue)
        writer.field("outlook", outlook)
        writer.field("summary", summary)
        writer.field("rationale", rationale)
        writer.key("legs")
        writer.beginArray()
        for leg in legs { leg.write(to: &writer) }
        writer.endArray()
        if figures.sharesHeld > 0 { writer.field("shares_held", figures.sharesHeld) }
        writer.field("net_premium_usd", figures.netPremiumUSD)
        writer.key("max_profit_usd")
        writer.optional(figures.maxProfitUSD)
        writer.key("max_loss_usd")
        writer.optional(figures.maxLossUSD)
        writer.key("breakevens")
        writer.numbers(figures.breakevens)
        writer.field("probability_of_profit", figures.probabilityOfProfit)
        writer.field("expected_value_usd", figures.expectedValueUSD)
        writer.key("greeks")
        writer.greeks(figures.greeks)
        writer.field("margin_usd", figures.marginUSD)
        writer.key("risks")
        writer.texts(risks)
        writer.key("disclosures")
        writer.texts(disclosures)
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
        writer.optional(expiry)
        writer.field("quantity", quantity)
        writer.field("multiplier", multiplier)
        writer.field("price", price)
        writer.key("symbol")
        writer.optional(symbol)
        writer.endObject()
    }
}

extension NoTradePayload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("rule")
        writer.optional(rule)
        writer.field("message", message)
        writer.key("smallest_change")
        if let smallestChange {
            writer.beginObject()
            writer.field("field", smallestChange.field.pointer)
            writer.field("from", smallestChange.from)
            writer.field("to", smallestChange.to)
            writer.field("message", smallestChange.sentence)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.endObject()
    }
}

extension SmallestChange.Field {
    /// A JSON Pointer into the request's payload.
    fileprivate var pointer: String {
        "/" + rawValue.split(separator: ".").joined(separator: "/")
    }
}

extension PortfolioImpact {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("portfolio_impact")
        writer.beginObject()
        writer.key("before")
        writer.greeks(before)
        writer.key("after")
        writer.greeks(after)
        if let counted { writer.field("positions_counted", counted) }
        writer.field("shares", shares)
        writer.field("encumbered_shares", encumberedShares)
        writer.field("underlying_value_usd", underlyingValueUSD)
        if let underlyingShareOfEquity {
            writer.field("underlying_share_of_equity", underlyingShareOfEquity)
        }
        writer.key("scenarios")
        writer.beginArray()
        for scenario in scenarios {
            writer.beginObject()
            writer.field("spot", scenario.spot)
            writer.field("volatility_shift", scenario.volatilityShift)
            writer.field("days", scenario.days)
            writer.field("before_usd", scenario.beforeUSD)
            writer.field("after_usd", scenario.afterUSD)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}

extension ValidationPayload {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.key("validation")
        writer.beginObject()
        writer.field("rule_pack", rulePack)
        writer.field("score", score)
        writer.field("coverage", coverage)
        writer.key("findings")
        writer.beginArray()
        for finding in findings {
            writer.beginObject()
            writer.field("rule", finding.rule)
            writer.field("severity", finding.severity)
            writer.field("message", finding.message)
            writer.endObject()
        }
        writer.endArray()
        if !positions.isEmpty {
            writer.key("positions")
            writer.beginArray()
            for finding in positions {
                writer.beginObject()
                writer.field("position", finding.position)
                writer.field("fault", finding.fault.rawValue)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func optional(_ number: Double?) {
        if let number { value(number) } else { null() }
    }

    fileprivate mutating func optional(_ text: String?) {
        if let text { value(text) } else { null() }
    }

    fileprivate mutating func numbers(_ numbers: [Double]) {
        beginArray()
        for number in numbers { value(number) }
        endArray()
    }

    fileprivate mutating func texts(_ texts: [String]) {
        beginArray()
        for text in texts { value(text) }
        endArray()
    }

    fileprivate mutating func greeks(_ greeks: Greeks) {
        beginObject()
        field("delta", greeks.delta)
        field("gamma", greeks.gamma)
        field("theta_per_day", greeks.thetaPerDay)
        field("vega_per_point", greeks.vegaPerPoint)
        field("rho_per_point", greeks.rhoPerPoint)
        endObject()
    }
}
