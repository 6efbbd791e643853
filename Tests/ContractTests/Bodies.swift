import Contract
import Foundation
import JSON

/// The seed's example, with what it leaves out filled in as the contract describes it.
let seedBody = """
    {"user_id":"user123","user_intent":"I want a conservative income strategy for SPY",
    "market_context":{"symbol":"SPY","current_price":450.0,"vix":18.5,"trend":"bullish"},
    "portfolio_context":{"positions":[{"symbol":"SPY","quantity":-100,"average_price":440.5}],
    "portfolio_greeks":{"delta":12.5,"theta":-3}},
    "risk_preferences":{"risk_tolerance":"medium","max_loss":1000},"max_cost_usd":0.50}
    """

/// The least that a request says.
let leastBody = """
    {"user_id":"u","user_intent":"hi","market_context":{"symbol":"SPY","current_price":450}}
    """

/// Every field of the contract, each with a value that is allowed.
let fullBody = """
    {"user_id":"user123","user_intent":"anything","market_context":{"symbol":"brk.b",
    "current_price":450.123456,"vix":18.5,"trend":"neutral","as_of":"2026-11-23T15:00:00Z","iv":0.2,
    "rate":0.04,"dividend_yield":0.012,"dividends":[{"ex_date":"2026-12-18","amount":1.75}],
    "events":[{"kind":"earnings","date":"2026-12-01"}],
    "option_chain":[{"symbol":"SPY   261218P00430000","bid":3.05,"ask":3.15,"iv":0.19,
    "open_interest":1200}]},
    "portfolio_context":{"positions":[{"symbol":"SPY   261218P00430000","quantity":-2,
    "average_price":3.1,"greeks":{"delta":1,"gamma":2,"theta":3,"vega":4,"rho":5}}],
    "portfolio_greeks":{"delta":-1.5,"gamma":0,"theta":-3,"vega":8,"rho":0.1}},
    "risk_preferences":{"risk_tolerance":"high","max_loss":1000,"max_debit_usd":500},
    "account":{"equity_usd":25000,"buying_power_usd":-1,"approval_level":3,"odd_delivered":false},
    "max_cost_usd":0.57,"detail":"full","mode":"custom"}
    """

/// Reads a body as a worker does.
func decoded(_ body: some Sequence<UInt8>) throws(Rejection) -> GenerateRequest {
    var parser = JSONParser(limits: JSONLimits(bytesMax: 256 * 1024, depthMax: 16))
    let document: JSONValue
    do throws(JSONError) {
        document = try parser.parse(Array(body))
    } catch {
        throw Rejection(error)
    }
    return try GenerateRequest(document)
}

func decoded(_ body: String) throws(Rejection) -> GenerateRequest { try decoded(body.utf8) }

/// `fullBody` with the value at a JSON Pointer replaced by other JSON; nil takes it away.
func body(with json: String?, at pointer: String) throws -> [UInt8] {
    let whole = try JSONSerialization.jsonObject(with: Data(fullBody.utf8))
    let value = try json.map {
        try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    let steps = pointer.split(separator: "/").map(String.init)
    let changed = replaced(whole, steps[...], value)
    return Array(try JSONSerialization.data(withJSONObject: changed as Any))
}

private func replaced(_ whole: Any, _ steps: ArraySlice<String>, _ value: Any?) -> Any? {
    guard let step = steps.first else { return value }
    if var members = whole as? [String: Any] {
        members[step] = replaced(members[step] ?? NSNull(), steps.dropFirst(), value)
        return members
    }
    if var elements = whole as? [Any], let index = Int(step) {
        elements[index] = replaced(elements[index], steps.dropFirst(), value) ?? NSNull()
        return elements
    }
    return whole
}

/// An entry with these fields, in this order.
func entry(_ fields: [(String, String)], on queue: Queue = .normal) -> RawEntry {
    RawEntry(
        queue: queue,
        id: EntryID(milliseconds: 1, sequence: 0),
        fields: fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
    )
}

/// What an entry is turned away with; nil when it is in order or names nobody.
func refusal(
    of raw: RawEntry,
    bytesMax: Int = ContractLimits.payloadBytesMax
) -> (id: RequestID, rejection: Rejection)? {
    do throws(EntryDefect) {
        _ = try RequestEntry(raw, payloadBytesMax: bytesMax)
        return nil
    } catch {
        if case .refused(let id, let rejection, _, _, _, _) = error { return (id, rejection) }
        return nil
    }
}

func isNameless(_ raw: RawEntry) -> Bool {
    do throws(EntryDefect) {
        _ = try RequestEntry(raw)
        return false
    } catch {
        if case .nameless = error { return true }
        return false
    }
}
