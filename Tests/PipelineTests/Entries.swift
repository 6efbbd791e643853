import Contract
import Foundation

/// A request in order, whose deadline is 30 s away at `Bench.noon`.
let soundPayload = """
    {"user_id":"user123","user_intent":"income, please","market_context":{"symbol":"SPY",
    "current_price":450.0,"vix":18.5,"trend":"bullish"},"risk_preferences":{"risk_tolerance":"low",
    "max_loss":1000},"account":{"equity_usd":31337}}
    """

/// The same for legs of the model's own, which tier enterprise may ask for.
let customPayload = soundPayload.replacing("{\"user_id\"", with: "{\"mode\":\"custom\",\"user_id\"")

/// The first of the menu, with the next two behind it.
let soundChoice = """
    {"choice":1,"ranking":[2,3],"reasons":["fits_view"],"adjust":[],"rationale":"because"}
    """

/// A bull put spread of two contracts, with claims that its legs do not bear out.
let soundProposal = """
    {"decision":"trade","strategy_name":"bull_put_spread","outlook":"bullish","legs":[
    {"side":"sell","type":"put","strike":430,"expiration":"2026-12-18","ratio":1,
    "limit_premium_per_share":3.10},
    {"side":"buy","type":"put","strike":425,"expiration":"2026-12-18","ratio":1,
    "limit_premium_per_share":1.90}],"quantity":2,"rationale":"because","risks":["loss"],
    "claimed":{"max_profit_usd":9999,"max_loss_usd":1,"breakevens":[1,2]}}
    """

/// An entry added at `Bench.noon`, `aheadMs` later or, below zero, earlier.
func entry(
    _ fields: [(String, String)] = [("request_id", "r1"), ("payload", soundPayload)],
    aheadMs: Int64 = 0,
    on queue: Queue = .normal
) -> RawEntry {
    RawEntry(
        queue: queue,
        id: EntryID(milliseconds: UInt64(Bench.noon + aheadMs), sequence: 7),
        fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
    )
}

func entry(adding fields: (String, String)..., on queue: Queue = .normal) -> RawEntry {
    entry([("request_id", "r1"), ("payload", soundPayload)] + fields, on: queue)
}

/// An event's payload, read by another implementation of JSON.
func members(_ event: TerminalEvent?) throws -> [String: Any] {
    let data = Data(event?.payload ?? [])
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
}
