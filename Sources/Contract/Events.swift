/// Whom an event is for: the request and the attempt that speaks, and what goes back with it.
package final class Address: Sendable {
    package let requestID: RequestID
    package let attempt: Int
    package let trace: RequestEntry.Trace
    /// Its place in a batch, whose totals it counts in.
    package let member: BatchMember?
    /// The request that it asks again; goes back with its terminal event.
    package let replayOf: RequestID?

    package init(
        requestID: RequestID,
        attempt: Int,
        trace: RequestEntry.Trace,
        member: BatchMember? = nil,
        replayOf: RequestID? = nil
    ) {
        self.requestID = requestID
        self.attempt = attempt
        self.trace = trace
        self.member = member
        self.replayOf = replayOf
    }
}

/// Which request an entry is: by this a later entry of the same id is known again.
package final class Identity: Sendable {
    package let requestID: RequestID
    /// Empty where the payload did not come so far as to name one.
    package let user: String
    package let payloadHash: PayloadHash
    /// The tier that a token claims, once it was verified.
    package let claimedTier: String?
    /// The verified claims, sealed, as they go on in the token's place; empty where none was asked for.
    package let seal: String

    package init(
        requestID: RequestID,
        user: String,
        payloadHash: PayloadHash,
        claimedTier: String? = nil,
        seal: String = ""
    ) {
        self.requestID = requestID
        self.user = user
        self.payloadHash = payloadHash
        self.claimedTier = claimedTier
        self.seal = seal
    }

    package func permitted(tier: String?, seal: String) -> Identity {
        Identity(
            requestID: requestID,
            user: user,
            payloadHash: payloadHash,
            claimedTier: tier,
            seal: seal
        )
    }

    /// The same, of nobody in particular: who was not permitted speaks for no user.
    package var ofNobody: Identity {
        Identity(requestID: requestID, user: "", payloadHash: payloadHash)
    }
}

/// The event that ends a request, and the entry that goes with it.
package final class TerminalEvent: Sendable {
    package let queue: Queue
    package let entryID: EntryID
    package let address: Address
    package let identity: Identity
    package let kind: Kind
    /// `rejected` and `failed` have one.
    package let code: String?
    /// JSON.
    package let payload: [UInt8]
    /// How long the answer can be read, in milliseconds.
    package let replyTTLMs: Int64
    /// Nil when the request was refused before it was admitted.
    package let account: Account?
    /// What led to it, for the audit trail: a JSON object, or nothing.
    package let evidence: [UInt8]

    package enum Kind: String, CaseIterable, Sendable {
        case result
        case rejected
        case failed
        case cancelled
    }

    /// What a request that was admitted leaves in the books.
    package struct Account: Sendable {
        package let cost: NanoUSD
        /// The provider did not say; the cost is what was reserved.
        package let isEstimated: Bool
        /// False when it ends without a call, and so does not count in the user's hour.
        package let keepsPlace: Bool
        /// The call, for the ledger: a JSON array.
        package let calls: [UInt8]

        package init(cost: NanoUSD, isEstimated: Bool, keepsPlace: Bool, calls: [UInt8]) {
            self.cost = cost
            self.isEstimated = isEstimated
            self.keepsPlace = keepsPlace
            self.calls = calls
        }
    }

    package init(
        queue: Queue,
        entryID: EntryID,
        address: Address,
        identity: Identity,
        kind: Kind,
        code: String?,
        payload: [UInt8],
        replyTTLMs: Int64,
        account: Account?,
        evidence: [UInt8] = []
    ) {
        self.queue = queue
        self.entryID = entryID
        self.address = address
        self.identity = identity
        self.kind = kind
        self.code = code
        self.payload = payload
        self.replyTTLMs = replyTTLMs
        self.account = account
        self.evidence = evidence
    }
}

/// What tells who asks again that a request has ended, and that its answer is gone.
package struct Reminder: Sendable {
    package let queue: Queue
    package let entryID: EntryID
    package let address: Address
    /// JSON.
    package let payload: [UInt8]

    package init(queue: Queue, entryID: EntryID, address: Address, payload: [UInt8]) {
        self.queue = queue
        self.entryID = entryID
        self.address = address
        self.payload = payload
    }
}

/// An event on the way, for callers who asked for `events=all`.
package struct InterimEvent: Sendable {
    package let address: Address
    package let kind: Kind
    /// JSON.
    package let payload: [UInt8]
    /// When the reply stream may go if nothing else is ever added to it, in Unix milliseconds.
    package let expiresAtMs: Int64

    package enum Kind: String, CaseIterable, Sendable {
        case accepted
        case provisional
        case progress
    }

    package init(address: Address, kind: Kind, payload: [UInt8], expiresAtMs: Int64) {
        self.address = address
        self.kind = kind
        self.payload = payload
        self.expiresAtMs = expiresAtMs
    }
}

/// The fields of an event's entry on a reply stream.
package enum EventField {
    package static let event = "event"
    package static let requestID = "request_id"
    package static let attempt = "attempt"
    package static let at = "at"
    package static let version = "v"
    package static let payload = "payload"
    package static let traceparent = "traceparent"
    package static let tracestate = "tracestate"
    package static let replayOf = "replay_of"
}

/// An entry that nobody can be answered for, as it is kept for a person to look at.
package struct DeadLetter: Sendable {
    package let queue: Queue
    package let entryID: EntryID
    /// One sentence: why it is here.
    package let reason: String
    /// The entry's own names and values in turn, without its token, cut to `deadLetterBytesMax`.
    package let fields: [[UInt8]]
    /// Bytes that were cut away.
    package let bytesCut: Int
    /// Who is told by a `refused` event that his entry was turned away; nil when nobody is.
    package let told: RequestID?
    /// The request that it was, where it is a batch's member and counts in its totals.
    package let member: (request: RequestID, place: BatchMember)?

    package init(
        _ entry: RawEntry,
        reason: String,
        telling told: RequestID? = nil,
        member: (request: RequestID, place: BatchMember)? = nil
    ) {
        self.member = member
        queue = entry.queue
        entryID = entry.id
        self.reason = reason
        self.told = told
        var kept: [[UInt8]] = []
        var room = ContractLimits.deadLetterBytesMax
        var cut = entry.bytesLeftOut
        var index = 0
        while index + 1 < entry.fields.count {
            let (name, value) = (entry.fields[index], entry.fields[index + 1])
            index += 2
            if Self.namesToken(name) { continue }
            // Each kept field also costs Redis some bytes of its own: counted as 16.
            let nameKept = name.prefix(max(room - 16, 0))
            let valueKept = value.prefix(max(room - 16 - nameKept.count, 0))
            cut += name.count + value.count - nameKept.count - valueKept.count
            guard room > 16, kept.count < 2 * ContractLimits.deadLetterFieldsMax else {
                cut += nameKept.count + valueKept.count
                continue
            }
            kept += [Array(nameKept), Array(valueKept)]
            room -= nameKept.count + valueKept.count + 16
        }
        fields = kept
        bytesCut = cut
    }

    /// `authorization`, also where its sender wrote it in capitals, as in an HTTP header.
    private static func namesToken(_ name: [UInt8]) -> Bool {
        name.count == 13 && name.map { $0 | 0x20 }.equals("authorization")
    }
}
