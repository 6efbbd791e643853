import Contract
package import Redis

/// One event as it stands on a reply stream.
package struct ReplyEvent: Sendable {
    package let name: String
    package let requestID: String
    package let attempt: Int
    /// Unix milliseconds, Redis' clock.
    package let at: Int64
    /// JSON.
    package let payload: [UInt8]

    package var isTerminal: Bool {
        TerminalEvent.Kind(rawValue: name) != nil || name == "batch_complete"
    }

    package init(name: String, requestID: String, attempt: Int, at: Int64, payload: [UInt8]) {
        self.name = name
        self.requestID = requestID
        self.attempt = attempt
        self.at = at
        self.payload = payload
    }

    package init?(_ fields: RedisValue) {
        let fields = Fields(fields)
        guard let name = fields[EventField.event] else { return nil }
        self.name = name
        requestID = fields[EventField.requestID] ?? ""
        attempt = Int(fields.int(EventField.attempt) ?? 1)
        at = fields.int(EventField.at) ?? 0
        payload = fields.bytes(EventField.payload) ?? []
    }
}
