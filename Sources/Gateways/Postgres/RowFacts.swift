internal import Contract
internal import JSON

/// What a row's JSON says that has a column, or a claim, of its own. What cannot be read says nothing.
struct RowFacts: Sendable {
    struct Call: Sendable {
        let reservation: String?
        let cost: NanoUSD
        let model: String?
    }

    private(set) var calls: [Call] = []
    private(set) var promptTokens: Int64?
    private(set) var cachedTokens: Int64?
    private(set) var completionTokens: Int64?
    /// The model that was called last.
    private(set) var model: String?
    private(set) var source: String?
    private(set) var degraded: String?
    private(set) var score: Double?

    init(_ row: LedgerRow) {
        var parser = JSONParser()
        if row.calls.count > 2, let list = try? parser.parse(row.calls).array() {
            for case let call? in list.map({ try? $0.object() }) { add(call) }
        }
        guard row.event == "result", let payload = try? parser.parse(row.payload).object() else {
            return
        }
        source = try? payload.optional("source")?.string()
        degraded = try? payload.optional("degraded")?.string()
        let validation = try? payload.optional("validation")?.object()
        score = try? validation?.optional("score")?.double()
    }

    private mutating func add(_ call: JSONObject) {
        let named = try? call.optional("model")?.string()
        model = named ?? model
        calls.append(
            Call(
                reservation: try? call.optional("reservation")?.string(),
                cost: NanoUSD((try? call.optional("cost_nanousd")?.int64()) ?? 0),
                model: named
            )
        )
        func sum(_ so: Int64?, _ key: StaticString) -> Int64? {
            guard let more = try? call.optional(key)?.int64() else { return so }
            return (so ?? 0) + more
        }
        promptTokens = sum(promptTokens, "prompt_tokens")
        cachedTokens = sum(cachedTokens, "cached_tokens")
        completionTokens = sum(completionTokens, "completion_tokens")
    }
}

extension LedgerRow {
    /// The claims on the fleet's hour that this row pays for.
    func claims(partition: Int) -> [(name: String, cost: NanoUSD)] {
        if calls.count > 2 {
            return RowFacts(self).calls.compactMap { call in
                call.reservation.map { ($0, call.cost) }
            }
        }
        guard let call, let id = RequestID(requestID) else { return [] }
        let name = GlobalKeys.reservation(partition: partition, id, attempt: attempt, call: call)
        return [(name, cost - earlier)]
    }
}
