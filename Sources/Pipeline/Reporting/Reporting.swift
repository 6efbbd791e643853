internal import Contract

/// The stage of a question for usage: it is read where usage is kept, and costs nobody anything.
///
/// It takes no place in any book. Whoever takes it over reads once more, and one answer is told.
package struct Reporting: Sendable {
    private let books: (any UsageBooks)?

    /// - Parameter books: Nil where usage is kept nowhere.
    package init(books: (any UsageBooks)? = nil) { self.books = books }

    func answer(_ asked: AcceptedUsage) async throws(CancellationError) -> Ending {
        guard let books else {
            return .rejected(.invalid("type", "usage is kept nowhere in this service"))
        }
        switch try await books.report(asked) {
        case .report(let payload): return .report(payload)
        case .busy(let ms):
            return .rejected(
                Rejection(
                    .overloaded,
                    "more questions for usage wait than can be answered",
                    retryAfterMs: ms
                )
            )
        case .late: return .failed(.reportLate, attempts: asked.entry.history.attempt)
        case .away: return .failed(.reportAway, attempts: asked.entry.history.attempt)
        }
    }
}

extension Failure {
    fileprivate static let reportLate = Failure(
        .deadline,
        "usage could not be read by the deadline"
    )
    fileprivate static let reportAway = Failure(.upstreamError, "usage cannot be read now")
}

/// What users asked for and what it cost, where that is kept: beside the strategies' way.
package protocol UsageBooks: Sendable {
    func report(_ asked: AcceptedUsage) async throws(CancellationError) -> UsageVerdict
}

package enum UsageVerdict: Sendable {
    /// The payload of its result.
    case report([UInt8])
    /// As many wait for an answer as may.
    case busy(retryAfterMs: Int64)
    /// It could not be read in time.
    case late
    /// It cannot be read: whoever keeps it is away, or refuses.
    case away
}
