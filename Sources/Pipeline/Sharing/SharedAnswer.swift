package import Contract

/// What a model answered, for whoever asks the same: as it said it, so that it is read, held against
/// the rules and priced anew for each.
package final class SharedAnswer: Sendable {
    package let said: [UInt8]
    package let endpoint: String
    /// As it names itself.
    package let modelName: String
    /// How old it is; 0 from whoever shares it.
    package let ageMs: Int64

    package enum Limits {
        /// Bytes of an answer that is kept: legs of a model's own, with all prose, are some 8 KiB.
        package static let bytesMax = 32 * 1024
    }

    package init(said: [UInt8], endpoint: String, modelName: String, ageMs: Int64 = 0) {
        self.said = said
        self.endpoint = endpoint
        self.modelName = modelName
        self.ageMs = ageMs
    }
}

/// Who joins: an attempt of a request.
package struct Seat: Sendable {
    package let partition: Int
    package let requestID: RequestID
    package let attempt: Int
    /// When its lead is over at the latest, Unix milliseconds.
    package let untilMs: Int64
}

/// What somebody finds who joins.
package enum Joined: Sendable {
    case answered(SharedAnswer)
    /// It is to ask. What is no longer fresh may still do where nobody answers.
    case leads(old: SharedAnswer?)
    /// Another asks.
    case follows
    /// Nobody asks, and it would not.
    case free
    /// The store did not say: it asks for itself.
    case unknown
}

package enum SharingOutcome: String, CaseIterable, Sendable {
    /// An answer was there, or came to who waited, and was passed on.
    case hit
    /// None was: it asks for all.
    case miss
    /// It waits for what another is answered.
    case followed
    /// It was looked at anew, and may not be passed on to this request.
    case unfit
    /// Nobody answered, and one that was no longer fresh was passed on.
    case stale
}
