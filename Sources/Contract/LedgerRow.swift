/// One row of the outbox: an attempt that ended, what it cost, and what was answered.
package struct LedgerRow: Equatable, Sendable {
    package let id: EntryID
    package let requestID: String
    package let user: String
    package let attempt: Int
    /// The one row that ends its request.
    package let isTerminal: Bool
    /// Whether the request was in the books: refusals at the door are not.
    package let isAdmitted: Bool
    package let event: String
    package let code: String
    /// `user` or `house`.
    package let payer: String
    package let cost: NanoUSD
    package let isEstimated: Bool
    /// The number of the call that this row pays for where `calls` does not name it.
    package let call: Int?
    /// What the attempt's earlier calls cost, whose claims are settled: a part of `cost`, where `calls`
    /// names none.
    package let earlier: NanoUSD
    /// Unix milliseconds, by Redis' clock.
    package let atMs: Int64
    /// The model's calls, a JSON array.
    package let calls: [UInt8]
    /// What the caller was told, JSON; empty for what ends no request.
    package let payload: [UInt8]
    /// What led to it, JSON; empty where nobody was at work.
    package let record: [UInt8]

    /// - Parameter fields: Of the entry. Nil when they are no row: then somebody else wrote it.
    package init?(id: EntryID, _ fields: [(name: [UInt8], value: [UInt8])]) {
        var texts: [String: [UInt8]] = [:]
        for (name, value) in fields { texts[String(decoding: name, as: UTF8.self)] = value }
        func text(_ name: String) -> String? {
            texts[name].flatMap { String(validating: $0, as: UTF8.self) }
        }
        guard let requestID = text("request_id"), let user = text("user"),
            let attempt = text("attempt").flatMap({ Int($0) }), attempt >= 0,
            let event = text("event"), let payer = text("payer"),
            ["user", "house"].contains(payer),
            let cost = text("cost_nanousd").flatMap({ Int64($0) }), cost >= 0,
            let atMs = text("at").flatMap({ Int64($0) })
        else { return nil }
        self.id = id
        (self.requestID, self.user, self.attempt) = (requestID, user, attempt)
        isTerminal = text("terminal") == "1"
        // Rows of an earlier release do not say; theirs were most often admitted.
        isAdmitted = text("admitted").map { $0 == "1" } ?? isTerminal
        (self.event, self.payer, self.cost, self.atMs) = (event, payer, NanoUSD(cost), atMs)
        code = text("code") ?? ""
        isEstimated = text("estimated") == "1"
        call = text("call").flatMap { Int($0) }
        earlier = NanoUSD(text("earlier_nanousd").flatMap { Int64($0) } ?? 0)
        calls = texts["facts"] ?? []
        payload = texts["payload"] ?? []
        record = texts["record"] ?? []
    }
}
